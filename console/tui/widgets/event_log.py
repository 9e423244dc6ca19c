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
        "What the nodes' journals and the audit remember of the last day is grey, with its source; a move of a "
        "VIP has what led to it. Findings that come and go are events as well. "
        "The cursor stays on its event while new ones arrive; g goes back to the newest. / filters."
    )

    def picture(self, moment: Moment, width: int, height: int) -> Picture:
        return events(moment, width)
