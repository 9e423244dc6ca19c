"""Curves over time, drawn by plotext, which is imported when the first plot is shown, not before."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

from rich.text import Text

from iamops.model.profile import Environment
from iamops.tui.toolkit.painted import Painted, ViewState
from iamops.tui.toolkit.pane import rule
from iamops.tui.toolkit.text import Line, PaneContent, Tone, line_of_cells

Curve = tuple[tuple[float, float], ...]
# More curves than these cannot be told apart. The colours are plotext's; each stands for a tone and never reaches
# the screen.
SIGNS = ("▄", "⠶", "•")
MARKERS = ("hd", "braille", "•")
COLOURS = ("blue", "green", "white")
CURVE_TONES = (Tone.GRAPH, Tone.ACCENT, Tone.TITLE)
FAILED, VIP_MOVE, ACTION = "×", "│", "┊"
ACTION_NUMBER = 5
STEPS = (1, 2, 4, 6, 8)
TONES = {4: Tone.GRAPH, 2: Tone.ACCENT, 15: Tone.TITLE, 1: Tone.DOWN, 3: Tone.MARK, ACTION_NUMBER: Tone.ACCENT}


@dataclass(frozen=True, slots=True)
class PlotCurves:
    """Named curves and the 5xx part of their sum: points (seconds before the end, requests per second).

    `moves` of the VIP and `actions` of the console are places on the same axis.
    """

    length_s: float
    curves: tuple[tuple[str, Curve], ...] = ()
    failed: Curve = ()
    moves: tuple[float, ...] = ()
    actions: tuple[float, ...] = ()

    @property
    def top(self) -> float:
        return max((y for _, curve in self.curves for _, y in curve), default=0.0)


class Plot(Painted):
    """Base of the plots. Plotting is expensive: the same key is plotted once."""

    def __init__(self, ident: str | None = None) -> None:
        super().__init__(ident)
        self._plotted: Hashable = None
        self._canvas: tuple[Line, ...] = ()

    def key(self, view: ViewState, width: int) -> Hashable:
        """Everything the plot depends on, except its size."""
        raise NotImplementedError

    def plotted(self, view: ViewState, width: int, height: int) -> tuple[PaneContent, tuple[Line, ...]]:
        """The title with the legend, and the lines below it."""
        raise NotImplementedError

    def draw(self, view: ViewState, width: int, height: int) -> tuple[Line, ...]:
        key = (self.key(view, width), width, height)
        if self._plotted != key:
            self._plotted = key
            legend, lines = self.plotted(view, width, height - 1)
            production = view.state.profile.environment is Environment.PRODUCTION
            title = rule(legend, width, tone=Tone.PROD_RULE if production else Tone.RULE)
            self._canvas = (title, *lines)
        return self._canvas


def plot_lines(curves: PlotCurves, width: int, height: int) -> tuple[Line, ...]:
    """The curves on a canvas, with axes."""
    import plotext

    figure: Any = plotext  # It has one figure for the whole process, and no types.
    figure.clear_figure()
    figure.theme("clear")
    figure.limit_size(False, False)
    figure.plot_size(width, height)
    figure.frame(False)
    rates = rate_ticks(curves.top)
    figure.ylim(0, rates[-1])
    figure.yticks(rates, [f"{tick:>5}" for tick in rates])
    figure.xlim(-curves.length_s, 0)
    for at in curves.actions:
        figure.vline(at, "magenta")
    for at in curves.moves:
        figure.vline(at, "orange")
    for (_, curve), colour, marker in zip(curves.curves, COLOURS, MARKERS, strict=False):
        figure.plot(*_coordinates(curve), marker=marker, color=colour)
    if curves.failed:
        figure.scatter(*_coordinates(curves.failed), marker=FAILED, color="red")
    figure.xticks(*time_ticks(curves.length_s))
    canvas = Text.from_ansi(figure.build()).split("\n", allow_blank=True)
    return tuple(_toned(line) for line in list(canvas)[:height])


def _coordinates(curve: Curve) -> tuple[list[float], list[float]]:
    return [x for x, _ in curve], [y for _, y in curve]


def rate_ticks(top: float) -> list[int]:
    """Zero, half and a round number at or above the top."""
    scale = 2
    while scale < top:
        scale = next((step for n in range(12) for s in STEPS if (step := s * 10**n) > scale), scale * 2)
    return [0, scale // 2, scale]


def time_ticks(length_s: float) -> tuple[list[float], list[str]]:
    """Places and labels of the time axis: about five."""
    step = length_s / (4 if length_s <= 60 else 5 if length_s < 3600 else 6)
    places = [-step * n for n in range(int(length_s / step), -1, -1)]
    return places, [_before(-place) for place in places]


def _before(seconds: float) -> str:
    if not seconds:
        return "now"
    if seconds < 60:
        return f"-{seconds:.0f}s"
    return f"-{seconds / 60:.0f}m" if seconds <= 3600 else f"-{seconds / 3600:.0f}h"


def _toned(text: Text) -> Line:
    """plotext's colours back to tones; its axes become quiet, and what the console did becomes a broken line."""
    cells = [(character, Tone.MUTED) for character in text.plain]
    for part in text.spans:
        colour = None if isinstance(part.style, str) else part.style.color
        number = colour.number if colour is not None else None
        for at in range(part.start, min(part.end, len(cells))):
            character = cells[at][0]
            if number == ACTION_NUMBER and character == VIP_MOVE:
                character = ACTION
            cells[at] = (character, TONES.get(number, Tone.MUTED) if number is not None else Tone.MUTED)
    return line_of_cells(cells)
