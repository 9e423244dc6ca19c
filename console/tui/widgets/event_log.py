"""The latest events, the newest on top."""

from __future__ import annotations

from console.tui.view.dirty import Part
from console.tui.view.events import events
from console.tui.view.moment import Moment
from console.tui.view.rows import Picture
from console.tui.widgets.pane import Pane


class EventLog(Pane):
    """Notices that pass the filter."""

    PART = Part.EVENTS
    FILTERED = True
    NAME = "Events"
    ABOUT = (
        "What changed, the newest first, in your own time zone: · information, ▲ warning, ✗ critical. "
        "The cursor stays on its event while new ones arrive; g goes back to the newest. / filters."
    )

    def picture(self, moment: Moment, width: int, height: int) -> Picture:
        return events(moment, width)
