"""Tables as data: columns with their headings; and longer texts as wrapped lines, with a label beside them."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from iamops.model.text import safe
from iamops.tui.toolkit.text import Line, TextSpan, Tone, column, right

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
