"""The rule on top of a pane: title, headings and marks on one line."""

from __future__ import annotations

from console.tui.view.fit import clip, clip_line, printable, width_of
from console.tui.view.rows import Picture
from console.tui.view.tone import Line, Span, Tone

DASH = "─"
# Cells that still tell something.
LEAST_MARKS = 16


def rule(picture: Picture, width: int, *, tone: Tone = Tone.RULE, focused: bool = False) -> Line:
    """Exactly `width` cells. Focus shows as a pointer before the title, not only as a colour."""
    pieces = _pieces(picture, width, focused)
    line: list[Span] = []
    at = 0
    for start, text in pieces:
        if start < at:
            continue
        text = clip_line(text, width - start)
        line.extend((Span(DASH * (start - at), tone), *text))
        at = start + width_of(text)
    return (*line, Span(DASH * max(0, width - at), tone))


def _pieces(picture: Picture, width: int, focused: bool) -> list[tuple[int, Line]]:
    title = tuple(Span(s.text, Tone.FOCUS) if focused and s.tone is Tone.TITLE else s for s in picture.title)
    lead = Span("▸", Tone.FOCUS) if focused else Span(" ")
    pieces: list[tuple[int, Line]] = [(1, (lead, *title, Span(" ")))] if title else []
    marks: Line = (Span(" "), *picture.marks, Span(" ")) if picture.marks else ()
    room = width - 1 - sum(start + width_of(text) for start, text in pieces)
    # Cut rather than left out: a verdict begins with what it says.
    marks = clip_line(marks, room) if room >= LEAST_MARKS else marks
    last = width - width_of(marks) - 1
    for start, span in picture.overlays:
        if start < last:
            pieces.append((start, _framed(span, last - start)))
    if marks and last > 0:
        pieces.append((last, marks))
    return pieces


def _framed(span: Span, room: int) -> Line:
    """A heading is followed by a space; a mark in time (one cell) is not."""
    text = clip(span.text, max(1, room - 1))
    return (Span(text, span.tone),) if len(printable(text)) == 1 else (Span(text, span.tone), Span(" "))
