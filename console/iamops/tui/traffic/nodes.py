"""The traffic of each node and of all of them, one line each: how much, how it ended, how long it took."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from iamops.accesslog.format import TELLS, Field
from iamops.model.traffic import Traffic
from iamops.tui.toolkit.text import (
    Cell,
    Line,
    PaneContent,
    Row,
    Rows,
    TextSpan,
    Tone,
    clock,
    column,
    count,
    latency,
    percent,
    right,
)
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


@dataclass(frozen=True, slots=True)
class Column:
    """A heading, as many cells as it takes, and what stands there."""

    heading: str
    width: int
    told: Callable[[TrafficSnapshot, Traffic], TextSpan]


def _reqs(sight: TrafficSnapshot, traffic: Traffic) -> TextSpan:
    return TextSpan(right(count(traffic.total), 6))


def _rate(sight: TrafficSnapshot, traffic: Traffic) -> TextSpan:
    return TextSpan(right(short_rate(traffic.total / sight.length_s), 7))


def _class(name: str) -> Column:
    def told(sight: TrafficSnapshot, traffic: Traffic) -> TextSpan:
        number = traffic.of_class(name)
        tone = Tone.MUTED if not number else Tone.DOWN if name == "5xx" else Tone.PLAIN
        return TextSpan(right(count(number), 7 if name == "2xx" else 6), tone)

    return Column(name, 7 if name == "2xx" else 6, told)


def _gone(sight: TrafficSnapshot, traffic: Traffic) -> TextSpan:
    return TextSpan(right(count(traffic.client_closed), 5), Tone.WARN if traffic.client_closed else Tone.MUTED)


def _bytes(sight: TrafficSnapshot, traffic: Traffic) -> TextSpan:
    if not sight.has(Field.BYTES):
        return TextSpan(right("?", 7), Tone.UNKNOWN)
    return TextSpan(right(count(traffic.sent), 7))


def _times(sight: TrafficSnapshot, traffic: Traffic) -> TextSpan:
    if not sight.has(Field.REQUEST_TIME):
        return TextSpan(right(f"? no ${TELLS[Field.REQUEST_TIME][0]}", 21), Tone.UNKNOWN)
    if not traffic.latency.count:
        return TextSpan(right("-", 21), Tone.MUTED)
    words = (right(short_latency(traffic.latency.quantile(share)), 7) for share in QUANTILES.values())
    return TextSpan("".join(words))


COLUMNS = (
    Column("reqs", 6, _reqs),
    Column("/s", 7, _rate),
    *(_class(name) for name in CLASSES),
    Column("499", 5, _gone),
    Column("bytes", 7, _bytes),
    Column(TIMES, 21, _times),
)


def short_latency(ms: float | None) -> str:
    """`12ms`: columns have no room for the blank."""
    return latency(ms).replace(" ", "")


def short_rate(per_s: float) -> str:
    """Requests per second under a heading that says so."""
    return f"{per_s:.1f}" if 0 < per_s < 99.95 else count(per_s)


def node_table(sight: TrafficSnapshot | None, width: int) -> PaneContent:
    """All nodes together first: that line stays in sight however many there are."""
    title = (TextSpan("NODES", Tone.TITLE),)
    if sight is None:
        return PaneContent(title)
    name_width = min(NAME_MAX, max(len(ALL), *(len(node.name) for node in sight.nodes))) + 1
    columns, bar = _columns(width - name_width - 3)
    rows = [_all(sight, name_width, columns, bar)]
    rows += [_node(sight, node, name_width, columns, bar) for node in sight.nodes]
    return PaneContent(title, rows=Rows.of(rows), overlays=_headings(name_width + 1, columns, bar))


def _columns(room: int) -> tuple[tuple[Column, ...], int]:
    """The columns that fit, and the width of the bar if there is room for one."""
    columns = list(COLUMNS)
    for heading in GIVES_WAY:
        if sum(column.width for column in columns) <= room:
            break
        columns = [column for column in columns if column.heading != heading]
    left = room - sum(column.width for column in columns) - BAR_GAP
    return tuple(columns), left if left >= BAR_MIN else 0


def _headings(start: int, columns: tuple[Column, ...], bar: int) -> tuple[tuple[int, TextSpan], ...]:
    """Each over the right end of its column, as the numbers are."""
    found: list[tuple[int, TextSpan]] = []
    at = start
    for each in columns:
        at += each.width
        found.append((at - len(each.heading), TextSpan(each.heading, Tone.MUTED)))
    if bar:
        at += BAR_GAP
        for name, (sign, tone) in BARS.items():
            found.append((at, TextSpan(f"{sign}{name}", tone)))
            at += len(name) + 2
    return tuple(found)


def _all(sight: TrafficSnapshot, name_width: int, columns: tuple[Column, ...], bar: int) -> Row:
    unseen = [node.name for node in sight.nodes if node.unknown]
    without = f" · without {', '.join(unseen)}" if unseen else ""
    told = "" if sight.known else "? " + "; ".join(dict.fromkeys(node.unknown for node in sight.nodes))
    numbers = (TextSpan(f" {told}", Tone.UNKNOWN),) if told else _numbers(sight, sight.whole, columns, bar)
    line = (_name(ALL, name_width, troubled=any(node.unreadable for node in sight.nodes)), *numbers)
    detail = " · ".join((*unavailable_columns(sight), f"all nodes{without}: {told or story(sight, sight.whole)}"))
    return Row(ALL, line, (Cell(0, _width(line), detail),))


def _node(
    sight: TrafficSnapshot, node: NodeTraffic, name_width: int, columns: tuple[Column, ...], bar: int
) -> Row:
    name = _name(node.name, name_width, troubled=bool(node.unreadable))
    if node.unknown:
        numbers: Line = (TextSpan(f" ? {node.unknown}", Tone.UNKNOWN),)
    else:
        numbers = _numbers(sight, node.traffic, columns, bar)
    if node.unreadable and not node.unknown:  # counted until the log was lost sight of
        numbers = tuple(TextSpan(span.text, Tone.STALE) for span in numbers)
    line = (name, *numbers)
    return Row(f"node {node.name}", line, (Cell(0, _width(line), node_detail(sight, node), node.name),))


def _name(text: str, width: int, *, troubled: bool) -> TextSpan:
    """A sign before what is not the whole of it."""
    return TextSpan(f"{'▲' if troubled else ' '}{column(text, width)}", Tone.WARN if troubled else Tone.TITLE)


def _width(line: Line) -> int:
    return sum(len(span.text) for span in line)


def _numbers(sight: TrafficSnapshot, traffic: Traffic, columns: tuple[Column, ...], bar: int) -> Line:
    numbers = tuple(each.told(sight, traffic) for each in columns)
    return (*numbers, TextSpan(" " * BAR_GAP), *class_bar(traffic, bar)) if bar else numbers


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


def node_detail(sight: TrafficSnapshot, node: NodeTraffic) -> str:
    """What the line does not say comes first: the foot may be too short for all of it."""
    said = [node.unknown] if node.unknown else [*([f"not read: {node.unreadable}"] if node.unreadable else [])]
    said += _not_counted(node)
    if not node.unknown:
        said.append(story(sight, node.traffic))
    return " · ".join((*unavailable_columns(sight), f"{node.name}: {' · '.join(said)}"))


def unavailable_columns(sight: TrafficSnapshot) -> Iterator[str]:
    """Why some columns have no numbers, first of all and with the way to mend it."""
    yield from (sight.form.unavailable(each) for each in (Field.REQUEST_TIME, Field.BYTES) if not sight.has(each))


def _not_counted(node: NodeTraffic) -> Iterator[str]:
    totals = node.totals
    if totals.unparsed:
        yield f"{totals.unparsed} lines unparsed"
    if totals.lost:
        yield f"lost lines {times(totals.lost)}"
    if totals.left_out:
        yield f"{totals.left_out} left out by the filter"


def story(sight: TrafficSnapshot, traffic: Traffic) -> str:
    """The numbers in full."""
    said = [f"{traffic.total} requests since {clock(sight.begins)}"]
    failed = traffic.errors / traffic.total if traffic.total else 0.0
    said += [f"{name} {number}" for name, number in traffic.classes.items() if name != "5xx"]
    said.append(f"5xx {traffic.errors} ({percent(failed)})")
    if traffic.client_closed:
        said.append(f"{traffic.client_closed} clients gone (499)")
    if sight.has(Field.REQUEST_TIME) and traffic.latency.count:
        quantiles = ", ".join(f"{n} {latency(traffic.latency.quantile(q))}" for n, q in QUANTILES.items())
        said.append(quantiles)
    if sight.has(Field.BYTES):
        said.append(f"{traffic.sent} bytes")
    return " · ".join(said)
