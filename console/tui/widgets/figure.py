"""What every plot needs of plotext, which is imported when the first one is shown, not before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rich.text import Text

STEPS = (1, 2, 4, 6, 8)


def drawn(width: int, height: int, plot: Callable[[Any], None]) -> list[Text]:
    """The rows of a figure that `plot` was given. Its colours are plotext's own: they never reach the screen."""
    from textual_plotext.plot import Plot

    figure: Any = Plot()
    figure.theme("clear")
    figure.plotsize(width, height)
    figure._set_size(width, height)
    figure.frame(False)
    plot(figure)
    return list(Text.from_ansi(figure.build()).split("\n", allow_blank=True))[:height]


def axes(points: tuple[tuple[float, float], ...]) -> tuple[list[float], list[float]]:
    return [x for x, _ in points], [y for _, y in points]


def rate_ticks(top: float) -> list[int]:
    """Zero, half and a round number at or above the top."""
    scale = 2
    while scale < top:
        scale = next((step for n in range(12) for s in STEPS if (step := s * 10**n) > scale), scale * 2)
    return [0, scale // 2, scale]
