"""What the panes of the Traffic view share: the status line, and rows that can be asked for in the filter."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import ClassVar

from textual.binding import Binding, BindingType

from iamops.accesslog.filter import escaped
from iamops.accesslog.format import TELLS, LogField
from iamops.accesslog.values import VALUE_MAX
from iamops.model.profile import Profile
from iamops.model.text import safe
from iamops.model.traffic import OTHERS
from iamops.tui.toolkit.painted import Painted, ScreenPart, ViewState
from iamops.tui.toolkit.pane import Pane
from iamops.tui.toolkit.text import (
    EMPTY,
    Line,
    PaneContent,
    Row,
    Rows,
    TextSpan,
    Tone,
    clip,
    clock,
    count,
    first_fitting,
)
from iamops.tui.traffic.snapshot import SPANS_S, TrafficSnapshot, times

SnapshotSource = Callable[[], TrafficSnapshot | None]


class TrafficStatusPane(Painted):
    """The window, the filter, and what is not in the numbers: the worst first: the line may be too short."""

    PART: ClassVar[ScreenPart | None] = ScreenPart.TRAFFIC

    def __init__(self, ident: str, snapshot: SnapshotSource) -> None:
        super().__init__(ident)
        self._snapshot = snapshot

    def draw(self, view: ViewState, width: int, height: int) -> tuple[Line, ...]:
        snapshot = self._snapshot()
        if snapshot is None:
            return ((TextSpan(" reading the nodes' logs…", Tone.MUTED),),)
        # The brackets are the keys, too.
        line = [
            TextSpan(f"[{span}]", Tone.TITLE) if span == snapshot.span else TextSpan(f" {span} ", Tone.MUTED)
            for span in SPANS_S
        ]
        if snapshot.where:
            line += [TextSpan(" "), TextSpan(f"/{clip(snapshot.where, max(16, width // 3))}", Tone.ACCENT)]
        for text, tone in _remarks(snapshot, paused=view.paused_s is not None):
            line += [TextSpan(" · ", Tone.MUTED), TextSpan(text, tone)]
        return (tuple(line),)


def _remarks(snapshot: TrafficSnapshot, *, paused: bool) -> Iterator[tuple[str, Tone]]:
    totals = [node.totals for node in snapshot.nodes]
    for node in snapshot.nodes:
        if node.unreadable:
            yield f"▲ {node.name} not read: {node.unreadable}", Tone.WARN
    if unparsed := sum(total.unparsed for total in totals):
        yield f"▲ unparsed {_lines(unparsed)}", Tone.WARN
    if lost := sum(total.lost for total in totals):
        yield f"▲ lost lines {times(lost)}", Tone.WARN
    if paused:
        yield "held", Tone.ACCENT
    if left_out := sum(total.left_out for total in totals):
        yield f"left out {_lines(left_out)}", Tone.MUTED
    if not snapshot.complete:
        yield f"counted since {clock(snapshot.begins)}", Tone.MUTED


def _lines(number: int) -> str:
    return "1 line" if number == 1 else f"{count(number)} lines"


# --- tables whose rows can be asked for ---

# Before the name in a row's key: a name may be empty, a key may not. A row of words has none.
ROW = "="
WORDS = "?"
NO_ROW = "no row is under the cursor"


class TrafficPane(Pane):
    """Base of the tables. `field` is what the rows are about, `term` what the filter calls it."""

    PART = ScreenPart.TRAFFIC
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "app.perform('pick')", "Only what is under the cursor", show=False)
    ]
    title: Line = EMPTY
    term = ""
    field: LogField | None = None
    if_empty = ""

    def __init__(self, ident: str, snapshot: SnapshotSource) -> None:
        super().__init__(ident)
        self._snapshot = snapshot

    def table(self, snapshot: TrafficSnapshot, profile: Profile, width: int) -> PaneContent:
        """The rows with their headings, where the log's format has what they are about."""
        raise NotImplementedError

    def content(self, view: ViewState, width: int, height: int) -> PaneContent:
        snapshot = self._snapshot()
        if snapshot is None:
            return PaneContent(self.title)
        if self.field is not None and not snapshot.form.has(self.field):
            why = snapshot.form.unavailable(self.field)
            short = f"the format has no ${TELLS[self.field][0]}"
            variants = ((TextSpan(f" ? {words}", Tone.UNKNOWN),) for words in (why, short))
            row = Row.single_cell(WORDS, first_fitting(variants, width), why, width)
        else:
            table = self.table(snapshot, view.state.profile, width)
            if table.rows:
                return table
            words = self.if_empty if snapshot.known else "nothing counted yet"
            row = Row.single_cell(WORDS, (TextSpan(f" {words}", Tone.MUTED),), words, width)
        return PaneContent(self.title, rows=Rows.of((row,)))

    def pick(self) -> tuple[str, str]:
        """The term that asks for the row under the cursor, or why there is none."""
        row = self._row_under_cursor()
        if row is None or not row.key.startswith(ROW):
            return "", row.cells[0].detail if row is not None and row.cells else NO_ROW
        return asked_for(self.term, row.key.removeprefix(ROW))


def asked_for(name: str, value: str) -> tuple[str, str]:
    """The term, or why there is none."""
    term = term_of(name, value)
    return (term, "") if term is not None else ("", "the others have no name; make the filter narrower")


def label(name: str) -> str:
    """A name of a log as it may be shown."""
    return "others" if name == OTHERS else safe(name) or "(none)"


# --- a row of a table as a term of the filter expression ---

ID = ":id"
_LITERAL = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/_-~%:,;=@&!")


def term_of(name: str, value: str) -> str | None:
    """`name` as the expression calls the field. None where no term means just this row."""
    if value == OTHERS:
        return None
    cut = len(escaped(value)) >= VALUE_MAX
    many = name == "path" and ID in value.split("/")
    plain = value.isascii() and value.isprintable()
    if cut or many or not plain:
        return f"{name}~{_pattern(value, ids=name == 'path', cut=cut)}"
    word = f"{name}={value}"
    if not any(character in word for character in " '\""):
        return word
    quote = next((quote for quote in "\"'" if quote not in word), "")
    return f"{quote}{word}{quote}" if quote else f"{name}~{_pattern(value, ids=False, cut=False)}"


def added(expression: str, term: str) -> str:
    """The expression with one more term, unless it has it already."""
    if term in expression.split(" "):
        return expression
    return f"{expression} {term}".strip()


def _pattern(value: str, *, ids: bool, cut: bool) -> str:
    """Matches what the log has. A dot stands for each character that a pattern may not contain."""
    parts = (
        "[^/]+"
        if ids and part == ID
        else "".join(c if c in _LITERAL else r"\." if c == "." else "." for c in escaped(part))
        for part in value.split("/")
    )
    return f"^{'/'.join(parts)}" + ("" if cut else "$")
