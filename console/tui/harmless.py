"""The edge of the screen: no text of any widget reaches the terminal, a picture or the clipboard with controls."""

from __future__ import annotations

from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from console.parse.safe_text import is_safe, thinned

PLACEHOLDER = "\ufffd"


class Harmless(LineFilter):
    """Textual writes what it is given. Views make foreign text readable before they measure it; what did not come
    that way keeps its width here, and nothing else.
    """

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        if all(is_safe(segment.text) for segment in segments if not segment.control):
            return segments
        return [each if each.control else Segment(_visible(each.text), each.style) for each in segments]


def _visible(text: str) -> str:
    return "".join(each if is_safe(each) else PLACEHOLDER * cell_len(each) for each in thinned(text, told=False))
