"""Rich on our streams: what it draws with is its own, what it is given to draw is made harmless first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO, Any, TextIO, cast

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from iamops.cli.lines import LineWriter
from iamops.cli.output import OutputStream
from iamops.model.safe_text import safe_lines
from iamops.session.private_files import write_private


class CleanConsole(Console):
    """Every text passes through here on its way into a segment, whatever it stood in."""

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
        """Everything else is the stream's own."""
        return getattr(self._stream, name)


# How wide the columns of a table may be, so that none is lost: the widest are cut, and none goes. Pure.

# Between two columns, and about the table: its padding, and the box.
GAP = 2
LEAST = 3
# So narrow are all others before the names of the rows are cut.
TIGHT = 4
# So much of a node's column is worth showing: a glyph and a few letters.
NODE_LEAST = 9


def fitted(wanted: Sequence[int], room: int, gap: int = GAP) -> tuple[int, ...]:
    """Widths that fit into `room` with a gap behind each; the widest are cut first, none below LEAST.

    The first column names the rows: it is the last to be cut.
    """
    widths = list(wanted)
    over = sum(widths) + gap * len(widths) - room
    for columns, least in ((range(1, len(widths)), TIGHT), (range(len(widths)), LEAST)):
        while over > 0 and max((widths[at] for at in columns), default=0) > least:
            widest = max(columns, key=lambda at: widths[at])
            widths[widest] -= 1
            over -= 1
    return tuple(widths)


def groups(names: Sequence[str], head: int, room: int, gap: int = GAP) -> tuple[tuple[str, ...], ...]:
    """The names in as many groups as it takes to give each NODE_LEAST beside a column of `head`."""
    each = max(1, (room - head - gap) // (NODE_LEAST + gap))
    return tuple(tuple(names[at : at + each]) for at in range(0, len(names), each))


# Documents in the files that were asked for: the edge of every report that leaves for a file.


def not_written(path: str, text: str) -> str | None:
    """Writes a document; returns why it could not be written, if so."""
    try:
        write_private(Path(path), safe_lines(text))
    except OSError as error:
        return f"{path}: {error.strerror}"
    return None
