"""The request plot. plotext is imported when the plot is first shown, not before."""

from __future__ import annotations

from typing import Any, ClassVar

from rich.text import Text

from console.model.profile import Environment
from console.tui.view.dirty import Part
from console.tui.view.moment import Moment
from console.tui.view.plot import Curves, curves, plot_rule
from console.tui.view.rule import rule
from console.tui.view.tone import Line, Span, Tone
from console.tui.widgets.painted import Painted

# plotext speaks ANSI colours; each stands for a tone and never reaches the screen.
TOTAL, FAILED = "blue", "red"
TONES = {4: Tone.GRAPH, 1: Tone.DOWN}
MOVE = "│"
STEPS = (1, 2, 4, 6, 8)


class RequestPlot(Painted):
    """Rate of the whole cluster over ten minutes."""

    PART: ClassVar[Part | None] = Part.PLOT

    def __init__(self, ident: str | None = None) -> None:
        super().__init__(ident)
        self._plotted: tuple[object, ...] | None = None
        self._canvas: tuple[Line, ...] = ()

    def draw(self, moment: Moment, width: int, height: int) -> tuple[Line, ...]:
        # Once a second is as fine as the counts are; plotting at every event would cost more than it shows.
        due = (int(moment.now), moment.state.moves, width, height)
        if self._plotted != due:
            self._plotted = due
            shown = curves(moment, width - 8)
            production = moment.state.profile.environment is Environment.PRODUCTION
            title = rule(plot_rule(shown), width, tone=Tone.PROD_RULE if production else Tone.RULE)
            self._canvas = (title, *plotted(shown, width, height - 1))
        return self._canvas


def plotted(shown: Curves, width: int, height: int) -> tuple[Line, ...]:
    """The canvas as toned lines."""
    if not shown.total:
        return ((Span(" no request counts yet", Tone.MUTED),),)
    from textual_plotext.plot import Plot

    figure: Any = Plot()
    figure.theme("clear")
    figure.plotsize(width, height)
    figure._set_size(width, height)
    figure.frame(False)
    _plot(figure, shown)
    ansi = Text.from_ansi(figure.build())
    return tuple(_toned(line) for line in ansi.split("\n", allow_blank=True))[:height]


def _plot(figure: Any, shown: Curves) -> None:
    ticks = _rates(max((rate for _, rate in shown.total), default=0.0))
    figure.ylim(0, ticks[-1])
    figure.yticks(ticks, [f"{tick:>5}" for tick in ticks])
    figure.xlim(-shown.length_s, 0)
    for at in shown.moves:
        figure.vline(at)
    figure.plot(*_axes(shown.total), marker="hd", color=TOTAL)
    failed = tuple(point for point in shown.failed if point[1] > 0)
    if failed:
        figure.scatter(*_axes(failed), marker="×", color=FAILED)
    times = range(-int(shown.length_s // 120) * 120, 1, 120)
    figure.xticks(times, ["now" if at == 0 else f"{at // 60}m" for at in times])


def _rates(top: float) -> list[int]:
    """Zero, half and a round number at or above the top."""
    scale = 2
    while scale < top:
        scale = next((step for n in range(12) for s in STEPS if (step := s * 10**n) > scale), scale * 2)
    return [0, scale // 2, scale]


def _axes(points: tuple[tuple[float, float], ...]) -> tuple[list[float], list[float]]:
    return [x for x, _ in points], [y for _, y in points]


def _toned(text: Text) -> Line:
    """plotext's colours back to tones; its axes become quiet."""
    tones = [Tone.MARK if character == MOVE else Tone.MUTED for character in text.plain]
    for part in text.spans:
        style = part.style
        colour = None if isinstance(style, str) else style.color
        tone = TONES.get(colour.number, Tone.MUTED) if colour is not None and colour.number is not None else None
        for at in range(part.start, min(part.end, len(tones))):
            tones[at] = tone or tones[at]
    line: list[Span] = []
    for character, tone in zip(text.plain, tones, strict=True):
        if line and line[-1].tone is tone:
            line[-1] = Span(line[-1].text + character, tone)
        else:
            line.append(Span(character, tone))
    return tuple(line)
