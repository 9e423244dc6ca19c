"""Toned text: what a piece of text means, and rows, tables and paragraphs of it. Which colour that is, the theme
decides.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from typing import Generic, TypeVar, overload

from rich.cells import cell_len, set_cell_size

from iamops.model.text import is_safe, safe


class Tone(StrEnum):
    """The meaning of a piece of text. Never the only carrier of it: a glyph and a word say it too."""

    PLAIN = "plain"
    MUTED = "muted"
    TITLE = "title"
    RULE = "rule"
    FOCUS = "focus"
    ACCENT = "accent"
    OK = "ok"
    WARN = "warn"
    DOWN = "down"
    UNKNOWN = "unknown"
    STALE = "stale"
    GRAPH = "graph"
    MARK = "mark"
    BAR = "bar"
    BAR_WARN = "bar-warn"
    BAR_ALARM = "bar-alarm"
    PROD = "prod"
    PROD_WARN = "prod-warn"
    PROD_ALARM = "prod-alarm"
    PROD_RULE = "prod-rule"


@dataclass(frozen=True, slots=True)
class TextSpan:
    """A run of text in one tone."""

    text: str
    tone: Tone = Tone.PLAIN


Line = tuple[TextSpan, ...]
EMPTY: Line = ()


def line_of_cells(cells: Iterable[tuple[str, Tone]]) -> Line:
    """Single characters as a line: neighbours of one tone become one span."""
    line: list[TextSpan] = []
    for character, tone in cells:
        if line and line[-1].tone is tone:
            line[-1] = TextSpan(line[-1].text + character, tone)
        else:
            line.append(TextSpan(character, tone))
    return tuple(line)


def text_of(line: Line) -> str:
    """The bare text of a line, as it would be copied."""
    return "".join(span.text for span in line)


# The shape every pane is drawn from: a title rule and rows, each row with cells a cursor can rest on.


@dataclass(frozen=True, slots=True)
class Cell:
    """Columns `start` to `start + width` of a row. `detail` says in full what the cell shows in short.

    `target` is what an action on this cell would be about: a unit and a node, as a command names them.
    """

    start: int
    width: int
    detail: str
    target: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One line. Rows with the same `key` belong together: the cursor takes them as one."""

    key: str
    line: Line
    cells: tuple[Cell, ...] = ()

    @classmethod
    def single_cell(cls, key: str, line: Line, detail: str, width: int, target: str = "") -> Row:
        return cls(key, line, (Cell(0, width, detail, target),))


class Rows(Sequence[Row]):
    """Rows that are made when they are shown: of fifty nodes only the visible ones cost anything.

    `keys` are known for all of them; an empty key is a row no cursor can rest on.
    """

    def __init__(self, keys: Iterable[str] = (), make: Callable[[int], Row] | None = None) -> None:
        self.keys = tuple(keys)
        self._make = make
        self._made: dict[int, Row] = {}

    @classmethod
    def of(cls, rows: Iterable[Row]) -> Rows:
        """Rows that have been made already."""
        made = tuple(rows)
        return cls((row.key if row.cells else "" for row in made), made.__getitem__)

    def __len__(self) -> int:
        return len(self.keys)

    @overload
    def __getitem__(self, at: int) -> Row: ...

    @overload
    def __getitem__(self, at: slice) -> tuple[Row, ...]: ...

    def __getitem__(self, at: int | slice) -> Row | tuple[Row, ...]:
        if isinstance(at, slice):
            return tuple(self[number] for number in range(*at.indices(len(self))))
        if self._make is None or not -len(self) <= at < len(self):
            raise IndexError(at)
        at %= len(self)
        if at not in self._made:
            self._made[at] = self._make(at)
        return self._made[at]


@dataclass(frozen=True, slots=True)
class PaneContent:
    """What a pane shows. `title` and `marks` stand at the two ends of the rule on top of it.

    `overlays` are texts at fixed columns of that rule: column headings, marks in time.
    """

    title: Line = EMPTY
    rows: Rows = field(default_factory=Rows)
    marks: Line = EMPTY
    overlays: tuple[tuple[int, TextSpan], ...] = ()


# Fits toned text into columns: widths in terminal cells, cuts marked with an ellipsis.

ELLIPSIS = "…"
# The screen is drawn from the same few hundred short texts again and again; long ones would fill the memory.
REMEMBERED, SHORT = 2048, 200


def printable(text: str) -> str:
    """The text as it may reach a terminal. Every line passes through here before it is measured."""
    if len(text) <= SHORT:
        return _remembered_safe(text)
    return text if is_safe(text) else safe(text)


_remembered_safe = lru_cache(REMEMBERED)(safe)


def width_of(line: Line) -> int:
    return sum(cell_len(printable(span.text)) for span in line)


def clip(text: str, width: int) -> str:
    """At most `width` cells; a cut shows."""
    return (_remembered_clip if len(text) <= SHORT else _clip)(text, width)


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


def clip_line(line: Iterable[TextSpan], width: int) -> Line:
    """The line cut to at most `width` cells, empty spans dropped."""
    kept: list[TextSpan] = []
    left = width
    for span in line:
        text = clip(span.text, left)
        if text:
            kept.append(TextSpan(text, span.tone))
        if text != printable(span.text):
            break
        left -= cell_len(text)
    return tuple(kept)


