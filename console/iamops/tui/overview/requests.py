"""Requests per second per node: sparkline, total, 5xx share; VIP moves are marked on the rule above."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from rich.text import Text

from iamops.model.facts import RequestCount
from iamops.model.observed import Unknown
from iamops.model.profile import Environment
from iamops.model.state import RATE_WINDOW_S, NodeState
from iamops.model.traffic import Samples
from iamops.tui.toolkit.frame_state import ScreenPart, ViewState
from iamops.tui.toolkit.health import Shown, judge, ok, resolve, spans, spoken
from iamops.tui.toolkit.painted import Painted
from iamops.tui.toolkit.pane import Pane, rule
from iamops.tui.toolkit.rates import Axis, axes, blocks, drawn, rate_ticks, rates, share
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
    first_fitting,
    joined,
    percent,
    rate,
    right,
    span,
    width_of,
)

BAD_SHARE = 0.05
STATS, SHORT_STATS, SHORT_BELOW = 32, 15, 60
MOVE = "▼"
MEAN = f"mean of {RATE_WINDOW_S:.0f}s"
SHORT_MEAN = f"ø{RATE_WINDOW_S:.0f}s"


def requests(moment: ViewState, width: int, *, tall: bool) -> PaneContent:
    """`tall` gives each node a second line for its numbers, and the first one to the graph."""
    label = min(16, max(len(name) for name in moment.state.nodes)) + 2
    stats = 0 if tall else STATS if width >= SHORT_BELOW else SHORT_STATS
    start = label + stats
    axis = Axis.ending(moment.now, max(1, width - start - 1))
    graphs = {name: rates(node.samples, axis, moment.now) for name, node in moment.state.nodes.items()}
    top = max((value for graph in graphs.values() for value in graph if value is not None), default=0.0)
    # A filter that names no node is about something else: the traffic stays in sight.
    named = [name for name in moment.state.nodes if moment.keeps((name,))] or list(moment.state.nodes)
    each = 1 if stats else 2

    def row(number: int) -> Row:
        node = moment.state.nodes[named[number // each]]
        drawn = blocks(graphs[node.name], top)
        return _rows(moment, node, drawn, label, axis, stats)[number % each]

    rows = Rows((name for name in named for _ in range(each)), row)
    # The right end of the rule belongs to the latest VIP moves, so the scale stands beside the title.
    highest = f", top {rate(top)}" if stats == STATS else ""
    mean = f"· {MEAN}" if width >= SHORT_BELOW else SHORT_MEAN
    scale = f" {span(axis.length_s)}{highest} {mean}"
    title = (TextSpan("REQUESTS", Tone.TITLE), TextSpan(scale, Tone.MUTED))
    return PaneContent(title, rows=rows, overlays=_moves(moment, axis, start))


def _moves(moment: ViewState, axis: Axis, start: int) -> tuple[tuple[int, TextSpan], ...]:
    places = {axis.index(move.at) for move in moment.state.moves}
    return tuple(
        (start + place, TextSpan(MOVE, Tone.MARK)) for place in sorted(p for p in places if p is not None)
    )


def _rows(moment: ViewState, node: NodeState, graph: str, label: int, axis: Axis, stats: int) -> list[Row]:
    shown = resolve(node.requests, moment.now, witness=node)
    numbers, said = _numbers(moment, node, shown, axis, stats)
    if not stats:
        # A reason that would be cut is left to the detail line.
        numbers = first_fitting((numbers, numbers[:1]), len(graph))
    tone = Tone.GRAPH if shown.live else Tone.STALE
    drawn = TextSpan(" " * len(graph) if shown.unknown else graph, tone)
    name = TextSpan(" " + column(node.name, label - 1), Tone.TITLE)
    detail = f"requests of {node.name}: {said}"
    if not stats:
        second = (TextSpan(" " * label), *numbers)
        lines: tuple[Line, ...] = ((name, *numbers), ()) if shown.unknown else ((name, drawn), second)
    else:
        lines = ((name, *numbers, drawn),)
    return [Row(node.name, line, (Cell(0, label + stats + len(graph), detail),)) for line in lines]


def _numbers(
    moment: ViewState, node: NodeState, shown: Shown[RequestCount], axis: Axis, stats: int
) -> tuple[Line, str]:
    """The numbers; when they stand before the graph, in exactly `stats` cells."""
    if not shown.live or isinstance(node.requests, Unknown):
        verdict = judge(shown, lambda _: ok())
        line = (TextSpan(column(verdict.mark, stats), verdict.tone),) if stats else spans(verdict)
        return (line, spoken(verdict))
    speed = node.rate_per_s(moment.now)
    failed = share(node.errors, node.samples, axis.start)
    total = node.requests.value.total
    words = (rate(speed) if speed is not None else "?/s", f"{count(total)} total", _failed(failed))
    by_class = " ".join(f"{k} {v}" for k, v in sorted(node.requests.value.by_class.items()))
    said = f"{words[0]} ({MEAN}) · {total} total · {words[2]} of the last {span(axis.length_s)} · {by_class}"
    tone = Tone.MUTED if not failed else Tone.DOWN if failed >= BAD_SHARE else Tone.WARN
    if not stats:
        return (
            (TextSpan(words[0]), TextSpan(f" {count(total)}", Tone.MUTED), TextSpan(f" · {words[2]}", tone)),
            said,
        )
    if stats == STATS:
        numbers: Line = (TextSpan(right(words[0], 8)), TextSpan(right(words[1], 12), Tone.MUTED))
    else:
        numbers = (TextSpan(right(words[0], 7)),)
    return ((*numbers, TextSpan(column(f" {words[2]}", stats - width_of(numbers)), tone)), said)


def _failed(failed: float | None) -> str:
    if not failed:
        return "5xx 0%" if failed is not None else "5xx –"
    glyph = "✗" if failed >= BAD_SHARE else "▲"
    return f"{glyph} 5xx {percent(failed)}"


# Requests per second, one sparkline per node.


class RequestRates(Pane):
    """Sparklines with total and 5xx share."""

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

    def content(self, moment: ViewState, width: int, height: int) -> PaneContent:
        return requests(moment, width, tall=self.tall)


# What the request plot shows: the whole cluster's rate, the 5xx part of it, and VIP moves.

SPAN_S = 600.0


@dataclass(frozen=True, slots=True)
class Curves:
    """Points (seconds before the axis' end, requests per second); `moves` are places on the same axis.

    The axis ends with the bucket that is filling, not with now: the same counts give the same curves.
    """

    total: tuple[tuple[float, float], ...]
    failed: tuple[tuple[float, float], ...]
    moves: tuple[float, ...]
    length_s: float


def curves(moment: ViewState, columns: int) -> Curves:
    """Sums over the nodes whose counts are known; where none is, there is no point."""
    axis = Axis.covering(moment.now, max(2, columns), SPAN_S)
    nodes = [n for n in moment.state.nodes.values() if resolve(n.requests, moment.now, witness=n).value]
    end = axis.start + axis.length_s
    moves = (move.at - end for move in moment.state.moves if axis.index(move.at) is not None)
    return Curves(
        total=_sum([node.samples for node in nodes], axis, moment.now),
        failed=_sum([node.errors for node in nodes], axis, moment.now),
        moves=tuple(moves),
        length_s=axis.length_s,
    )


def plot_rule(shown: Curves) -> PaneContent:
    """The legend stands in the rule: nothing of it covers the curve."""
    title = (TextSpan("RATE", Tone.TITLE), TextSpan(" all nodes, req/s", Tone.MUTED))
    legend = [TextSpan("▄ total", Tone.GRAPH), TextSpan("  × 5xx", Tone.DOWN)]
    if shown.moves:
        legend.append(TextSpan("  │ VIP move", Tone.MARK))
    return PaneContent(title, marks=(*legend, TextSpan(f"  {span(shown.length_s)}", Tone.MUTED)))


def _sum(series: list[Samples], axis: Axis, now: float) -> tuple[tuple[float, float], ...]:
    per_node = [rates(samples, axis, now) for samples in series]
    points: list[tuple[float, float]] = []
    for number in range(axis.number):
        known = [value for node in per_node if (value := node[number]) is not None]
        if known:
            points.append(((number + 1) * axis.bucket_s - axis.length_s, sum(known)))
    return tuple(points)


# The request plot. plotext is imported when the plot is first shown, not before.

# plotext speaks ANSI colours; each stands for a tone and never reaches the screen.
TOTAL, FAILED = "blue", "red"
TONES = {4: Tone.GRAPH, 1: Tone.DOWN}
PLOT_MOVE = "│"


class RequestPlot(Painted):
    """Rate of the whole cluster over ten minutes."""

    PART: ClassVar[ScreenPart | None] = ScreenPart.PLOT

    def __init__(self, ident: str | None = None) -> None:
        super().__init__(ident)
        self._plotted: tuple[object, ...] | None = None
        self._canvas: tuple[Line, ...] = ()

    def draw(self, moment: ViewState, width: int, height: int) -> tuple[Line, ...]:
        # Plotting is dear: the same curves are plotted once.
        shown = curves(moment, width - 8)
        due = (shown, width, height)
        if self._plotted != due:
            self._plotted = due
            production = moment.state.profile.environment is Environment.PRODUCTION
            title = rule(plot_rule(shown), width, tone=Tone.PROD_RULE if production else Tone.RULE)
            self._canvas = (title, *plotted(shown, width, height - 1))
        return self._canvas


def plotted(shown: Curves, width: int, height: int) -> tuple[Line, ...]:
    """The canvas as toned lines."""
    if not shown.total:
        return ((TextSpan(" no request counts yet", Tone.MUTED),),)
    return tuple(_toned(line) for line in drawn(width, height, lambda figure: _plot(figure, shown)))


def _plot(figure: Any, shown: Curves) -> None:
    ticks = rate_ticks(max((rate for _, rate in shown.total), default=0.0))
    figure.ylim(0, ticks[-1])
    figure.yticks(ticks, [f"{tick:>5}" for tick in ticks])
    figure.xlim(-shown.length_s, 0)
    for at in shown.moves:
        figure.vline(at)
    figure.plot(*axes(shown.total), marker="hd", color=TOTAL)
    failed = tuple(point for point in shown.failed if point[1] > 0)
    if failed:
        figure.scatter(*axes(failed), marker="×", color=FAILED)
    times = range(-int(shown.length_s // 120) * 120, 1, 120)
    figure.xticks(times, ["now" if at == 0 else f"{at // 60}m" for at in times])


def _toned(text: Text) -> Line:
    """plotext's colours back to tones; its axes become quiet."""
    tones = [Tone.MARK if character == PLOT_MOVE else Tone.MUTED for character in text.plain]
    for part in text.spans:
        style = part.style
        colour = None if isinstance(style, str) else style.color
        tone = TONES.get(colour.number, Tone.MUTED) if colour is not None and colour.number is not None else None
        for at in range(part.start, min(part.end, len(tones))):
            tones[at] = tone or tones[at]
    return joined(zip(text.plain, tones, strict=True))
