"""The event list, the newest on top. Long lines wrap: the end of an event is often its point."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from functools import lru_cache

from console.model.facts import Severity
from console.model.state import Notice
from console.tui.view.amounts import clock, day
from console.tui.view.fit import printable
from console.tui.view.health import SEVERITY_GLYPHS
from console.tui.view.moment import Moment
from console.tui.view.rows import Picture, Row, Rows
from console.tui.view.tone import Line, Span, Tone

INDENT = len("13:45:02 ▲ ")


def events(moment: Moment, width: int) -> Picture:
    """Every notice that passes the filter."""
    kept = [
        notice
        for notice in moment.state.notices
        if moment.keeps((notice.text, notice.node or "", notice.severity))
    ]
    rows = list(_by_day(kept, moment.now, width))
    if not rows:
        words = "nothing matches the filter" if moment.needle else "nothing has happened yet"
        rows = [Row("", (Span(f" {words}", Tone.MUTED),))]
    marks = (Span(str(len(kept)), Tone.MUTED),) if kept else ()
    return Picture((Span("EVENTS", Tone.TITLE),), rows=Rows.of(rows), marks=marks)


def _by_day(notices: list[Notice], now: float, width: int) -> Iterator[Row]:
    """The newest first; a day that is not today has its date above it."""
    shown = day(now)
    for notice in reversed(notices):
        if (of := day(notice.at)) != shown:
            shown = of
            yield Row("", (Span(f"{of}:", Tone.MUTED),))
        yield from _rows(notice, width)


@lru_cache(maxsize=1024)
def _rows(notice: Notice, width: int) -> tuple[Row, ...]:
    glyph, tone = SEVERITY_GLYPHS[notice.severity]
    text = printable(f"{notice.text} ({notice.source})" if notice.source else notice.text)
    key = f"{notice.at} {text}"
    told = textwrap.wrap(text, max(8, width - INDENT), max_lines=4, placeholder=" …") or [""]
    loud = Tone.PLAIN if notice.severity is Severity.INFO else tone
    if notice.source:
        loud = Tone.MUTED if notice.severity is Severity.INFO else tone
    first: Line = (Span(f"{clock(notice.at)} ", Tone.MUTED), Span(f"{glyph} ", tone), Span(told[0], loud))
    rest: list[Line] = [(Span(" " * INDENT), Span(part, loud)) for part in told[1:]]
    detail = f"{clock(notice.at)} {text}"
    return tuple(Row.whole(key, line, detail, width) for line in (first, *rest))
