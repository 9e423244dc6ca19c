"""Log lines as rows: which of them pass the filter, which are in sight, and what the chosen one says in full."""

from __future__ import annotations

import re
import shlex
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from rich.cells import cell_len, chop_cells

from iamops.model.facts import Severity
from iamops.model.journal import LogLine, LogPage, LogSource
from iamops.model.profile import Logs
from iamops.model.text import counted
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


@dataclass(frozen=True, slots=True)
class LogFilter:
    """`node:` and `source:` words and what is not wanted (`!word`); the rest is looked for as it stands."""

    text: str = ""
    nodes: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    without: tuple[str, ...] = ()

    @classmethod
    def of(cls, needle: str) -> LogFilter:
        words = needle.casefold().split()
        nodes, sources, without = (_after(words, sign) for sign in ("node:", "source:", "!"))
        rest = (word for word in words if not word.startswith(("node:", "source:", "!")))
        return cls(" ".join(rest), nodes, sources, without)

    def keeps(self, line: LogLine) -> bool:
        """Whether a line passes. What is about the whole cluster passes for every node."""
        node = line.node.casefold()
        if not self.about(line.node, line.source):
            return False
        if not (self.text or self.without):
            return True
        whole = f"{node} {line.source.value} {' '.join((line.text, *line.more)).casefold()}"
        return self.text in whole and not any(each in whole for each in self.without)

    def about(self, name: str, source: LogSource) -> bool:
        """Whether lines of that node and source could pass at all."""
        node = name.casefold()
        if self.nodes and node and not any(each in node for each in self.nodes):
            return False
        return not self.sources or any(source.value.startswith(each) for each in self.sources)


@dataclass(frozen=True, slots=True)
class Earlier(LogLine):
    """Stands where the lines of `origin` begin. Its number is negative: nobody wrote it."""

    origin: LogSource = LogSource.READER


def earlier(page: LogPage) -> Iterator[Earlier]:
    """One for each source that is read."""
    for number, each in enumerate(page.reaches, 1):
        text = f"{each.source}: earlier lines not read"
        yield Earlier(each.at, each.node, LogSource.READER, text, Severity.INFO, -number, origin=each.source)


def written(line: LogLine) -> bool:
    return line.number >= 0


def not_here(page: LogPage) -> Iterator[str]:
    """What it means that no line passes the filter: it is not in what was read, which begins then."""
    yield f"not in the {counted(len(page.lines), 'line')} kept; earlier ones were not read:"


def further_back(needle: str, logs: Logs) -> Iterator[str]:
    """Where to look for a text that is in none of the lines that were read."""
    wanted = LogFilter.of(needle)
    files = {LogSource.ACCESS: logs.access, LogSource.ERROR: logs.error}
    asked = [path for source, path in files.items() if wanted.about("", source)]
    if wanted.text and asked:
        yield f"look on each node: grep -iF {shlex.quote(wanted.text)} {asked[0]}"


def _after(words: list[str], sign: str) -> tuple[str, ...]:
    return tuple(word.removeprefix(sign) for word in words if word.startswith(sign) and word != sign)


@dataclass(frozen=True, slots=True)
class Form:
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

    @property
    def room(self) -> int:
        return max(8, self.width - self.indent)


def node_width(names: tuple[str, ...]) -> int:
    """Wide enough for the longest name, within reason."""
    return min(NODE_WIDTH, max((len(name) for name in names), default=0))


def brief(line: LogLine) -> str:
    """The text without the time, which stands in a column of its own."""
    return _STAMP.sub(lambda match: match["before"] or "", line.text, count=1)


def height(line: LogLine, form: Form) -> int:
    """How many rows a line takes."""
    return len(_pieces(line, form)) if form.wrapped else 1


def log_rows(line: LogLine, form: Form, *, marked: bool) -> tuple[Row, ...]:
    """The rows of one line."""
    glyph, tone = _sign(line)
    source = line.source.value if form.source == WORD else SHORT[line.source]
    head: Line = (
        TextSpan(MARKED if marked else " ", Tone.ACCENT),
        TextSpan(f"{clock(line.at)} ", Tone.MUTED),
        TextSpan(f"{glyph} ", tone),
        TextSpan(f"{column(line.node, form.node)} "),
        TextSpan(f"{source:<{form.source}} ", Tone.MUTED),
    )
    loud = tone if line.source in (LogSource.MARK, LogSource.READER) else Tone.PLAIN
    first, *rest = _pieces(line, form) if form.wrapped else [brief(line)]
    if line.more and not form.wrapped:
        head = (*head, TextSpan(f"+{len(line.more) + line.left_out} ", Tone.MUTED))
    lines = [
        (*head, TextSpan(first, loud)),
        *((TextSpan(" " * form.indent), TextSpan(piece, loud)) for piece in rest),
    ]
    return tuple(Row.whole(str(line.number), each, copied_text(line), form.width) for each in lines)


def copied_text(line: LogLine) -> str:
    """The line as it is copied: what was written, and before it where; then the rest of its record."""
    return "\n".join((" ".join(filter(None, (line.node, line.source.value, line.text))), *line.more))


def whole_line(line: LogLine | None, width: int) -> tuple[Line, ...]:
    """Everything of one line, wrapped."""
    if line is None:
        return ((TextSpan("no line is under the cursor", Tone.MUTED),),)
    where = f"{clock(line.at)}  {line.node or 'the cluster'}  {line.source.value}"
    pieces = [piece for each in (line.text, *line.more) for piece in _wrapped(printable(each), width)]
    rest = ((TextSpan(f"and {line.left_out} lines that were not kept", Tone.MUTED),),) if line.left_out else ()
    return ((TextSpan(where, Tone.TITLE),), *((TextSpan(piece),) for piece in pieces), *rest, EMPTY)


def first_visible(count: int, top: int, cursor: int, room: int, height_of: Callable[[int], int]) -> int:
    """The first line to show: `top` if the cursor is in sight from there, and no room is left below the last."""
    if count <= 0:
        return 0
    top = min(top, cursor, _back_from(count - 1, room, height_of))
    return max(top, _back_from(cursor, room, height_of))


def _back_from(last: int, room: int, height_of: Callable[[int], int]) -> int:
    """The first line from which `last` is still wholly in sight; itself if it is higher than the room."""
    left = room - height_of(last)
    while last > 0 and left >= height_of(last - 1):
        last -= 1
        left -= height_of(last)
    return last


def _sign(line: LogLine) -> tuple[str, Tone]:
    """Events of the cluster stand out; an ordinary line has no sign."""
    if not written(line):
        return "┄", Tone.MUTED
    if line.source is LogSource.MARK and line.severity is Severity.INFO:
        return "◆", Tone.MARK
    return (" ", Tone.PLAIN) if line.severity is Severity.INFO else SEVERITY_GLYPHS[line.severity]


def _pieces(line: LogLine, form: Form) -> list[str]:
    """One endless line must not push all others off the screen; Enter shows the rest of it."""
    pieces = [piece for each in (brief(line), *line.more) for piece in _wrapped(printable(each), form.room)]
    return pieces if len(pieces) <= WRAPPED_ROWS else [*pieces[: WRAPPED_ROWS - 1], clip(REST, form.room)]


def _wrapped(text: str, width: int) -> list[str]:
    """By words where that is possible; by cells, for a log may well be written in wide characters."""
    if cell_len(text) <= width:
        return [text]
    if len(text) == cell_len(text):
        return textwrap.wrap(text, width, drop_whitespace=False) or [""]
    return chop_cells(text, width)
