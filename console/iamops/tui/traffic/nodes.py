"""The traffic of each node and of all of them, one line each: how much, how it ended, how long it took."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from iamops.accesslog.format import TELLS, LogField
from iamops.model.profile import Profile
from iamops.model.traffic import Traffic
from iamops.tui.toolkit.text import (
    Cell,
    Line,
    PaneContent,
    Row,
    Rows,
    TableColumn,
    TextSpan,
    Tone,
    clock,
    column,
    count,
    latency,
    percent,
    right,
    table_cells,
    table_headings,
    text_of,
)
from iamops.tui.traffic.panes import NO_ROW, TrafficPane
from iamops.tui.traffic.snapshot import NodeTraffic, TrafficSnapshot, times

ALL = "all"
NAME_MAX = 16
CLASSES = ("2xx", "3xx", "4xx", "5xx")
BARS = {"2xx": ("▒", Tone.GRAPH), "3xx": ("░", Tone.MUTED), "4xx": ("▓", Tone.WARN), "5xx": ("█", Tone.DOWN)}
BAR_MIN = 16
BAR_GAP = 2
QUANTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99}
TIMES = "p50    p90    p99"
# On a narrow screen the first of these go first; the line under the cursor says everything in the foot.
GIVES_WAY = ("3xx", "bytes", "499", "4xx", "2xx", TIMES, "5xx")


class NodeTable(TrafficPane):
    """All nodes together come first: that line stays visible however many nodes there are."""

    NAME = "Nodes"
    ABOUT = (
        "Requests of the window by node: how many, per second, by status class (499: the client did not wait), "
        "bytes sent, answer times. A ? says that the log does not tell; the foot says why. Enter: that node alone."
    )
    title = (TextSpan("NODES", Tone.TITLE),)

    def table(self, snapshot: TrafficSnapshot, profile: Profile, width: int) -> PaneContent:
        layout = _layout(snapshot, width)
        rows = [_all_row(snapshot, layout), *(_node_row(snapshot, node, layout) for node in snapshot.nodes)]
        return PaneContent(self.title, rows=Rows.of(rows), overlays=layout.headings)

    def pick(self) -> tuple[str, str]:
        row = self._row_under_cursor()
        if row is None or row.key == ALL:
            return "", "all nodes: nothing to leave out" if row is not None else NO_ROW
        return f"node={row.key.removeprefix('node ')}", ""


def _columns(snapshot: TrafficSnapshot) -> Sequence[TableColumn[Traffic]]:
    def of_class(name: str, width: int) -> TableColumn[Traffic]:
        def cell(traffic: Traffic) -> TextSpan:
            number = traffic.of_class(name)
            tone = Tone.MUTED if not number else Tone.DOWN if name == "5xx" else Tone.PLAIN
            return TextSpan(count(number), tone)

        return TableColumn(name, width, cell, numeric=True)

    def per_s(traffic: Traffic) -> TextSpan:
        rate = traffic.total / snapshot.length_s
        return TextSpan(f"{rate:.1f}" if 0 < rate < 99.95 else count(rate))

    def client_closed(traffic: Traffic) -> TextSpan:
        return TextSpan(count(traffic.client_closed), Tone.WARN if traffic.client_closed else Tone.MUTED)

    def sent(traffic: Traffic) -> TextSpan:
        return TextSpan(count(traffic.sent)) if snapshot.form.has(LogField.BYTES) else TextSpan("?", Tone.UNKNOWN)

    def answer_times(traffic: Traffic) -> TextSpan:
        if not snapshot.form.has(LogField.REQUEST_TIME):
            return TextSpan(f"? no ${TELLS[LogField.REQUEST_TIME][0]}", Tone.UNKNOWN)
        if not traffic.latency.count:
            return TextSpan("-", Tone.MUTED)
        quantiles = (short_latency(traffic.latency.quantile(share)) for share in QUANTILES.values())
        return TextSpan("".join(right(text, 7) for text in quantiles))

    return (
        TableColumn("reqs", 6, lambda traffic: TextSpan(count(traffic.total)), numeric=True),
        TableColumn("/s", 7, per_s, numeric=True),
        of_class("2xx", 7),
        *(of_class(name, 6) for name in CLASSES[1:]),
        TableColumn("499", 5, client_closed, numeric=True),
        TableColumn("bytes", 7, sent, numeric=True),
        TableColumn(TIMES, 21, answer_times, numeric=True),
    )


def short_latency(ms: float | None) -> str:
    """`12ms`: columns have no room for the blank."""
    return latency(ms).replace(" ", "")


@dataclass(frozen=True, slots=True)
class NodeTableLayout:
    """The columns that fit, and the widths of the name before them and of the bar behind them (0: no bar)."""

    name_width: int
    columns: Sequence[TableColumn[Traffic]]
    bar: int

    @property
    def headings(self) -> tuple[tuple[int, TextSpan], ...]:
        headings = list(table_headings(self.columns, self.name_width + 1))
        at = self.name_width + 1 + sum(table_column.width for table_column in self.columns) + BAR_GAP
        for name, (sign, tone) in BARS.items() if self.bar else ():
            headings.append((at, TextSpan(f"{sign}{name}", tone)))
            at += len(name) + 2
        return tuple(headings)

    def numbers(self, traffic: Traffic) -> Line:
        cells = table_cells(self.columns, traffic)
        return (*cells, TextSpan(" " * BAR_GAP), *class_bar(traffic, self.bar)) if self.bar else cells

    def row(self, key: str, name: str, numbers: Line, detail: str, *, incomplete: bool, target: str = "") -> Row:
        text = f"{'▲' if incomplete else ' '}{column(name, self.name_width)}"
        line = (TextSpan(text, Tone.WARN if incomplete else Tone.TITLE), *numbers)
        return Row(key, line, (Cell(0, len(text_of(line)), detail, target),))


def _layout(snapshot: TrafficSnapshot, width: int) -> NodeTableLayout:
    name_width = min(NAME_MAX, max(len(ALL), *(len(node.name) for node in snapshot.nodes))) + 1
    room = width - name_width - 3
    columns, gives_way = list(_columns(snapshot)), list(GIVES_WAY)
    while (left := room - sum(table_column.width for table_column in columns)) < 0 and gives_way:
        heading = gives_way.pop(0)
        columns = [table_column for table_column in columns if table_column.heading != heading]
    bar = left - BAR_GAP
    return NodeTableLayout(name_width, columns, bar if bar >= BAR_MIN else 0)


def _all_row(snapshot: TrafficSnapshot, layout: NodeTableLayout) -> Row:
    unknown = [node.name for node in snapshot.nodes if node.unknown]
    without = f" · without {', '.join(unknown)}" if unknown else ""
    if snapshot.known:
        words, numbers = story(snapshot, snapshot.all_nodes), layout.numbers(snapshot.all_nodes)
    else:
        words = "? " + "; ".join(dict.fromkeys(node.unknown for node in snapshot.nodes))
        numbers = (TextSpan(f" {words}", Tone.UNKNOWN),)
    detail = " · ".join((*_unavailable_columns(snapshot), f"all nodes{without}: {words}"))
    return layout.row(ALL, ALL, numbers, detail, incomplete=any(node.unreadable for node in snapshot.nodes))


def _node_row(snapshot: TrafficSnapshot, node: NodeTraffic, layout: NodeTableLayout) -> Row:
    # What the line does not say comes first: the foot may be too short for all of it.
    if node.unknown:
        numbers: Line = (TextSpan(f" ? {node.unknown}", Tone.UNKNOWN),)
        details = [node.unknown, *_not_counted(node)]
    else:
        numbers = layout.numbers(node.traffic)
        details = [*_not_counted(node), story(snapshot, node.traffic)]
        if node.unreadable:  # counted until the log could not be read any more
            numbers = tuple(TextSpan(span.text, Tone.STALE) for span in numbers)
            details.insert(0, f"not read: {node.unreadable}")
    detail = " · ".join((*_unavailable_columns(snapshot), f"{node.name}: {' · '.join(details)}"))
    incomplete = bool(node.unreadable)
    return layout.row(f"node {node.name}", node.name, numbers, detail, incomplete=incomplete, target=node.name)


def class_bar(traffic: Traffic, width: int) -> Line:
    """The classes side by side in `width` cells; what there is has a cell, however small its share."""
    numbers = {name: traffic.of_class(name) for name in CLASSES}
    total = sum(numbers.values())
    if not total or width < len(CLASSES):
        return ()
    cells = {name: max(1, int(number / total * width)) if number else 0 for name, number in numbers.items()}
    largest = max(cells, key=lambda name: numbers[name])
    cells[largest] += width - sum(cells.values())
    return tuple(TextSpan(BARS[name][0] * cells[name], BARS[name][1]) for name in CLASSES if cells[name])


# --- in words ---


def _unavailable_columns(snapshot: TrafficSnapshot) -> Iterator[str]:
    """Why some columns have no numbers, and the fix."""
    for field in (LogField.REQUEST_TIME, LogField.BYTES):
        if not snapshot.form.has(field):
            yield snapshot.form.unavailable(field)


def _not_counted(node: NodeTraffic) -> Iterator[str]:
    totals = node.totals
    if totals.unparsed:
        yield f"{totals.unparsed} lines unparsed"
    if totals.lost:
        yield f"lost lines {times(totals.lost)}"
    if totals.left_out:
        yield f"{totals.left_out} left out by the filter"


def story(snapshot: TrafficSnapshot, traffic: Traffic) -> str:
    """The numbers in full."""
    words = [f"{traffic.total} requests since {clock(snapshot.begins)}"]
    failed = traffic.errors / traffic.total if traffic.total else 0.0
    words += [f"{name} {number}" for name, number in traffic.classes.items() if name != "5xx"]
    words.append(f"5xx {traffic.errors} ({percent(failed)})")
    if traffic.client_closed:
        words.append(f"{traffic.client_closed} clients gone (499)")
    if snapshot.form.has(LogField.REQUEST_TIME) and traffic.latency.count:
        words.append(", ".join(f"{n} {latency(traffic.latency.quantile(q))}" for n, q in QUANTILES.items()))
    if snapshot.form.has(LogField.BYTES):
        words.append(f"{traffic.sent} bytes")
    return " · ".join(words)
