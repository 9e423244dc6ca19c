"""The top finding and its next step."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType

from console.tui.actions import TRIAGE
from console.tui.spot import Sought, Spot
from console.tui.view.dirty import Part
from console.tui.view.finding import findings, key_of, placed
from console.tui.view.moment import Moment
from console.tui.view.rows import Picture
from console.tui.widgets.pane import Pane


class FindingBar(Pane):
    """One finding at a time; j and k go through the others."""

    PART = Part.FINDING
    NAME = "Findings"
    ABOUT = (
        "What the rules say is wrong, the worst first, what follows from it below it (└), with its evidence and "
        "the next safe step. What only a deep look could tell carries its age; ^R looks again. "
        "j and k go through the others; c copies the finding with its evidence and step; Enter opens it in Triage."
    )
    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "triage", "Open it in Triage", show=False)]

    @property
    def titled(self) -> bool:
        return self.size.height > 1

    def picture(self, moment: Moment, width: int, height: int) -> Picture:
        return findings(moment, width, height)

    def action_triage(self) -> None:
        row, moment = self._row_under_cursor(), self.moment
        if row is None or moment is None or not row.key:
            self.post_message(Sought(TRIAGE, Spot()))
            return
        found, _ = tuple(placed(moment.findings))[int(row.key.rpartition(" ")[2])]
        self.post_message(Sought(TRIAGE, Spot(key_of(found), found.node)))
