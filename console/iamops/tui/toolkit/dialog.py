"""What the dialogs share: their frame, their scrolling, and toned lines as text."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen, ScreenResultType

from iamops.tui.toolkit.palette import Palette
from iamops.tui.toolkit.text import Line, printable

WIDTH = 100
# The border, the padding and a scroll bar.
FRAME = 5
# The upper and the lower edge.
BORDER = 2


class Dialog(ModalScreen[ScreenResultType]):
    """A box in the middle: a text that scrolls, and below it controls that never do."""

    DEFAULT_CSS = """
    Dialog { align: center middle; background: $background 60%; }
    Dialog > Vertical {
        width: 100; max-width: 100%; max-height: 100%;
        background: $background; border: round $rule; padding: 0 1;
    }
    Dialog VerticalScroll {
        height: 1fr; scrollbar-size-vertical: 1;
        scrollbar-color: $rule; scrollbar-background: $background;
    }
    Dialog Horizontal { height: 1; }
    Dialog Static { height: auto; }
    Dialog .label { width: auto; color: $muted; }
    Dialog Input { width: 1fr; height: 1; border: none; padding: 0 1; background: $surface; }
    Dialog Input:focus { background: $block-cursor-background; }
    Dialog Checkbox { width: auto; height: 1; border: none; padding: 0; background: $background; }
    Dialog Button { width: auto; min-width: 10; height: 1; border: none; margin-right: 2; }
    Dialog Button:focus { text-style: bold reverse; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c", "copy", "Copy as command", show=False),
        Binding("j,down", "scroll(1)", "Down", show=False),
        Binding("k,up", "scroll(-1)", "Up", show=False),
        Binding("pagedown", "scroll(10)", "Page down", show=False),
        Binding("pageup", "scroll(-10)", "Page up", show=False),
    ]

    def action_scroll(self, lines: int) -> None:
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)

    @property
    def text_width(self) -> int:
        """Columns for the text."""
        return max(30, min(WIDTH, self.app.size.width) - FRAME)

    def fit(self, box: Vertical, lines: int, controls: int) -> None:
        """Makes the box as high as its text and its controls need, at most as high as the screen."""
        box.styles.height = min(lines + controls + BORDER, self.app.size.height)


def plain(text: str) -> Content:
    """For titles and labels: Textual reads markup in a bare text, and a name may hold some."""
    return Content(printable(text))


def toned(lines: Iterable[Line], palette: Palette) -> Text:
    """Toned lines as Rich text; never through a markup parser."""
    return Text("\n").join(
        Text.assemble(*((printable(span.text), palette.tones[span.tone]) for span in line)) for line in lines
    )
