"""The drills view: every drill, how it went, and what the one under the cursor does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from console.model.drill import Drill
from console.tui.actions import DRILLS, Situation
from console.tui.palette import Palette
from console.tui.screens.listing import Listing
from console.tui.view.drill import drill_story
from console.tui.view.moment import Moment
from console.tui.view.tone import Line, Span, Tone
from console.tui.widgets.drill_list import DrillList


class DrillsScreen(Listing):
    """Shows the drills and their reports."""

    NAME = DRILLS
    ABOUT = DrillList.ABOUT

    def __init__(self, moment: Moment, palette: Palette, base: Situation) -> None:
        self._drills = DrillList("list")
        self._reports: Sequence[Mapping[str, Any]] = ()
        super().__init__(moment, palette, base, self._drills)

    def turn_to(self, drills: tuple[Drill, ...], reports: Sequence[Mapping[str, Any]]) -> None:
        """Shows other drills, or newer results, once the list has its place on the screen."""
        self._reports = reports
        self._drills.turn_to(drills, reports)
        self.call_after_refresh(self.show_story)

    def story(self, width: int) -> tuple[Line, ...]:
        drill = self._drills.chosen
        return drill_story(drill, self._reports, width) if drill else ((Span("no drills", Tone.MUTED),),)
