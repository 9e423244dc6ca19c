"""The help dialog. The console keeps refreshing behind it."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from console.tui.dialog import toned
from console.tui.palette import Palette
from console.tui.view.tone import Line


class HelpScreen(ModalScreen[None]):
    """Scrolls through lines that were made for the situation."""

    DEFAULT_CSS = """
    HelpScreen { align: center middle; background: $background 60%; }
    HelpScreen VerticalScroll {
        width: 80; max-width: 100%; height: auto; max-height: 100%;
        background: $background; border: round $rule; padding: 0 1;
        scrollbar-size-vertical: 1; scrollbar-color: $rule; scrollbar-background: $background;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,ctrl+c", "dismiss", "Close", show=False),
        Binding("j", "scroll(1)", "Down", show=False),
        Binding("k", "scroll(-1)", "Up", show=False),
        Binding("g", "ends(False)", "Top", show=False),
        Binding("G", "ends(True)", "Bottom", show=False),
    ]

    def __init__(self, lines: tuple[Line, ...], palette: Palette) -> None:
        super().__init__()
        self._text = toned(lines, palette)

    def compose(self) -> ComposeResult:
        with VerticalScroll() as box:
            box.border_title = "Help · Esc closes"
            yield Static(self._text)

    def action_scroll(self, lines: int) -> None:
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)

    def action_ends(self, bottom: bool) -> None:
        box = self.query_one(VerticalScroll)
        if bottom:
            box.scroll_end(animate=False)
        else:
            box.scroll_home(animate=False)
