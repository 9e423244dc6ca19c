"""Requests per second: a sparkline per node with its total and 5xx share, and a plot of the whole cluster.

VIP moves are marked on the rule above, and on the plot.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

from iamops.model.facts import RequestCount
from iamops.model.observed import Unknown
from iamops.model.state import RATE_WINDOW_S, NodeState
from iamops.model.traffic import CountSamples, count_at
from iamops.tui.toolkit.health import Shown, ok, resolve, spans, verdict_on, verdict_words
from iamops.tui.toolkit.painted import ScreenPart, ViewState
from iamops.tui.toolkit.pane import Pane
from iamops.tui.toolkit.plot import Curve, Plot, PlotCurves, plot_lines
from iamops.tui.toolkit.text import (
    Cell,
    Line,
    PaneContent,
    Row,
    Rows,
    TextSpan,
    Tone,
    column,
    count,
    duration,
    first_fitting,
    percent,
    rate,
    right,
    width_of,
)

BUCKETS_S = (1, 2, 5, 10, 15, 30)
BLOCKS = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True, slots=True)
class Axis:
    """Time from `start` in `number` buckets of `bucket_s` seconds; the last one is still filling."""

    start: float
    bucket_s: int
    number: int

    @classmethod
    def ending(cls, now: float, number: int, span_s: float = 120.0) -> Axis:
        """The finest buckets with which `number` of them cover at least `span_s`."""
        bucket_s = next((b for b in BUCKETS_S if b * number >= span_s), BUCKETS_S[-1])
        end = (int(now // bucket_s) + 1) * bucket_s
        return cls(end - number * bucket_s, bucket_s, number)

    @classmethod
    def covering(cls, now: float, columns: int, span_s: float) -> Axis:
        """As `ending`, but with no more buckets than it takes to cover the span."""
        axis = cls.ending(now, columns, span_s)
        return cls.ending(now, min(columns, -(-int(span_s) // axis.bucket_s)), span_s)

    @property
    def length_s(self) -> float:
        return float(self.bucket_s * self.number)

    def index(self, at: float) -> int | None:
        """The bucket of that time."""
        number = int((at - self.start) // self.bucket_s)
        return number if 0 <= number < self.number else None


class _Same:
    """Stands for samples in a cache key: the same tuple is the same graph, without comparing 600 pairs."""

    __slots__ = ("samples",)

    def __init__(self, samples: CountSamples) -> None:
        self.samples = samples

    def __hash__(self) -> int:
        return id(self.samples)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.samples is other.samples


def rates(samples: CountSamples, axis: Axis, now: float) -> tuple[float | None, ...]:
    """Mean rate per second in each bucket; None before the first sample, or where nothing was counted.

    What came late is spread over the time since the last count.
    The bucket that is still filling is judged as of the last whole second.
    """
    return _rates(_Same(samples), axis, int(now))


@lru_cache(maxsize=512)
def _rates(same: _Same, axis: Axis, now_s: int) -> tuple[float | None, ...]:
    samples = same.samples
    times = [at for at, _ in samples]
    found: list[float | None] = []
    for number in range(axis.number):
        start = axis.start + number * axis.bucket_s
        end = min(start + axis.bucket_s, now_s)
        before, after = count_at(samples, times, start), count_at(samples, times, end)
        if end - start < 1.0 or before is None or after is None:
            found.append(None)
        else:
            found.append(max(0, after - before) / (end - start))
    return tuple(found)


def share(part: CountSamples, whole: CountSamples, since: float) -> float | None:
    """Growth of `part` over growth of `whole` since a time (or since the first sample)."""
    grown = _growth(whole, since)
    return _growth(part, since) / grown if grown else None


def _growth(samples: CountSamples, since: float) -> int:
    if not samples:
        return 0
    place = max(1, bisect_right([at for at, _ in samples], since))
    return samples[-1][1] - samples[place - 1][1]


def blocks(values: Sequence[float | None], top: float) -> str:
    """One character per value; a space where nothing is known."""

    def block(value: float | None) -> str:
        if value is None:
            return " "
        if value <= 0 or top <= 0:
            return BLOCKS[0]
        return BLOCKS[min(len(BLOCKS) - 1, 1 + int(value / top * (len(BLOCKS) - 1.001)))]

    return "".join(block(value) for value in values)


BAD_SHARE = 0.05
STATS, SHORT_STATS, SHORT_BELOW = 32, 15, 60
MOVE = "▼"
MEAN = f"mean of {RATE_WINDOW_S:.0f}s"
SHORT_MEAN = f"ø{RATE_WINDOW_S:.0f}s"
SPAN_S = 600.0


def failure_mark(share_failed: float) -> tuple[str, Tone]:
    """How bad a share of failures is; the sign shows it without colours."""
    return ("✗", Tone.DOWN) if share_failed >= BAD_SHARE else ("▲", Tone.WARN)


class RequestRates(Pane):
    """One sparkline per node. `tall` gives each node a second line for its numbers, and the first to the graph."""

    PART = ScreenPart.REQUESTS
    NAME = "Requests"
    ABOUT = (
        "Requests per second of each node from its access log, all graphs on one scale; then the "
        "requests of the log it had at the start and since, and the share of 5xx answers over the time shown. "
        "▼ on the rule above marks a VIP move. The console's own health probes are among them."
    )

    def __init__(self, ident: str | None = None) -> None:
        super().__init__(ident)
        self.tall = False

    def content(self, view: ViewState, width: int, height: int) -> PaneContent:
        nodes = view.state.nodes
        label = min(16, max(len(name) for name in nodes)) + 2
        stats = 0 if self.tall else STATS if width >= SHORT_BELOW else SHORT_STATS
        axis = Axis.ending(view.now, max(1, width - label - stats - 1))
        graphs = {name: rates(node.samples, axis, view.now) for name, node in nodes.items()}
        top = max((value for graph in graphs.values() for value in graph if value is not None), default=0.0)
        # A filter that names no node is about something else: the traffic stays in sight.
        names = [name for name in nodes if view.passes_filter((name,))] or list(nodes)
        per_node = 1 if stats else 2

        def row(number: int) -> Row:
            node = nodes[names[number // per_node]]
            return _rows(view, node, blocks(graphs[node.name], top), label, axis, stats)[number % per_node]

        rows = Rows((name for name in names for _ in range(per_node)), row)
        # The right end of the rule belongs to the latest VIP moves, so the scale stands beside the title.
        highest = f", top {rate(top)}" if stats == STATS else ""
        mean = f"· {MEAN}" if width >= SHORT_BELOW else SHORT_MEAN
        scale = f" {duration(axis.length_s)}{highest} {mean}"
        moves = {place for move in view.state.moves if (place := axis.index(move.at)) is not None}
        return PaneContent(
            (TextSpan("REQUESTS", Tone.TITLE), TextSpan(scale, Tone.MUTED)),
            rows=rows,
            overlays=tuple((label + stats + place, TextSpan(MOVE, Tone.MARK)) for place in sorted(moves)),
        )


def _rows(view: ViewState, node: NodeState, graph: str, label: int, axis: Axis, stats: int) -> list[Row]:
    shown = resolve(node.requests, view.now, witness=node)
    numbers, words = _numbers(view, node, shown, axis, stats)
    name = TextSpan(" " + column(node.name, label - 1), Tone.TITLE)
    curve = TextSpan(" " * len(graph) if shown.unknown else graph, Tone.GRAPH if shown.live else Tone.STALE)
    lines: tuple[Line, ...] = ((name, *numbers, curve),)
    if not stats:
        # A reason that would be cut is left to the detail line.
        numbers = first_fitting((numbers, numbers[:1]), len(graph))
        lines = ((name, curve), (TextSpan(" " * label), *numbers))
        if shown.unknown:
            lines = ((name, *numbers), ())
    cell = Cell(0, label + stats + len(graph), f"requests of {node.name}: {words}")
    return [Row(node.name, line, (cell,)) for line in lines]


def _numbers(
    view: ViewState, node: NodeState, shown: Shown[RequestCount], axis: Axis, stats: int
) -> tuple[Line, str]:
    """The numbers, and the same in words; when they stand before the graph, in exactly `stats` cells."""
    if not shown.live or isinstance(node.requests, Unknown):
        verdict = verdict_on(shown, lambda _: ok())
        line = (TextSpan(column(verdict.mark, stats), verdict.tone),) if stats else spans(verdict)
        return (line, verdict_words(verdict))
    per_s = node.rate_per_s(view.now)
    speed = "?/s" if per_s is None else rate(per_s)
    requests = node.requests.value
    failed = share(node.errors, node.samples, axis.start)
    if failed:
        glyph, tone = failure_mark(failed)
        errors = f"{glyph} 5xx {percent(failed)}"
    else:
        errors, tone = "5xx –" if failed is None else "5xx 0%", Tone.MUTED
    by_class = " ".join(f"{name} {number}" for name, number in sorted(requests.by_class.items()))
    words = (
        f"{speed} ({MEAN}) · {requests.total} total · {errors} of the last {duration(axis.length_s)} · {by_class}"
    )
    total = count(requests.total)
    if not stats:
        return ((TextSpan(speed), TextSpan(f" {total}", Tone.MUTED), TextSpan(f" · {errors}", tone)), words)
    numbers: Line = (TextSpan(right(speed, 7)),)
    if stats == STATS:
        numbers = (TextSpan(right(speed, 8)), TextSpan(right(f"{total} total", 12), Tone.MUTED))
    return ((*numbers, TextSpan(column(f" {errors}", stats - width_of(numbers)), tone)), words)


class RequestPlot(Plot):
    """Rate of the whole cluster over ten minutes."""

    PART: ClassVar[ScreenPart | None] = ScreenPart.PLOT

    def key(self, view: ViewState, width: int) -> Hashable:
        return curves(view, width - 8)

    def plotted(self, view: ViewState, width: int, height: int) -> tuple[PaneContent, tuple[Line, ...]]:
        shown = curves(view, width - 8)
        title = (TextSpan("RATE", Tone.TITLE), TextSpan(" all nodes, req/s", Tone.MUTED))
        legend = [TextSpan("▄ total", Tone.GRAPH), TextSpan("  × 5xx", Tone.DOWN)]
        if shown.moves:
            legend.append(TextSpan("  │ VIP move", Tone.MARK))
        content = PaneContent(title, marks=(*legend, TextSpan(f"  {duration(shown.length_s)}", Tone.MUTED)))
        if not shown.curves:
            return content, ((TextSpan(" no request counts yet", Tone.MUTED),),)
        return content, plot_lines(shown, width, height)


def curves(view: ViewState, columns: int) -> PlotCurves:
    """Sums over the nodes whose counts are known; where none is, there is no point.

    The axis ends with the bucket that is filling, not with now: the same counts give the same curves.
    """
    axis = Axis.covering(view.now, max(2, columns), SPAN_S)
    nodes = [n for n in view.state.nodes.values() if resolve(n.requests, view.now, witness=n).value]
    total = _sum([node.samples for node in nodes], axis, view.now)
    failed = _sum([node.errors for node in nodes], axis, view.now)
    end = axis.start + axis.length_s
    return PlotCurves(
        length_s=axis.length_s,
        curves=(("total", total),) if total else (),
        failed=tuple(point for point in failed if point[1] > 0),
        moves=tuple(move.at - end for move in view.state.moves if axis.index(move.at) is not None),
    )


def _sum(series: list[CountSamples], axis: Axis, now: float) -> Curve:
    per_node = [rates(samples, axis, now) for samples in series]
    points: list[tuple[float, float]] = []
    for number in range(axis.number):
        known = [value for node in per_node if (value := node[number]) is not None]
        if known:
            points.append(((number + 1) * axis.bucket_s - axis.length_s, sum(known)))
    return tuple(points)
