"""What the traffic plot shows: a curve for each node, the 5xx part of all, and what happened meanwhile."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import ClassVar

from iamops.accesslog.aggregate import TimeSeriesPoint
from iamops.model.state import ClusterState
from iamops.tui.toolkit.painted import ScreenPart, ViewState
from iamops.tui.toolkit.plot import (
    ACTION,
    CURVE_TONES,
    FAILED,
    SIGNS,
    VIP_MOVE,
    Curve,
    Plot,
    PlotCurves,
    plot_lines,
)
from iamops.tui.toolkit.text import Line, PaneContent, TextSpan, Tone, first_fitting, rate
from iamops.tui.traffic.panes import SnapshotSource
from iamops.tui.traffic.snapshot import SPANS_S, TrafficSnapshot

# With more nodes than there are signs there is one curve, of all nodes.
ALL = "all nodes"
# A slot that has just begun tells no rate yet.
YOUNG = 0.25
# What the title of the rule takes, and the rule at its ends.
TITLE_CELLS = 18


class TrafficPlot(Plot):
    """All nodes on one axis of time."""

    PART: ClassVar[ScreenPart | None] = ScreenPart.TRAFFIC

    def __init__(self, ident: str, snapshot: SnapshotSource) -> None:
        super().__init__(ident)
        self._snapshot = snapshot

    def key(self, view: ViewState, width: int) -> Hashable:
        """Not the time itself: plotting every second costs more than it shows.

        Doubled counts are plotted at once: those of a new filter are read within seconds.
        """
        snapshot, happened = self._snapshot(), (view.state.moves, view.state.notices)
        if snapshot is None:
            return happened
        calm_s = min(10, max(1, SPANS_S[snapshot.span] // 300))
        counted = tuple(
            (node.traffic.total.bit_length(), node.unreadable, node.unknown) for node in snapshot.nodes
        )
        return (snapshot.span, snapshot.where, int(snapshot.at) // calm_s, counted, happened)

    def plotted(self, view: ViewState, width: int, height: int) -> tuple[PaneContent, tuple[Line, ...]]:
        snapshot = self._snapshot()
        curves = curves_of(snapshot, view.state) if snapshot is not None else PlotCurves(1.0)
        content = PaneContent(
            (TextSpan("RATE", Tone.TITLE), TextSpan(" req/s", Tone.MUTED)),
            marks=_legend(curves, width - TITLE_CELLS, known=snapshot is not None and snapshot.known),
        )
        if any(curve for _, curve in curves.curves):
            return content, plot_lines(curves, width, height)
        words = "reading the nodes' logs…"
        if snapshot is not None:
            reasons = dict.fromkeys(node.unknown for node in snapshot.nodes if node.unknown)
            words = "; ".join(reasons) or "nothing counted yet"
        return content, ((TextSpan(f" {words}", Tone.MUTED),),)


def curves_of(snapshot: TrafficSnapshot, state: ClusterState) -> PlotCurves:
    """Sums where there are too many nodes; points only where something was counted."""
    known = [node for node in snapshot.nodes if node.points]
    curves = tuple((node.name, _curve(snapshot, node.points)) for node in known)
    if len(snapshot.nodes) > len(SIGNS) and known:
        curves = ((ALL, _summed([curve for _, curve in curves])),)
    failed = _summed([_curve(snapshot, node.points, "5xx") for node in known])
    # What the console did is a notice without a node; a node's notices are about what it did itself.
    actions = [notice.at for notice in state.notices if notice.node is None]
    return PlotCurves(
        length_s=float(SPANS_S[snapshot.span]),
        curves=curves,
        failed=tuple(point for point in failed if point[1] > 0),
        moves=_within(snapshot, [move.at for move in state.moves]),
        actions=_within(snapshot, actions),
    )


def _curve(snapshot: TrafficSnapshot, points: Sequence[TimeSeriesPoint], status_class: str | None = None) -> Curve:
    curve: list[tuple[float, float]] = []
    for point in points:
        took = min(point.span_s, snapshot.at - point.at)
        if took < YOUNG * point.span_s or point.at < snapshot.begins - point.span_s:
            continue
        number = point.total if status_class is None else point.by_class.get(status_class, 0)
        middle = min(0.0, point.at + point.span_s / 2 - snapshot.at)
        curve.append((max(-float(SPANS_S[snapshot.span]), middle), number / took))
    return tuple(curve)


def _summed(curves: Sequence[Curve]) -> Curve:
    """All nodes are counted in the same slots."""
    total: dict[float, float] = {}
    for curve in curves:
        for x, y in curve:
            total[x] = total.get(x, 0.0) + y
    return tuple(sorted(total.items()))


def _within(snapshot: TrafficSnapshot, times: Sequence[float]) -> tuple[float, ...]:
    return tuple(at - snapshot.at for at in times if -SPANS_S[snapshot.span] <= at - snapshot.at <= 0)


def _legend(shown: PlotCurves, width: int, *, known: bool) -> Line:
    """Stands in the rule: nothing of it covers the curves. What happened gives way first, then the peak."""
    named = zip(shown.curves, SIGNS, CURVE_TONES, strict=False)
    curves = tuple(TextSpan(f"{sign} {name}  ", tone) for (name, _), sign, tone in named)
    failed = short = TextSpan("no 5xx" if known else "", Tone.MUTED)
    if shown.failed:
        peak = max(y for _, y in shown.failed)
        failed = TextSpan(f"{FAILED} 5xx, top {rate(peak)}", Tone.DOWN)
        short = TextSpan(f"{FAILED} 5xx", Tone.DOWN)
    happened: Line = (TextSpan(f"  {VIP_MOVE} VIP move", Tone.MARK),) if shown.moves else ()
    if shown.actions:
        happened = (*happened, TextSpan(f"  {ACTION} action", Tone.ACCENT))
    variants = ((*curves, failed, *happened), (*curves, short, *happened), (*curves, short), (short,))
    return first_fitting(variants, width)
