"""The request plot. plotext is imported when the plot is first shown, not before."""

from __future__ import annotations

from typing import Any, ClassVar

from rich.text import Text

from console.model.profile import Environment
from console.tui.view.dirty import Part
from console.tui.view.moment import Moment
from console.tui.view.plot import Curves, curves, plot_rule
from console.tui.view.rule import rule
from console.tui.view.tone import Line, Span, Tone, joined
from console.tui.widgets.figure import axes, drawn, rate_ticks
from console.tui.widgets.painted import Painted

# plotext speaks ANSI colours; each stands for a tone and never reaches the screen.
TOTAL, FAILED = "blue", "red"
TONES = {4: Tone.GRAPH, 1: Tone.DOWN}
MOVE = "│"


class RequestPlot(Painted):
    """Rate of the whole cluster over ten minutes."""

    PART: ClassVar[Part | None] = Part.PLOT

    def __init__(self, ident: str | None = None) -> None:
        super().__init__(ident)
        self._plotted: tuple[object, ...] | None = None
        self._canvas: tuple[Line, ...] = ()

    def draw(self, moment: Moment, width: int, height: int) -> tuple[Line, ...]:
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
        return ((Span(" no request counts yet", Tone.MUTED),),)
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
    tones = [Tone.MARK if character == MOVE else Tone.MUTED for character in text.plain]
    for part in text.spans:
        style = part.style
        colour = None if isinstance(style, str) else style.color
        tone = TONES.get(colour.number, Tone.MUTED) if colour is not None and colour.number is not None else None
        for at in range(part.start, min(part.end, len(tones))):
            tones[at] = tone or tones[at]
    return joined(zip(text.plain, tones, strict=True))
