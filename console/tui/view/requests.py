"""Requests per second per node: sparkline, total, 5xx share; VIP moves are marked on the rule above."""

from __future__ import annotations

from console.model.facts import RequestCount
from console.model.observed import Unknown
from console.model.state import RATE_WINDOW_S, NodeState
from console.tui.view.amounts import count, percent, rate, span
from console.tui.view.fit import column, first_fitting, right, width_of
from console.tui.view.health import judge, ok, spans, spoken
from console.tui.view.moment import Moment
from console.tui.view.rates import Axis, blocks, rates, share
from console.tui.view.rows import Cell, Picture, Row, Rows
from console.tui.view.shown import Shown, resolve
from console.tui.view.tone import Line, Span, Tone

BAD_SHARE = 0.05
STATS, SHORT_STATS, SHORT_BELOW = 32, 15, 60
MOVE = "▼"
MEAN = f"mean of {RATE_WINDOW_S:.0f}s"
SHORT_MEAN = f"ø{RATE_WINDOW_S:.0f}s"


def requests(moment: Moment, width: int, *, tall: bool) -> Picture:
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
    title = (Span("REQUESTS", Tone.TITLE), Span(scale, Tone.MUTED))
    return Picture(title, rows=rows, overlays=_moves(moment, axis, start))


def _moves(moment: Moment, axis: Axis, start: int) -> tuple[tuple[int, Span], ...]:
    places = {axis.index(move.at) for move in moment.state.moves}
    return tuple((start + place, Span(MOVE, Tone.MARK)) for place in sorted(p for p in places if p is not None))


def _rows(moment: Moment, node: NodeState, graph: str, label: int, axis: Axis, stats: int) -> list[Row]:
    shown = resolve(node.requests, moment.now, witness=node)
    numbers, said = _numbers(moment, node, shown, axis, stats)
    if not stats:
        # A reason that would be cut is left to the detail line.
        numbers = first_fitting((numbers, numbers[:1]), len(graph))
    tone = Tone.GRAPH if shown.live else Tone.STALE
    drawn = Span(" " * len(graph) if shown.unknown else graph, tone)
    name = Span(" " + column(node.name, label - 1), Tone.TITLE)
    detail = f"requests of {node.name}: {said}"
    if not stats:
        second = (Span(" " * label), *numbers)
        lines: tuple[Line, ...] = ((name, *numbers), ()) if shown.unknown else ((name, drawn), second)
    else:
        lines = ((name, *numbers, drawn),)
    return [Row(node.name, line, (Cell(0, label + stats + len(graph), detail),)) for line in lines]


def _numbers(
    moment: Moment, node: NodeState, shown: Shown[RequestCount], axis: Axis, stats: int
) -> tuple[Line, str]:
    """The numbers; when they stand before the graph, in exactly `stats` cells."""
    if not shown.live or isinstance(node.requests, Unknown):
        verdict = judge(shown, lambda _: ok())
        line = (Span(column(verdict.mark, stats), verdict.tone),) if stats else spans(verdict)
        return (line, spoken(verdict))
    speed = node.rate_per_s(moment.now)
    failed = share(node.errors, node.samples, axis.start)
    total = node.requests.value.total
    words = (rate(speed) if speed is not None else "?/s", f"{count(total)} total", _failed(failed))
    by_class = " ".join(f"{k} {v}" for k, v in sorted(node.requests.value.by_class.items()))
    said = f"{words[0]} ({MEAN}) · {total} total · {words[2]} of the last {span(axis.length_s)} · {by_class}"
    tone = Tone.MUTED if not failed else Tone.DOWN if failed >= BAD_SHARE else Tone.WARN
    if not stats:
        return ((Span(words[0]), Span(f" {count(total)}", Tone.MUTED), Span(f" · {words[2]}", tone)), said)
    if stats == STATS:
        numbers: Line = (Span(right(words[0], 8)), Span(right(words[1], 12), Tone.MUTED))
    else:
        numbers = (Span(right(words[0], 7)),)
    return ((*numbers, Span(column(f" {words[2]}", stats - width_of(numbers)), tone)), said)


def _failed(failed: float | None) -> str:
    if not failed:
        return "5xx 0%" if failed is not None else "5xx –"
    glyph = "✗" if failed >= BAD_SHARE else "▲"
    return f"{glyph} 5xx {percent(failed)}"
