"""What the traffic plot shows: a curve for each node, the 5xx part of all, and what happened meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from rich.text import Text

from iamops.accesslog.timeseries import Point
from iamops.model.profile import Environment
from iamops.model.state import ClusterState
from iamops.tui.toolkit.frame_state import ScreenPart, ViewState
from iamops.tui.toolkit.painted import Painted
from iamops.tui.toolkit.pane import rule
from iamops.tui.toolkit.rates import axes, drawn, rate_ticks
from iamops.tui.toolkit.text import Line, PaneContent, TextSpan, Tone, first_fitting, joined, rate
from iamops.tui.traffic.snapshot import SPANS_S, NodeTraffic, TrafficSnapshot

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


def curves_of(sight: TrafficSnapshot, state: ClusterState) -> TrafficCurves:
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


def legend(sight: TrafficSnapshot | None, shown: TrafficCurves, width: int) -> PaneContent:
    """Stands in the rule: nothing of it covers the curves. What happened gives way first, then the peak."""
    title: Line = (TextSpan("RATE", Tone.TITLE), TextSpan(" req/s", Tone.MUTED))
    named = zip(shown.curves, SIGNS, CURVE_TONES, strict=False)
    curves = tuple(TextSpan(f"{sign} {name}  ", tone) for (name, _), sign, tone in named)
    what, short = _failures(sight, shown)
    happened = _happened(shown)
    variants = ((*curves, what, *happened), (*curves, short, *happened), (*curves, short), (short,))
    return PaneContent(title, marks=first_fitting(variants, width - TITLE_CELLS))


def _failures(sight: TrafficSnapshot | None, shown: TrafficCurves) -> tuple[TextSpan, TextSpan]:
    """In full and in short."""
    if shown.failed:
        peak = max(y for _, y in shown.failed)
        return TextSpan(f"{FAILED} 5xx, top {rate(peak)}", Tone.DOWN), TextSpan(f"{FAILED} 5xx", Tone.DOWN)
    words = TextSpan("no 5xx" if sight is not None and sight.known else "", Tone.MUTED)
    return words, words


def _happened(shown: TrafficCurves) -> Line:
    moves = (TextSpan(f"  {MOVE} VIP move", Tone.MARK),) if shown.moves else ()
    return (*moves, *((TextSpan(f"  {DEED} action", Tone.ACCENT),) if shown.deeds else ()))


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


def _curve(sight: TrafficSnapshot, points: Sequence[Point], kind: str | None = None) -> Curve:
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


def _within(sight: TrafficSnapshot, times: Sequence[float]) -> tuple[float, ...]:
    return tuple(at - sight.at for at in times if -SPANS_S[sight.span] <= at - sight.at <= 0)


def ground(nodes: Sequence[NodeTraffic]) -> str:
    """What to say where there is no curve."""
    reasons = dict.fromkeys(node.unknown for node in nodes if node.unknown)
    return "; ".join(reasons) or "nothing counted yet"


# The plot of the traffic by node. plotext is imported when it is first shown, not before.

# plotext speaks ANSI colours; each stands for a tone and never reaches the screen.
COLOURS = ("blue", "green", "white")
MARKERS = ("hd", "braille", "•")
BAD, MOVED, DONE = "red", "orange", "magenta"
TONES = {4: CURVE_TONES[0], 2: CURVE_TONES[1], 15: CURVE_TONES[2], 1: Tone.DOWN, 3: Tone.MARK, 5: Tone.ACCENT}
DONE_NUMBER = 5


class TrafficPlot(Painted):
    """All nodes on one axis of time."""

    PART: ClassVar[ScreenPart | None] = ScreenPart.TRAFFIC

    def __init__(self, ident: str, sight: Callable[[], TrafficSnapshot | None]) -> None:
        super().__init__(ident)
        self._sight = sight
        self._plotted: tuple[object, ...] | None = None
        self._canvas: tuple[Line, ...] = ()

    def draw(self, moment: ViewState, width: int, height: int) -> tuple[Line, ...]:
        sight = self._sight()
        due = (_look_of(sight), moment.state.moves, moment.state.notices, width, height)
        if self._plotted != due:
            self._plotted = due
            shown = curves_of(sight, moment.state) if sight is not None else TrafficCurves(1.0)
            production = moment.state.profile.environment is Environment.PRODUCTION
            head = rule(legend(sight, shown, width), width, tone=Tone.PROD_RULE if production else Tone.RULE)
            self._canvas = (head, *_body(sight, shown, width, height - 1))
        return self._canvas


def _look_of(sight: TrafficSnapshot | None) -> object:
    """What makes another picture: plotting every second would cost more than it shows.

    The doubling of the counts is news, too: a filter's are read in a few seconds.
    """
    if sight is None:
        return None
    calm_s = min(10, max(1, SPANS_S[sight.span] // 300))
    counted = tuple((node.traffic.total.bit_length(), node.unreadable, node.unknown) for node in sight.nodes)
    return sight.span, sight.where, int(sight.at) // calm_s, counted


def _body(sight: TrafficSnapshot | None, shown: TrafficCurves, width: int, height: int) -> tuple[Line, ...]:
    if sight is None or not any(curve for _, curve in shown.curves):
        words = ground(sight.nodes) if sight is not None else "reading the nodes' logs…"
        return ((TextSpan(f" {words}", Tone.MUTED),),)
    return tuple(_toned(line) for line in drawn(width, height, lambda figure: _plot(figure, shown)))


def _plot(figure: Any, shown: TrafficCurves) -> None:
    rates = rate_ticks(shown.top)
    figure.ylim(0, rates[-1])
    figure.yticks(rates, [f"{tick:>5}" for tick in rates])
    figure.xlim(-shown.length_s, 0)
    for at in shown.deeds:
        figure.vline(at, DONE)
    for at in shown.moves:
        figure.vline(at, MOVED)
    for (_, curve), colour, marker in zip(shown.curves, COLOURS, MARKERS, strict=False):
        figure.plot(*axes(curve), marker=marker, color=colour)
    if shown.failed:
        figure.scatter(*axes(shown.failed), marker=FAILED, color=BAD)
    figure.xticks(*ticks(shown.length_s))


def _toned(text: Text) -> Line:
    """plotext's colours back to tones; its axes become quiet, and what the console did a broken line."""
    cells = [(character, Tone.MUTED) for character in text.plain]
    for part in text.spans:
        colour = None if isinstance(part.style, str) else part.style.color
        number = colour.number if colour is not None else None
        for at in range(part.start, min(part.end, len(cells))):
            character = DEED if number == DONE_NUMBER and cells[at][0] == MOVE else cells[at][0]
            cells[at] = (character, TONES.get(number, Tone.MUTED) if number is not None else Tone.MUTED)
    return joined(cells)
