"""The tables of the Traffic view: what was asked for, by whom, how it ended, and which backend answered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from iamops.accesslog.format import TELLS, Field
from iamops.model.profile import Profile
from iamops.model.safe_text import safe
from iamops.model.traffic import OTHERS, Backend, Traffic
from iamops.model.traffic import NamedCount as Named
from iamops.model.traffic import rows as named_rows
from iamops.plan.addresses import called
from iamops.tui.toolkit.text import (
    Line,
    PaneContent,
    Row,
    Rows,
    TextSpan,
    Tone,
    column,
    count,
    first_fitting,
    latency,
    percent,
    right,
)
from iamops.tui.traffic.nodes import short_latency
from iamops.tui.traffic.snapshot import TrafficSnapshot

BAD_SHARE = 0.05
COUNT, SHARE, FAILED, P99 = 7, 6, 7, 7
# Before the name in a row's key; a row of words has none.
ROW = "="
WORDS = "?"


class Top(Enum):
    """A table: its title, the field it is about, and what a term of the filter calls that."""

    PATHS = ("PATHS", Field.PATH, "path")
    HOSTS = ("HOSTS", Field.HOST, "host")
    STATUSES = ("STATUS", Field.STATUS, "status")
    CLIENTS = ("CLIENTS", Field.CLIENT, "client")
    METHODS = ("METHODS", Field.METHOD, "method")

    @property
    def title(self) -> str:
        return self.value[0]

    @property
    def field(self) -> Field:
        return self.value[1]

    @property
    def term(self) -> str:
        return self.value[2]

    @property
    def tells_errors(self) -> bool:
        """Clients and methods are not counted by how it ended; a status says it itself."""
        return self in (Top.PATHS, Top.HOSTS)

    def after(self, steps: int = 1) -> Top:
        """The table that many steps on; after the last comes the first."""
        tables = list(Top)
        return tables[(tables.index(self) + steps) % len(tables)]


@dataclass(frozen=True, slots=True)
class TopRows:
    """What a table holds; `names` are as they stand in the log."""

    table: Top
    rows: tuple[Named, ...] = ()

    @property
    def total(self) -> int:
        return sum(row.total for row in self.rows)


def top_rows(table: Top, traffic: Traffic) -> TopRows:
    """The most frequent first."""
    match table:
        case Top.PATHS:
            return TopRows(table, named_rows(traffic.paths))
        case Top.HOSTS:
            return TopRows(table, named_rows(traffic.hosts))
        case Top.CLIENTS:
            return TopRows(table, named_rows(traffic.clients))
        case Top.METHODS:
            return TopRows(table, named_rows({(name, ""): n for name, n in traffic.methods.items()}))
        case Top.STATUSES:
            return TopRows(table, named_rows({(name, ""): n for name, n in traffic.statuses.items()}))


def top_table(sight: TrafficSnapshot | None, found: TopRows, width: int, hint: str = "") -> PaneContent:
    """`hint` says how to come to the other tables."""
    table = found.table
    title = (TextSpan(table.title, Tone.TITLE), *((TextSpan(f" {hint}", Tone.MUTED),) if hint else ()))
    if sight is None:
        return PaneContent(title)
    if not sight.has(table.field):
        return PaneContent(title, rows=Rows.of((_missing(sight, table.field, width),)))
    if not found.rows:
        return PaneContent(title, rows=Rows.of((_nothing(sight, width),)))
    name_width = _name_width(table, width)
    total = found.total

    def row(number: int) -> Row:
        named = found.rows[number]
        line = _line(table, named, total, name_width)
        return Row.whole(key_of(named), line, row_text(table, named, total), width)

    keys = (key_of(named) for named in found.rows)
    return PaneContent(title, rows=Rows(keys, row), overlays=_headings(table, name_width))


def key_of(named: Named) -> str:
    """A name may be empty; a key may not."""
    return f"{ROW}{named.name}"


def label(name: str) -> str:
    """A name of a log as it may be shown."""
    return "others" if name == OTHERS else safe(name) or "(none)"


def row_text(table: Top, named: Named, total: int) -> str:
    """A row in words."""
    what = f"all {table.title.lower()} that are not in the table" if named.name == OTHERS else label(named.name)
    share = named.total / total if total else 0.0
    said = f"{what} · {named.total} requests, {percent(share)}"
    if not table.tells_errors:
        return said
    return f"{said} · {named.errors} of them 5xx ({percent(named.errors / named.total if named.total else 0.0)})"


def _name_width(table: Top, width: int) -> int:
    """The end of the rule belongs to the arrows that say there is more."""
    return max(6, width - 1 - COUNT - SHARE - (FAILED + 3 if table.tells_errors else 6))


def _headings(table: Top, name_width: int) -> tuple[tuple[int, TextSpan], ...]:
    headings = [("reqs", COUNT), ("share", SHARE), *([("5xx", FAILED - 3)] if table.tells_errors else [])]
    return _over(1 + name_width, headings)


def _over(start: int, headings: Iterable[tuple[str, int]]) -> tuple[tuple[int, TextSpan], ...]:
    found: list[tuple[int, TextSpan]] = []
    for text, width in headings:
        start += width
        found.append((start - len(text), TextSpan(text, Tone.MUTED)))
    return tuple(found)


def _line(table: Top, named: Named, total: int, name_width: int) -> Line:
    tone = Tone.MUTED if named.name == OTHERS or not named.name else _status_tone(table, named.name)
    share = percent(named.total / total if total else 0.0)
    line: Line = (
        TextSpan(f" {column(label(named.name), name_width)}", tone),
        TextSpan(right(count(named.total), COUNT)),
        TextSpan(right(share, SHARE), Tone.MUTED),
    )
    return (*line, _failed(named.errors, named.total)) if table.tells_errors else line


def _status_tone(table: Top, name: str) -> Tone:
    if table is not Top.STATUSES:
        return Tone.PLAIN
    return {"5": Tone.DOWN, "4": Tone.WARN}.get(name[:1], Tone.PLAIN)


def _failed(errors: int, total: int) -> TextSpan:
    """The share that failed; a sign shows it without colours."""
    if not errors:
        return TextSpan(right("0%", FAILED), Tone.MUTED)
    share = errors / total if total else 0.0
    glyph, tone = ("✗", Tone.DOWN) if share >= BAD_SHARE else ("▲", Tone.WARN)
    return TextSpan(right(f"{glyph}{percent(share)}", FAILED), tone)


def _missing(sight: TrafficSnapshot, field: Field, width: int) -> Row:
    why = sight.form.unavailable(field)
    variants = (
        (TextSpan(f" ? {words}", Tone.UNKNOWN),) for words in (why, f"the format has no ${TELLS[field][0]}")
    )
    return Row.whole(WORDS, first_fitting(variants, width), why, width)


def _nothing(sight: TrafficSnapshot, width: int) -> Row:
    words = "no requests in this window" if sight.known else "nothing counted yet"
    return _words(words, width)


def _words(words: str, width: int) -> Row:
    return Row.whole(WORDS, (TextSpan(f" {words}", Tone.MUTED),), words, width)


# --- backends ---


def backend_table(sight: TrafficSnapshot | None, profile: Profile, width: int) -> PaneContent:
    """In order of their names: a row stays where it is while the shares change."""
    title = (TextSpan("BACKENDS", Tone.TITLE),)
    if sight is None:
        return PaneContent(title)
    if not sight.has(Field.UPSTREAM):
        return PaneContent(title, rows=Rows.of((_missing(sight, Field.UPSTREAM, width),)))
    backends = backend_rows(sight, profile)
    if not backends:
        words = "no request went to a backend" if sight.known else "nothing counted yet"
        return PaneContent(title, rows=Rows.of((_words(words, width),)))
    return PaneContent(
        title, rows=Rows.of(_backends(sight, profile, backends, width)), overlays=_backend_heads(width)
    )


@dataclass(frozen=True, slots=True)
class BackendRow:
    """One service of one node, however each nginx calls it. `asked`: (nginx node, address) -> requests."""

    name: str
    backend: Backend
    was_asked: Mapping[tuple[str, str], int]


def backend_rows(sight: TrafficSnapshot, profile: Profile) -> tuple[BackendRow, ...]:
    """By name. What 127.0.0.1 is depends on whose nginx asks: two machines never share a row."""
    found: dict[str, tuple[Backend, dict[tuple[str, str], int]]] = {}
    for node in sight.nodes:
        for address, counted in node.traffic.backends.items():
            backend, asked = found.setdefault(called(profile, node.name, address), (Backend(), {}))
            backend.add(counted)
            asked[node.name, address] = asked.get((node.name, address), 0) + counted.requests
    return tuple(BackendRow(name, *found[name]) for name in sorted(found))


def _backends(
    sight: TrafficSnapshot, profile: Profile, backends: Sequence[BackendRow], width: int
) -> Iterable[Row]:
    total = sum(each.backend.requests for each in backends)
    for each in backends:
        share = each.backend.requests / total if total else 0.0
        line = _backend_line(sight, each.name, each.backend, share, width)
        yield Row.whole(f"{ROW}{each.name}", line, backend_text(sight, each, share), width)


def _columns_of(width: int) -> tuple[tuple[str, int], ...]:
    """A narrow table leaves out the requests: their share says more of a split."""
    columns = (("reqs", COUNT), ("share", SHARE), ("err", FAILED - 1), ("p99", P99))
    return columns if width >= 42 else columns[1:]


def _backend_heads(width: int) -> tuple[tuple[int, TextSpan], ...]:
    columns = _columns_of(width)
    return _over(width - 2 - sum(size for _, size in columns), columns)


def _backend_line(sight: TrafficSnapshot, name: str, backend: Backend, share: float, width: int) -> Line:
    cells = {
        "reqs": TextSpan(count(backend.requests)),
        "share": TextSpan(percent(share)),
        "err": _errors(sight, backend),
        "p99": _p99(sight, backend),
    }
    columns = _columns_of(width)
    numbers = tuple(TextSpan(right(cells[head].text, size), cells[head].tone) for head, size in columns)
    room = max(4, width - 3 - sum(size for _, size in columns))
    return (TextSpan(f" {column(label(name), room)}"), *numbers)


def _errors(sight: TrafficSnapshot, backend: Backend) -> TextSpan:
    if not sight.has(Field.UPSTREAM_STATUS):
        return TextSpan("?", Tone.UNKNOWN)
    if not backend.errors:
        return TextSpan("0", Tone.MUTED)
    bad = backend.errors >= BAD_SHARE * backend.requests
    return TextSpan(f"{'✗' if bad else '▲'}{count(backend.errors)}", Tone.DOWN if bad else Tone.WARN)


def _p99(sight: TrafficSnapshot, backend: Backend) -> TextSpan:
    if not sight.has(Field.UPSTREAM_TIME):
        return TextSpan("?", Tone.UNKNOWN)
    return TextSpan(short_latency(backend.latency.quantile(0.99)) or "-")


def backend_text(sight: TrafficSnapshot, row: BackendRow, share: float) -> str:
    """A backend in words, how it is called where, and why a number of it is not known."""
    backend = row.backend
    said = [f"{label(row.name)} · {backend.requests} requests, {percent(share)}"]
    for field, words in (
        (Field.UPSTREAM_STATUS, f"{backend.errors} failed"),
        (Field.UPSTREAM_TIME, f"p99 {latency(backend.latency.quantile(0.99)) or '-'}"),
    ):
        said.append(words if sight.has(field) else sight.form.unavailable(field))
    said += [f"{label(address)} to nginx on {nginx}" for nginx, address in row.was_asked]
    return " · ".join(said)
