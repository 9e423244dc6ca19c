"""The tables of what was asked for, by whom and how it ended, the most frequent first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable
from dataclasses import replace
from enum import Enum

from iamops.accesslog.format import LogField
from iamops.model.profile import Profile
from iamops.model.traffic import OTHERS, NamedCount, Traffic, named_counts
from iamops.tui.overview.requests import failure_mark
from iamops.tui.toolkit.text import (
    PaneContent,
    Row,
    Rows,
    TableColumn,
    TextSpan,
    Tone,
    column,
    count,
    percent,
    table_cells,
    table_headings,
)
from iamops.tui.traffic.panes import ROW, SnapshotSource, TrafficPane, label
from iamops.tui.traffic.snapshot import TrafficSnapshot

COUNT, SHARE, FAILED = 7, 6, 7


def _by_name(counts: Counter[str]) -> Counter[tuple[str, str]]:
    """The counts in the shape of the other tables, without a status class."""
    return Counter({(name, ""): number for name, number in counts.items()})


class Top(Enum):
    """A table: its title, the field it is about, what a term of the filter calls that, and its counts."""

    PATHS = ("PATHS", LogField.PATH, "path", lambda traffic: traffic.paths)
    HOSTS = ("HOSTS", LogField.HOST, "host", lambda traffic: traffic.hosts)
    STATUSES = ("STATUS", LogField.STATUS, "status", lambda traffic: _by_name(traffic.statuses))
    CLIENTS = ("CLIENTS", LogField.CLIENT, "client", lambda traffic: traffic.clients)
    METHODS = ("METHODS", LogField.METHOD, "method", lambda traffic: _by_name(traffic.methods))

    def __init__(
        self, title: str, field: LogField, term: str, counts: Callable[[Traffic], Counter[tuple[str, str]]]
    ) -> None:
        self.title, self.field, self.term, self.counts = title, field, term, counts

    @property
    def has_errors(self) -> bool:
        """Clients and methods are counted without their status; a status needs no share of errors."""
        return self in (Top.PATHS, Top.HOSTS)

    def after(self, steps: int = 1) -> Top:
        """The table that many steps on; after the last comes the first."""
        tables = list(Top)
        return tables[(tables.index(self) + steps) % len(tables)]


class TopTable(TrafficPane):
    """One of the tables; `t` shows the next. `steps`: how many tables it is ahead of the chosen one."""

    NAME = "Tables"
    ABOUT = (
        "What was asked for in the window. t goes from paths (:id stands for what names one thing among many) to "
        "hosts, status codes, clients and methods. Enter on a row adds it to the filter; Esc clears that."
    )
    if_empty = "no requests in this window"

    def __init__(self, ident: str, snapshot: SnapshotSource, steps: int = 0) -> None:
        super().__init__(ident, snapshot)
        self._steps = steps
        self._sorted_for: Hashable = None
        self._counts: tuple[NamedCount, ...] = ()
        self.turn_to(Top.PATHS)

    def turn_to(self, top: Top) -> None:
        """Another table, from its top."""
        self.top = top.after(self._steps)
        self.field, self.term = self.top.field, self.top.term
        # The second of two tables follows the first: the key turns both.
        hint = () if self._steps else (TextSpan(" t next", Tone.MUTED),)
        self.title = (TextSpan(self.top.title, Tone.TITLE), *hint)
        self._key, self._index, self._top = None, 0, 0
        self.repaint()

    def table(self, snapshot: TrafficSnapshot, profile: Profile, width: int) -> PaneContent:
        top, key = self.top, (snapshot.at, snapshot.span, snapshot.where, self.top)
        if self._sorted_for != key:
            self._sorted_for, self._counts = key, named_counts(top.counts(snapshot.all_nodes))
        counts = self._counts
        total = sum(named.total for named in counts)
        columns = _columns(top, total)
        # The end of the rule belongs to the arrows that say there is more: the last heading stands before them.
        name_width = max(6, width - 1 - COUNT - SHARE - (FAILED + 3 if top.has_errors else 6))
        headed = (*columns[:2], *(replace(table_column, width=FAILED - 3) for table_column in columns[2:]))

        def row(number: int) -> Row:
            named = counts[number]
            name = TextSpan(f" {column(label(named.name), name_width)}", _tone(top, named.name))
            line = (name, *table_cells(columns, named))
            return Row.single_cell(f"{ROW}{named.name}", line, _in_words(top, named, total), width)

        rows = Rows((f"{ROW}{named.name}" for named in counts), row)
        return PaneContent(self.title, rows=rows, overlays=table_headings(headed, 1 + name_width))


def _columns(top: Top, total: int) -> tuple[TableColumn[NamedCount], ...]:
    def share(named: NamedCount) -> TextSpan:
        return TextSpan(percent(named.total / total if total else 0.0), Tone.MUTED)

    columns: tuple[TableColumn[NamedCount], ...] = (
        TableColumn("reqs", COUNT, lambda named: TextSpan(count(named.total)), numeric=True),
        TableColumn("share", SHARE, share, numeric=True),
    )
    if not top.has_errors:
        return columns
    return (*columns, TableColumn("5xx", FAILED, _failed, numeric=True))


def _failed(named: NamedCount) -> TextSpan:
    if not named.errors:
        return TextSpan("0%", Tone.MUTED)
    share = named.errors / named.total if named.total else 0.0
    glyph, tone = failure_mark(share)
    return TextSpan(f"{glyph}{percent(share)}", tone)


def _tone(top: Top, name: str) -> Tone:
    if name == OTHERS or not name:
        return Tone.MUTED
    if top is Top.STATUSES:
        return {"5": Tone.DOWN, "4": Tone.WARN}.get(name[:1], Tone.PLAIN)
    return Tone.PLAIN


def _in_words(top: Top, named: NamedCount, total: int) -> str:
    what = f"all {top.title.lower()} that are not in the table" if named.name == OTHERS else label(named.name)
    words = f"{what} · {named.total} requests, {percent(named.total / total if total else 0.0)}"
    if not top.has_errors:
        return words
    return f"{words} · {named.errors} of them 5xx ({percent(named.errors / named.total if named.total else 0.0)})"
