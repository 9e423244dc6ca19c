"""The shape every pane is drawn from: a title rule and rows, each row with cells a cursor can rest on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import overload

from console.tui.view.tone import EMPTY, Line, Span


@dataclass(frozen=True, slots=True)
class Cell:
    """Columns `start` to `start + width` of a row. `detail` says in full what the cell shows in short.

    `aim` is what an action on this cell would be about: a unit and a node, as a command names them.
    """

    start: int
    width: int
    detail: str
    aim: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One line. Rows with the same `key` belong together: the cursor takes them as one."""

    key: str
    line: Line
    cells: tuple[Cell, ...] = ()

    @classmethod
    def whole(cls, key: str, line: Line, detail: str, width: int, aim: str = "") -> Row:
        """A row that is a single cell."""
        return cls(key, line, (Cell(0, width, detail, aim),))


class Rows(Sequence[Row]):
    """Rows that are made when they are looked at: of fifty nodes only the visible ones cost anything.

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
class Picture:
    """What a pane shows. `title` and `marks` stand at the two ends of the rule on top of it.

    `overlays` are texts at fixed columns of that rule: column headings, marks in time.
    """

    title: Line = EMPTY
    rows: Rows = field(default_factory=Rows)
    marks: Line = EMPTY
    overlays: tuple[tuple[int, Span], ...] = ()
