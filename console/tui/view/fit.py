"""Fits toned text into columns: widths in terminal cells, cuts marked with an ellipsis."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from rich.cells import cell_len, set_cell_size

from console.parse.safe_text import is_safe, safe
from console.tui.view.tone import Line, Span, Tone

ELLIPSIS = "…"
# A picture is drawn of the same few hundred short texts again and again; long ones would fill the memory.
REMEMBERED, SHORT = 2048, 200


def printable(text: str) -> str:
    """The text as it may reach a terminal. Every line passes through here before it is measured."""
    return _remembered_printable(text) if len(text) <= SHORT else _printable(text)


def _printable(text: str) -> str:
    return text if is_safe(text) else safe(text)


_remembered_printable = lru_cache(REMEMBERED)(_printable)


def width_of(line: Line) -> int:
    """Width in terminal cells."""
    return sum(cell_len(printable(span.text)) for span in line)


def clip(text: str, width: int) -> str:
    """At most `width` cells; a cut shows."""
    return _remembered_clip(text, width) if len(text) <= SHORT else _clip(text, width)


def _clip(text: str, width: int) -> str:
    text = printable(text)
    if cell_len(text) <= width:
        return text
    if cell_len(bare := text.rstrip()) <= width:
        return set_cell_size(bare, width)
    return set_cell_size(text, width - 1).rstrip() + ELLIPSIS if width > 1 else ELLIPSIS[:width]


_remembered_clip = lru_cache(REMEMBERED)(_clip)


def column(text: str, width: int) -> str:
    """Exactly `width` cells, left aligned."""
    return set_cell_size(clip(text, width), max(0, width))


def right(text: str, width: int) -> str:
    """Exactly `width` cells, right aligned."""
    text = clip(text, width)
    return " " * (width - cell_len(text)) + text


def clip_line(line: Iterable[Span], width: int) -> Line:
    """The line cut to at most `width` cells, empty spans dropped."""
    kept: list[Span] = []
    left = width
    for span in line:
        text = clip(span.text, left)
        if text:
            kept.append(Span(text, span.tone))
        if text != printable(span.text):
            break
        left -= cell_len(text)
    return tuple(kept)


def fit_line(line: Iterable[Span], width: int, fill: Tone = Tone.PLAIN) -> Line:
    """The line cut or padded to exactly `width` cells."""
    cut = clip_line(line, width)
    short = width - width_of(cut)
    return (*cut, Span(" " * short, fill)) if short > 0 else cut


def apart(left: Line, other: Line, width: int, fill: str = " ", tone: Tone = Tone.PLAIN) -> Line:
    """`left` and `other` at the two ends of `width` cells; `left` gives way."""
    room = width - width_of(other)
    left = clip_line(left, max(0, room - 1))
    gap = max(0, room - width_of(left))
    return clip_line((*left, Span(fill * gap, tone), *other), width)


def first_fitting(variants: Iterable[Line], width: int) -> Line:
    """The first variant that fits; the last one if none does."""
    chosen: Line = ()
    for chosen in variants:
        if width_of(chosen) <= width:
            break
    return chosen
