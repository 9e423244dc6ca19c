"""Log lines as rows: which of them pass the filter, which are visible, and what the chosen one says in full."""

from __future__ import annotations

import re
import shlex
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from rich.cells import cell_len, chop_cells

from iamops.model.facts import Severity
from iamops.model.journal import LogLine, LogSource
from iamops.model.profile import Logs
from iamops.tui.toolkit.health import SEVERITY_GLYPHS
from iamops.tui.toolkit.text import EMPTY, Line, Row, TextSpan, Tone, clip, clock, column, printable

MARKED = "■"
NODE_WIDTH = 10
WRAPPED_ROWS = 8
REST = "… Enter shows the rest"
# Three letters of the source on a narrow screen, the word on a wide one.
WORDS_FROM = 100
SHORT = {
    LogSource.ACCESS: "acc",
    LogSource.ERROR: "err",
    LogSource.JOURNAL: "jnl",
    LogSource.MARK: "evt",
    LogSource.READER: "ops",
}
WORD = max(len(source.value) for source in LogSource)
# The time stands at the beginning of the row already.
_STAMP = re.compile(
    r'^(?P<before>[^"\[]{0,200})\[\d\d/[A-Z][a-z]{2}/\d{4}:[\d:]{8} [+-]\d{4}\] |^\d{4}/\d\d/\d\d [\d:]{8} '
)


# --- the filter ---


@dataclass(frozen=True, slots=True)
class LogFilter:
    """`node:` and `source:` words and what is not wanted (`!word`); the rest is searched for as it stands."""

    text: str = ""
    nodes: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    without: tuple[str, ...] = ()

    @classmethod
    def of(cls, filter_text: str) -> LogFilter:
        prefixes: dict[str, list[str]] = {"node:": [], "source:": [], "!": [], "": []}
        for word in filter_text.casefold().split():
            prefix = next(prefix for prefix in prefixes if word.startswith(prefix))
            if word != prefix:
                prefixes[prefix].append(word.removeprefix(prefix))
        nodes, sources, without, text = prefixes.values()
        return cls(" ".join(text), tuple(nodes), tuple(sources), tuple(without))

    def keeps(self, line: LogLine) -> bool:
        """Whether a line passes."""
        if not self.about(line.node, line.source):
            return False
        if not (self.text or self.without):
            return True
        words = f"{line.node} {line.source.value} {' '.join((line.text, *line.more))}".casefold()
        return self.text in words and not any(unwanted in words for unwanted in self.without)

    def about(self, node: str, source: LogSource) -> bool:
        """Whether lines of that node and source could pass at all. An empty node stands for the whole cluster."""
        if self.nodes and node and not any(wanted in node.casefold() for wanted in self.nodes):
            return False
        return not self.sources or any(source.value.startswith(wanted) for wanted in self.sources)


def further_back(filter_text: str, logs: Logs) -> Iterator[str]:
    """Where to look for a text that is in none of the lines that were read."""
    wanted = LogFilter.of(filter_text)
    files = {LogSource.ACCESS: logs.access, LogSource.ERROR: logs.error}
    paths = [path for source, path in files.items() if wanted.about("", source)]
    if wanted.text and paths:
        yield f"look on each node: grep -iF {shlex.quote(wanted.text)} {paths[0]}"


# --- rows ---


@dataclass(frozen=True, slots=True)
class RowLayout:
    """How rows are laid out: the screen's width, the node column's, and whether lines are wrapped."""

    width: int
    node: int
    wrapped: bool = False

    @property
    def source(self) -> int:
        return WORD if self.width >= WORDS_FROM else 3

    @property
    def indent(self) -> int:
        """Cells before the text: mark, time, glyph, node, source, and the gaps between them."""
        return 1 + 8 + 3 + self.node + 1 + self.source + 1


