"""How the requests are spread over the backends, and how each of them answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from iamops.accesslog.format import LogField
from iamops.model.profile import Profile
from iamops.model.traffic import Backend
from iamops.plan.addresses import backend_label, parsed_ip
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
    latency,
    percent,
    table_cells,
    table_headings,
)
from iamops.tui.traffic.nodes import short_latency
from iamops.tui.traffic.panes import NO_ROW, ROW, TrafficPane, asked_for, label
from iamops.tui.traffic.snapshot import TrafficSnapshot

# A narrower table leaves out the requests: their share says more of a split.
COUNT_FROM = 42


@dataclass(frozen=True, slots=True)
class BackendRow:
    """One service of one node, however each nginx calls it. `was_asked`: (nginx node, address) -> requests."""

    name: str
    backend: Backend
    was_asked: Mapping[tuple[str, str], int]


def backend_rows(snapshot: TrafficSnapshot, profile: Profile) -> tuple[BackendRow, ...]:
    """By name. What 127.0.0.1 is depends on whose nginx asks: two machines never share a row."""
    found: dict[str, tuple[Backend, dict[tuple[str, str], int]]] = {}
    for node in snapshot.nodes:
        for address, counted in node.traffic.backends.items():
            backend, was_asked = found.setdefault(backend_label(profile, node.name, address), (Backend(), {}))
            backend.add(counted)
            was_asked[node.name, address] = was_asked.get((node.name, address), 0) + counted.requests
    return tuple(BackendRow(name, *found[name]) for name in sorted(found))


class BackendTable(TrafficPane):
    """Sorted by name: a row stays where it is while the shares change."""

    NAME = "Backends"
    ABOUT = (
        "The service of a node, however each nginx calls it: 127.0.0.1 is another machine to each. "
        "Every attempt counts for the backend it was made at, so a request that was tried twice counts twice. "
        "Errors are 5xx and attempts without an answer; p99 is the backend's own time. Enter asks for it as the "
        "nginx calls it that sent it the most."
    )
    title = (TextSpan("BACKENDS", Tone.TITLE),)
    term = "backend"
    field = LogField.UPSTREAM
    if_empty = "no request went to a backend"

    def table(self, snapshot: TrafficSnapshot, profile: Profile, width: int) -> PaneContent:
        backends = backend_rows(snapshot, profile)
        total = sum(row.backend.requests for row in backends)
        columns = _columns(snapshot, total, width)
        numbers_width = sum(table_column.width for table_column in columns)
        headings = table_headings(columns, width - 2 - numbers_width)
        rows: list[Row] = []
        for backend in backends:
            name = TextSpan(f" {column(label(backend.name), max(4, width - 3 - numbers_width))}")
            line = (name, *table_cells(columns, backend))
            rows.append(Row.single_cell(f"{ROW}{backend.name}", line, _in_words(snapshot, backend, total), width))
        return PaneContent(self.title, rows=Rows.of(rows), overlays=headings)

    def pick(self) -> tuple[str, str]:
        """An address over loopback is that of one nginx only, so the node is asked for as well."""
        row, snapshot, view = self._row_under_cursor(), self._snapshot(), self.view_state
        if row is None or not row.key.startswith(ROW) or snapshot is None or view is None:
            return super().pick()
        name = row.key.removeprefix(ROW)
        backends = backend_rows(snapshot, view.state.profile)
        was_asked = next((backend.was_asked for backend in backends if backend.name == name), {})
        if not was_asked:
            return "", NO_ROW
        nginx, address = max(was_asked, key=lambda asked: was_asked[asked])
        term, problem = asked_for(self.term, address)
        host = parsed_ip(address)
        return (f"{term} node={nginx}" if term and host is not None and host.is_loopback else term), problem


def _columns(snapshot: TrafficSnapshot, total: int, width: int) -> tuple[TableColumn[BackendRow], ...]:
    def errors(row: BackendRow) -> TextSpan:
        if not snapshot.form.has(LogField.UPSTREAM_STATUS):
            return TextSpan("?", Tone.UNKNOWN)
        number = row.backend.errors
        if not number:
            return TextSpan("0", Tone.MUTED)
        glyph, tone = failure_mark(number / row.backend.requests)
        return TextSpan(f"{glyph}{count(number)}", tone)

    def p99(row: BackendRow) -> TextSpan:
        if not snapshot.form.has(LogField.UPSTREAM_TIME):
            return TextSpan("?", Tone.UNKNOWN)
        return TextSpan(short_latency(row.backend.latency.quantile(0.99)) or "-")

    columns: tuple[TableColumn[BackendRow], ...] = (
        TableColumn("reqs", 7, lambda row: TextSpan(count(row.backend.requests)), numeric=True),
        TableColumn("share", 6, lambda row: TextSpan(percent(_share(row, total))), numeric=True),
        TableColumn("err", 6, errors, numeric=True),
        TableColumn("p99", 7, p99, numeric=True),
    )
    return columns if width >= COUNT_FROM else columns[1:]


def _share(row: BackendRow, total: int) -> float:
    return row.backend.requests / total if total else 0.0


def _in_words(snapshot: TrafficSnapshot, row: BackendRow, total: int) -> str:
    """A backend in words, how it is called where, and why a number of it is not known."""
    backend = row.backend
    words = [f"{label(row.name)} · {backend.requests} requests, {percent(_share(row, total))}"]
    for field, number in (
        (LogField.UPSTREAM_STATUS, f"{backend.errors} failed"),
        (LogField.UPSTREAM_TIME, f"p99 {latency(backend.latency.quantile(0.99)) or '-'}"),
    ):
        words.append(number if snapshot.form.has(field) else snapshot.form.unavailable(field))
    words += [f"{label(address)} to nginx on {nginx}" for nginx, address in row.was_asked]
    return " · ".join(words)
