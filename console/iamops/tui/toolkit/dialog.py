"""What the dialogs share: their frame, and toned lines as text."""

from __future__ import annotations

from collections.abc import Iterable

from rich.text import Text
from textual.containers import Vertical
from textual.content import Content

from iamops.tui.toolkit.palette import Palette
from iamops.tui.toolkit.text import Line, printable

WIDTH = 100
# The border, the padding and a scroll bar.
FRAME = 5
# The upper and the lower edge.
BORDER = 2

_CSS = """
$NAME { align: center middle; background: $background 60%; }
$NAME > Vertical {
    width: 100; max-width: 100%; max-height: 100%;
    background: $background; border: round $rule; padding: 0 1;
}
$NAME VerticalScroll {
    height: 1fr; scrollbar-size-vertical: 1;
    scrollbar-color: $rule; scrollbar-background: $background;
}
$NAME Horizontal { height: 1; }
$NAME Static { height: auto; }
$NAME .label { width: auto; color: $muted; }
$NAME Input { width: 1fr; height: 1; border: none; padding: 0 1; background: $surface; }
$NAME Input:focus { background: $block-cursor-background; }
$NAME Checkbox { width: auto; height: 1; border: none; padding: 0; background: $background; }
$NAME Button { width: auto; min-width: 10; height: 1; border: none; margin-right: 2; }
$NAME Button:focus { text-style: bold reverse; }
"""


def dialog_css(name: str) -> str:
    """The style of the dialog class of that name."""
    return _CSS.replace("$NAME", name)


def text_width(screen_width: int) -> int:
    """Columns that a dialog has for its text."""
    return max(30, min(WIDTH, screen_width) - FRAME)


def fit(box: Vertical, lines: int, controls: int, screen_height: int) -> None:
    """As high as its text and its controls need. Where that is too high, the text scrolls, never the controls."""
    box.styles.height = min(lines + controls + BORDER, screen_height)


def plain(text: str) -> Content:
    """For titles and labels: Textual reads markup in a bare text, and a name may hold some."""
    return Content(printable(text))


def toned(lines: Iterable[Line], palette: Palette) -> Text:
    """Toned lines as Rich text; never through a markup parser."""
    return Text("\n").join(
        Text.assemble(*((printable(span.text), palette.tones[span.tone]) for span in line)) for line in lines
    )
