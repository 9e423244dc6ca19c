"""The first line: where we are and who owns the VIP."""

from __future__ import annotations

from console.tui.view.dirty import Part
from console.tui.view.header import header
from console.tui.view.moment import Moment
from console.tui.view.tone import Line
from console.tui.widgets.painted import Painted


class StatusHeader(Painted):
    """One bar over the whole width; red in production."""

    PART = Part.HEADER

    def draw(self, moment: Moment, width: int, height: int) -> tuple[Line, ...]:
        return (header(moment, width),)
