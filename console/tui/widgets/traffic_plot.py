"""The plot of the traffic by node. plotext is imported when it is first shown, not before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from rich.text import Text

from console.model.profile import Environment
from console.tui.view.dirty import Part
from console.tui.view.moment import Moment
from console.tui.view.rule import rule
from console.tui.view.tone import Line, Span, Tone, joined
from console.tui.view.traffic import SPANS_S, Sight
from console.tui.view.traffic_plot import (
    CURVE_TONES,
    DEED,
    FAILED,
    MOVE,
    TrafficCurves,
    curves_of,
    ground,
    legend,
    ticks,
)
from console.tui.widgets.figure import axes, drawn, rate_ticks
from console.tui.widgets.painted import Painted

# plotext speaks ANSI colours; each stands for a tone and never reaches the screen.
COLOURS = ("blue", "green", "white")
MARKERS = ("hd", "braille", "•")
BAD, MOVED, DONE = "red", "orange", "magenta"
TONES = {4: CURVE_TONES[0], 2: CURVE_TONES[1], 15: CURVE_TONES[2], 1: Tone.DOWN, 3: Tone.MARK, 5: Tone.ACCENT}
DONE_NUMBER = 5


class TrafficPlot(Painted):
    """All nodes on one axis of time."""

    PART: ClassVar[Part | None] = Part.TRAFFIC

    def __init__(self, ident: str, sight: Callable[[], Sight | None]) -> None:
        super().__init__(ident)
        self._sight = sight
        self._plotted: tuple[object, ...] | None = None
        self._canvas: tuple[Line, ...] = ()

    def draw(self, moment: Moment, width: int, height: int) -> tuple[Line, ...]:
        sight = self._sight()
        due = (_look_of(sight), moment.state.moves, moment.state.notices, width, height)
        if self._plotted != due:
            self._plotted = due
            shown = curves_of(sight, moment.state) if sight is not None else TrafficCurves(1.0)
            production = moment.state.profile.environment is Environment.PRODUCTION
            head = rule(legend(sight, shown, width), width, tone=Tone.PROD_RULE if production else Tone.RULE)
            self._canvas = (head, *_body(sight, shown, width, height - 1))
        return self._canvas


def _look_of(sight: Sight | None) -> object:
    """What makes another picture: plotting every second would cost more than it shows.

    The doubling of the counts is news, too: a filter's are read in a few seconds.
    """
    if sight is None:
        return None
    calm_s = min(10, max(1, SPANS_S[sight.span] // 300))
    counted = tuple((node.traffic.total.bit_length(), node.unread, node.unknown) for node in sight.nodes)
    return sight.span, sight.where, int(sight.at) // calm_s, counted


def _body(sight: Sight | None, shown: TrafficCurves, width: int, height: int) -> tuple[Line, ...]:
    if sight is None or not any(curve for _, curve in shown.curves):
        words = ground(sight.nodes) if sight is not None else "reading the nodes' logs…"
        return ((Span(f" {words}", Tone.MUTED),),)
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
