"""What the traffic plot shows: a curve for each node, the 5xx part of all, and what happened meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from console.model.state import ClusterState
from console.store.traffic_book import Point
from console.tui.view.amounts import rate
from console.tui.view.fit import first_fitting
from console.tui.view.rows import Picture
from console.tui.view.tone import Line, Span, Tone
from console.tui.view.traffic import SPANS_S, NodeTraffic, Sight

# More curves than this cannot be told apart: then there is one, of all nodes.
CURVES_MAX = 3
ALL = "all nodes"
# A slot that has just begun tells no rate yet.
YOUNG = 0.25
SIGNS = ("▄", "⠶", "•")
CURVE_TONES = (Tone.GRAPH, Tone.ACCENT, Tone.TITLE)
FAILED, MOVE, DEED = "×", "│", "┊"
# What the title of the rule takes, and the rule at its ends.
TITLE_CELLS = 18
Curve = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class TrafficCurves:
    """Points (seconds before now, requests per second). `moves` of the VIP and `deeds` of the console."""

    length_s: float
    curves: tuple[tuple[str, Curve], ...] = ()
    failed: Curve = ()
    moves: tuple[float, ...] = ()
    deeds: tuple[float, ...] = ()

    @property
    def top(self) -> float:
        return max((y for _, curve in self.curves for _, y in curve), default=0.0)


def curves_of(sight: Sight, state: ClusterState) -> TrafficCurves:
    """Sums where there are too many nodes; points only where something was counted."""
    known = [node for node in sight.nodes if node.points]
    if len(sight.nodes) <= CURVES_MAX:
        shown = tuple((node.name, _curve(sight, node.points)) for node in known)
    else:
        shown = ((ALL, _summed([_curve(sight, node.points) for node in known])),) if known else ()
    failed = _summed([_curve(sight, node.points, "5xx") for node in known])
    # What the console did is told of no node: the notices of nodes are about what they did themselves.
    deeds = [notice.at for notice in state.notices if notice.node is None]
    return TrafficCurves(
        length_s=float(SPANS_S[sight.span]),
        curves=shown,
        failed=tuple(point for point in failed if point[1] > 0),
        moves=_within(sight, [move.at for move in state.moves]),
        deeds=_within(sight, deeds),
    )


def legend(sight: Sight | None, shown: TrafficCurves, width: int) -> Picture:
    """Stands in the rule: nothing of it covers the curves. What happened gives way first, then the peak."""
    title: Line = (Span("RATE", Tone.TITLE), Span(" req/s", Tone.MUTED))
    named = zip(shown.curves, SIGNS, CURVE_TONES, strict=False)
    curves = tuple(Span(f"{sign} {name}  ", tone) for (name, _), sign, tone in named)
    what, short = _failures(sight, shown)
    happened = _happened(shown)
    variants = ((*curves, what, *happened), (*curves, short, *happened), (*curves, short), (short,))
    return Picture(title, marks=first_fitting(variants, width - TITLE_CELLS))


def _failures(sight: Sight | None, shown: TrafficCurves) -> tuple[Span, Span]:
    """In full and in short."""
    if shown.failed:
        peak = max(y for _, y in shown.failed)
        return Span(f"{FAILED} 5xx, top {rate(peak)}", Tone.DOWN), Span(f"{FAILED} 5xx", Tone.DOWN)
    words = Span("no 5xx" if sight is not None and sight.known else "", Tone.MUTED)
    return words, words


def _happened(shown: TrafficCurves) -> Line:
    moves = (Span(f"  {MOVE} VIP move", Tone.MARK),) if shown.moves else ()
    return (*moves, *((Span(f"  {DEED} action", Tone.ACCENT),) if shown.deeds else ()))


def ticks(length_s: float) -> tuple[list[float], list[str]]:
    """Places and words of the time axis: about five."""
    step = length_s / (4 if length_s <= 60 else 5 if length_s < 3600 else 6)
    places = [-step * n for n in range(int(length_s / step), -1, -1)]
    return places, [_before(-place) for place in places]


def _before(seconds: float) -> str:
    if not seconds:
        return "now"
    if seconds < 60:
        return f"-{seconds:.0f}s"
    return f"-{seconds / 60:.0f}m" if seconds <= 3600 else f"-{seconds / 3600:.0f}h"


def _curve(sight: Sight, points: Sequence[Point], kind: str | None = None) -> Curve:
    found: list[tuple[float, float]] = []
    for point in points:
        took = min(point.span_s, sight.at - point.at)
        if took < YOUNG * point.span_s or point.at < sight.begins - point.span_s:
            continue
        number = point.total if kind is None else point.by_class.get(kind, 0)
        middle = min(0.0, point.at + point.span_s / 2 - sight.at)
        found.append((max(-float(SPANS_S[sight.span]), middle), number / took))
    return tuple(found)


def _summed(curves: Sequence[Curve]) -> Curve:
    """All nodes are counted in the same slots."""
    found: dict[float, float] = {}
    for curve in curves:
        for x, y in curve:
            found[x] = found.get(x, 0.0) + y
    return tuple(sorted(found.items()))


def _within(sight: Sight, times: Sequence[float]) -> tuple[float, ...]:
    return tuple(at - sight.at for at in times if -SPANS_S[sight.span] <= at - sight.at <= 0)


def ground(nodes: Sequence[NodeTraffic]) -> str:
    """What to say where there is no curve."""
    reasons = dict.fromkeys(node.unknown for node in nodes if node.unknown)
    return "; ".join(reasons) or "nothing counted yet"
