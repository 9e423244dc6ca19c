"""Rich on our streams: what it draws with is its own, what it is given to draw is made harmless first."""

from __future__ import annotations

from collections.abc import Iterable
from typing import IO, Any, TextIO, cast

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from iamops.cli.lines import LineWriter
from iamops.cli.output import OutputStream
from iamops.model.text import safe_lines


class CleanConsole(Console):
    """Every text passes through here on its way into a segment."""

    def __init__(self, stream: LineWriter | TextIO, **kinds: Any) -> None:
        drawn_on = _Canvas(stream) if isinstance(stream, (LineWriter, OutputStream)) else stream
        super().__init__(file=cast("IO[str]", drawn_on), highlight=False, **kinds)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for text, style, control in super().render(renderable, options):
            yield Segment(text if control else safe_lines(text), style, control)


class _Canvas:
    """As much of a file as rich needs."""

    def __init__(self, stream: LineWriter | OutputStream) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        self._stream.draw(text)
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