def fit_line(line: Iterable[TextSpan], width: int, fill: Tone = Tone.PLAIN) -> Line:
    """The line cut or padded to exactly `width` cells."""
    cut = clip_line(line, width)
    short = width - width_of(cut)
    return (*cut, TextSpan(" " * short, fill)) if short > 0 else cut


def align_ends(left: Line, other: Line, width: int, fill: str = " ", tone: Tone = Tone.PLAIN) -> Line:
    """`left` and `other` at the two ends of `width` cells; `left` gives way."""
    room = width - width_of(other)
    left = clip_line(left, max(0, room - 1))
    gap = max(0, room - width_of(left))
    return clip_line((*left, TextSpan(fill * gap, tone), *other), width)


def first_fitting(variants: Iterable[Line], width: int) -> Line:
    """The first variant that fits; the last one if none does."""
    chosen: Line = ()
    for chosen in variants:
        if width_of(chosen) <= width:
            break
    return chosen


# Ages, times and amounts as short text. Whole seconds: an age that ticks ten times a second is noise.


def age(seconds: float | None) -> str:
    """`<1s`, `12s`, `3m`, `5h`, `2d`; a dash for an age that is not known."""
    if seconds is None:
        return "-"
    if seconds < 1:
        return "<1s"
    for limit, unit_s, unit in ((60, 1, "s"), (3600, 60, "m"), (86400, 3600, "h")):
        if seconds < limit:
            return f"{int(seconds // unit_s)}{unit}"
    return f"{int(seconds // 86400)}d"


def clock(at: float) -> str:
    """The time of day in the operator's own zone."""
    return datetime.fromtimestamp(at, tz=UTC).astimezone().strftime("%H:%M:%S")


@lru_cache(maxsize=1024)
def day(at: float) -> str:
    """The day in the operator's own zone: `Sat 28 Nov`."""
    return datetime.fromtimestamp(at, tz=UTC).astimezone().strftime("%a %d %b")


def latency(ms: float | None) -> str:
    """`0.9 ms`, `12 ms`, `1.4 s`."""
    if ms is None:
        return ""
    if ms < 9.95:
        return f"{ms:.1f} ms"
    return f"{ms:.0f} ms" if ms < 999.5 else f"{ms / 1000:.1f} s"


def count(number: float) -> str:
    """`950`, `12.3k`, `4.5M`."""
    for limit, divisor, unit in ((1000, 1, ""), (999_950, 1000, "k"), (999_950_000, 1_000_000, "M")):
        if number < limit:
            return f"{number / divisor:.1f}{unit}" if unit else f"{number:.0f}"
    return f"{number / 1_000_000_000:.1f}G"


def rate(per_s: float) -> str:
    """`0/s`, `2.5/s`, `120/s`, `1.2k/s`."""
    return f"{per_s:.1f}/s" if 0 < per_s < 99.95 else f"{count(per_s)}/s"


def percent(share: float) -> str:
    """A share of 1 in percent; a share that is not zero never reads as zero."""
    points = share * 100
    if points == 0:
        return "0%"
    if points < 0.1:
        return "<0.1%"
    return f"{points:.1f}%" if points < 9.95 else f"{points:.0f}%"


def duration(seconds: float) -> str:
    """A length of time: `50s`, `2m`, `10m`."""
    return f"{seconds:.0f}s" if seconds < 120 else f"{seconds / 60:.0f}m"


Item = TypeVar("Item")
LEAST_ROOM = 20


@dataclass(frozen=True, slots=True)
class TableColumn(Generic[Item]):
    """A heading, the width in cells, and what stands there for an item.

    Numbers end where their heading ends. A text leaves the last cell of its column blank.
    """

    heading: str
    width: int
    cell: Callable[[Item], TextSpan]
    numeric: bool = False


def table_cells(columns: Sequence[TableColumn[Item]], item: Item) -> Line:
    """The row of an item, as wide as its columns together."""
    line: list[TextSpan] = []
    for table_column in columns:
        span, width = table_column.cell(item), table_column.width
        text = right(span.text, width) if table_column.numeric else column(span.text, width - 1) + " "
        line.append(TextSpan(text, span.tone))
    return tuple(line)


def table_headings(columns: Sequence[TableColumn[Item]], start: int = 0) -> tuple[tuple[int, TextSpan], ...]:
    """Overlays for the rule above a table whose first column begins at `start`."""
    headings: list[tuple[int, TextSpan]] = []
    for table_column in columns:
        indent = table_column.width - len(table_column.heading) if table_column.numeric else 0
        if table_column.heading:
            headings.append((start + indent, TextSpan(table_column.heading, Tone.MUTED)))
        start += table_column.width
    return tuple(headings)


def wrapped(text: str, tone: Tone, width: int, indent: str = "", hanging: str = "") -> list[Line]:
    """Any text, made harmless, as lines of one tone; `hanging` stands before all but the first."""
    room = max(LEAST_ROOM, width - len(indent))
    lines = textwrap.wrap(safe(text), room, subsequent_indent=hanging)
    return [(TextSpan(indent + line, tone),) for line in lines]


def labelled(label: str, text: str, tone: Tone, width: int, text_tone: Tone = Tone.PLAIN) -> list[Line]:
    """A label in `tone` and any text, made harmless and wrapped beside it."""
    pieces = textwrap.wrap(safe(text), max(LEAST_ROOM, width - len(label))) or [""]
    labels = (label, *[" " * len(label)] * (len(pieces) - 1))
    return [(TextSpan(head, tone), TextSpan(piece, text_tone)) for head, piece in zip(labels, pieces, strict=True)]
