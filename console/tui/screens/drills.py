"""The drills view: every drill, how it went, and what the one under the cursor does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from console.model.drill import Drill
from console.model.facts import Severity
from console.tui.actions import DRILLS, Situation
from console.tui.palette import Palette
from console.tui.screens.listing import Listing
from console.tui.screens.view import Sources
from console.tui.view.dirty import ALL, Part
from console.tui.view.drill import course_of, drill_story, wrapped
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
        self._problem = ""
        self._told_of: object = None
        super().__init__(moment, palette, base, self._drills)

    async def learn(self, sources: Sources) -> Callable[[], None]:
        """Reads files and the ledger in a thread: a slow disk must not hold up the keyboard."""
        drills, problem = await sources.learn_drills()
        try:
            reports = await asyncio.to_thread(sources.deck.drill_reports)
        except OSError as error:
            text = f"the ledger cannot be read: {error.filename}: {error.strerror}"
            self.toast(text, Severity.WARNING)
            reports = ()
        return lambda: self.turn_to(drills, reports, problem)

    def turn_to(self, drills: tuple[Drill, ...], reports: Sequence[Mapping[str, Any]], problem: str = "") -> None:
        """Shows other drills, or newer results, once the list has its place on the screen.

        `problem`: why there are no drills, or not all of them.
        """
        self._reports, self._problem = reports, problem
        self._drills.turn_to(drills, reports)
        self.call_after_refresh(self.show_story)

    def story(self, width: int) -> tuple[Line, ...]:
        drill, moment = self._drills.chosen, self.moment
        problem = wrapped(f"✗ {self._problem}", Tone.DOWN, width) if self._problem else []
        if drill is not None:
            return (*problem, *drill_story(drill, self._reports, moment.state, moment.now, width))
        words = "nothing matches the filter" if moment.needle else "no drills"
        return tuple(problem) or ((Span(words, Tone.MUTED),),)

    def paint(self, moment: Moment, parts: frozenset[Part] = ALL) -> None:
        """The story names times that depend on who owns the VIP: it is told anew when that is another."""
        super().paint(moment, parts)
        drill = self._drills.chosen
        course = course_of(drill, moment.state, moment.now) if drill else ()
        told_of = (drill and drill.name, course[0].owner if course else "")
        if told_of != self._told_of:
            self._told_of = told_of
            self.show_story()
