"""The audit view: the runs of the ledger, and everything about the one under the cursor."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from console.ledger.page import Page
from console.model.facts import Severity
from console.tui.actions import AUDIT, Situation
from console.tui.palette import Palette
from console.tui.screens.listing import Listing
from console.tui.screens.view import Sources
from console.tui.view.audit import run_story
from console.tui.view.moment import Moment
from console.tui.view.tone import Line, Span, Tone
from console.tui.widgets.audit_list import AuditList


class AuditScreen(Listing):
    """Shows a page of the ledger."""

    NAME = AUDIT
    ABOUT = AuditList.ABOUT

    def __init__(self, moment: Moment, palette: Palette, base: Situation) -> None:
        self._runs = AuditList("list")
        super().__init__(moment, palette, base, self._runs)

    async def learn(self, sources: Sources) -> Callable[[], None]:
        """Reads the ledger in a thread: a slow disk must not hold up the keyboard."""
        try:
            page = await asyncio.to_thread(sources.deck.audit)
        except OSError as error:
            text = f"the ledger cannot be read: {error.filename}: {error.strerror}"
            return lambda: self.toast(text, Severity.WARNING)
        return lambda: self.turn_to(page)

    def turn_to(self, page: Page) -> None:
        """Shows another state of the ledger, once the list has its place on the screen."""
        self._runs.turn_to(page)
        self.call_after_refresh(self.show_story)

    def story(self, width: int) -> tuple[Line, ...]:
        run = self._runs.chosen
        return run_story(run, width) if run else ((Span("no records yet", Tone.MUTED),),)
