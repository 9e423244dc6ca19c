"""The top finding and its next step."""

from __future__ import annotations

from console.tui.view.dirty import Part
from console.tui.view.finding import findings
from console.tui.view.moment import Moment
from console.tui.view.rows import Picture
from console.tui.widgets.pane import Pane


class FindingBar(Pane):
    """One finding at a time; j and k go through the others."""

    PART = Part.FINDING
    NAME = "Findings"
    ABOUT = (
        "What the rules say is wrong, the worst first, with its evidence and the next safe step. "
        "j and k go through the others; c copies the finding with its evidence and step."
    )

    @property
    def titled(self) -> bool:
        return self.size.height > 1

    def picture(self, moment: Moment, width: int, height: int) -> Picture:
        return findings(moment, width, height)
