"""The audit view: the runs of the ledger, and everything about the one under the cursor."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static

from console.ledger.page import Page
from console.tui.actions import AUDIT, Situation
from console.tui.dialog import toned
from console.tui.palette import Palette
from console.tui.screens.view import View
from console.tui.view.audit import run_story
from console.tui.view.moment import Moment
from console.tui.view.tone import Span, Tone
from console.tui.widgets.audit_list import AuditList
from console.tui.widgets.status_header import StatusHeader


class AuditScreen(View):
    """Shows a page of the ledger; the header goes on living."""

    NAME = AUDIT
    ABOUT = AuditList.ABOUT
    AUTO_FOCUS = "#runs"
    DEFAULT_CSS = """
    AuditScreen { background: $background; overflow: hidden; }
    AuditScreen #runs { height: 45%; }
    AuditScreen VerticalScroll { height: 1fr; padding: 0 1; scrollbar-size-vertical: 1; }
    AuditScreen #story { height: auto; }
    """

    def __init__(self, moment: Moment, palette: Palette, base: Situation) -> None:
        super().__init__(moment, palette, base)
        self._runs = AuditList("runs")

    def compose(self) -> ComposeResult:
        yield StatusHeader("header")
        yield self._runs
        with VerticalScroll(can_focus=False):
            yield Static(id="story")
        yield self.foot

    def on_mount(self) -> None:
        super().on_mount()
        self.paint(self.moment)

    def turn_to(self, page: Page) -> None:
        """Shows another state of the ledger, once the list has its place on the screen."""
        self._runs.turn_to(page)
        self.call_after_refresh(self._show_story)

    def dress(self, palette: Palette) -> None:
        super().dress(palette)
        self._show_story()

    def on_resize(self) -> None:
        self._show_story()

    def on_pane_moved(self) -> None:
        super().on_pane_moved()
        self._show_story()

    def _show_story(self) -> None:
        run = self._runs.chosen
        lines = run_story(run, max(40, self.size.width - 4)) if run else ((Span("no records yet", Tone.MUTED),),)
        self.query_one("#story", Static).update(toned(lines, self._palette))