def log_rows(line: LogLine, layout: RowLayout, *, marked: bool) -> tuple[Row, ...]:
    """The rows of one line. Events of the cluster stand out; an ordinary line has no sign."""
    glyph, tone = SEVERITY_GLYPHS[line.severity]
    if line.number < 0:
        glyph, tone = "┄", Tone.MUTED
    elif line.severity is Severity.INFO:
        glyph, tone = ("◆", Tone.MARK) if line.source is LogSource.MARK else (" ", Tone.PLAIN)
    text_tone = tone if line.source in (LogSource.MARK, LogSource.READER) else Tone.PLAIN
    source = line.source.value if layout.source == WORD else SHORT[line.source]
    head: Line = (
        TextSpan(MARKED if marked else " ", Tone.ACCENT),
        TextSpan(f"{clock(line.at)} ", Tone.MUTED),
        TextSpan(f"{glyph} ", tone),
        TextSpan(f"{column(line.node, layout.node)} "),
        TextSpan(f"{source:<{layout.source}} ", Tone.MUTED),
    )
    if layout.wrapped:
        first, *rest = _pieces(line, layout)
    else:
        first, rest = brief(line), []
        if line.more:
            head = (*head, TextSpan(f"+{len(line.more) + line.left_out} ", Tone.MUTED))
    indent = TextSpan(" " * layout.indent)
    lines = [(*head, TextSpan(first, text_tone)), *((indent, TextSpan(piece, text_tone)) for piece in rest)]
    return tuple(
        Row.single_cell(str(line.number), row_line, copied_text(line), layout.width) for row_line in lines
    )


def height(line: LogLine, layout: RowLayout) -> int:
    """How many rows a line takes."""
    return len(_pieces(line, layout)) if layout.wrapped else 1


def brief(line: LogLine) -> str:
    """The text without the time, which stands in a column of its own."""
    return _STAMP.sub(lambda match: match["before"] or "", line.text, count=1)


def copied_text(line: LogLine) -> str:
    """The line as it is copied: what was written, and before it where; then the rest of its record."""
    return "\n".join((" ".join(filter(None, (line.node, line.source.value, line.text))), *line.more))


def line_in_full(line: LogLine | None, width: int) -> tuple[Line, ...]:
    """Everything of one line, wrapped."""
    if line is None:
        return ((TextSpan("no line is under the cursor", Tone.MUTED),),)
    where = f"{clock(line.at)}  {line.node or 'the cluster'}  {line.source.value}"
    lines: list[Line] = [(TextSpan(where, Tone.TITLE),)]
    lines += [(TextSpan(piece),) for text in (line.text, *line.more) for piece in _wrapped(text, width)]
    if line.left_out:
        lines.append((TextSpan(f"and {line.left_out} lines that were not kept", Tone.MUTED),))
    return (*lines, EMPTY)


def _pieces(line: LogLine, layout: RowLayout) -> list[str]:
    """One endless line must not push all others off the screen; Enter shows the rest of it."""
    room = max(8, layout.width - layout.indent)
    pieces = [piece for text in (brief(line), *line.more) for piece in _wrapped(text, room)]
    return pieces if len(pieces) <= WRAPPED_ROWS else [*pieces[: WRAPPED_ROWS - 1], clip(REST, room)]


def _wrapped(text: str, width: int) -> list[str]:
    """By words where possible, otherwise by cells: a log may have wide characters."""
    text = printable(text)
    if cell_len(text) <= width:
        return [text]
    if len(text) == cell_len(text):
        return textwrap.wrap(text, width, drop_whitespace=False) or [""]
    return chop_cells(text, width)


# --- scrolling ---


def first_visible(count: int, top: int, cursor: int, room: int, height_of: Callable[[int], int]) -> int:
    """The first line to show: `top` if the cursor is visible from there, and no room is left below the last."""
    if count <= 0:
        return 0
    top = min(top, cursor, _back_from(count - 1, room, height_of))
    return max(top, _back_from(cursor, room, height_of))


def _back_from(last: int, room: int, height_of: Callable[[int], int]) -> int:
    """The first line from which `last` is still fully visible; itself if it is higher than the room."""
    left = room - height_of(last)
    while last > 0 and left >= height_of(last - 1):
        last -= 1
        left -= height_of(last)
    return last
