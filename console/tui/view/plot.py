"""What the request plot shows: the whole cluster's rate, the 5xx part of it, and VIP moves."""

from __future__ import annotations

from dataclasses import dataclass

from console.model.sampled import Samples
from console.tui.view.amounts import span
from console.tui.view.moment import Moment
from console.tui.view.rates import Axis, rates
from console.tui.view.rows import Picture
from console.tui.view.shown import resolve
from console.tui.view.tone import Span, Tone

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


def curves(moment: Moment, columns: int) -> Curves:
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


def plot_rule(shown: Curves) -> Picture:
    """The legend stands in the rule: nothing of it covers the curve."""
    title = (Span("RATE", Tone.TITLE), Span(" all nodes, req/s", Tone.MUTED))
    legend = [Span("▄ total", Tone.GRAPH), Span("  × 5xx", Tone.DOWN)]
    if shown.moves:
        legend.append(Span("  │ VIP move", Tone.MARK))
    return Picture(title, marks=(*legend, Span(f"  {span(shown.length_s)}", Tone.MUTED)))


def _sum(series: list[Samples], axis: Axis, now: float) -> tuple[tuple[float, float], ...]:
    per_node = [rates(samples, axis, now) for samples in series]
    points: list[tuple[float, float]] = []
    for number in range(axis.number):
        known = [value for node in per_node if (value := node[number]) is not None]
        if known:
            points.append(((number + 1) * axis.bucket_s - axis.length_s, sum(known)))
    return tuple(points)
