"""The drills there are, with how they went last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from textual.binding import Binding, BindingType

from console.model.drill import Drill
from console.tui.view.dirty import Part
from console.tui.view.drill import HEADINGS, drill_row
from console.tui.view.moment import Moment
from console.tui.view.rows import Picture, Rows
from console.tui.view.tone import Span, Tone
from console.tui.widgets.pane import Pane


class DrillList(Pane):
    """One line a drill; what the one under the cursor does stands below."""

    PART = Part.DRILLS
    FILTERED = True
    NAME = "Drills"
    ABOUT = (
        "Each drill breaks something on purpose, measures what clients lost, compares it with what VRRP's theory "
        "allows for the configuration the nodes run with, and puts everything back. D or Enter runs the one under "
        "the cursor, once armed; ▲ takes a whole machine away. Space and b read on below. Your own stand in "
        "~/.config/iamops/drills."
    )
    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "app.perform('drill')", "Run it", show=False)]

    def __init__(self, ident: str) -> None:
        super().__init__(ident)
        self._drills: tuple[Drill, ...] = ()
        self._reports: Sequence[Mapping[str, Any]] = ()

    def turn_to(self, drills: tuple[Drill, ...], reports: Sequence[Mapping[str, Any]]) -> None:
        """Shows other drills, or the same with newer results."""
        self._drills, self._reports = drills, reports
        self.repaint()

    @property
    def chosen(self) -> Drill | None:
        """The drill under the cursor."""
        row = self._row_under_cursor()
        return next((drill for drill in self._drills if row is not None and drill.name == row.key), None)

    def picture(self, moment: Moment, width: int, height: int) -> Picture:
        drills = [drill for drill in self._drills if moment.keeps((drill.name, drill.title))]
        rows = Rows((drill.name for drill in drills), lambda n: drill_row(drills[n], self._reports, width))
        return Picture((Span("DRILLS", Tone.TITLE),), rows=rows, overlays=HEADINGS)
