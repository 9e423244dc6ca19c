"""NO_COLOR: strips every colour from what is about to be written; a background becomes reverse video."""

from __future__ import annotations

from functools import lru_cache

from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter


class WithoutColor(LineFilter):
    """Keeps weight, underline and reverse. What Textual marks by a background alone stays marked."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return [Segment(text, style and _colourless(style), control) for text, style, control in segments]


@lru_cache(1024)
def _colourless(style: Style) -> Style:
    painted = style.bgcolor is not None and not style.bgcolor.is_default
    return style.without_color + Style(reverse=True) if painted else style.without_color
