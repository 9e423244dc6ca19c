"""A pane: a title rule, rows, and a cursor that stays on its row while rows come and go."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from textual import events
from textual.binding import BindingType
from textual.message import Message

from iamops.model.profile import Environment
from iamops.tui.app.actions import bindings
from iamops.tui.toolkit.painted import Highlight, Painted, ViewState
from iamops.tui.toolkit.text import (
    Cell,
    Line,
    PaneContent,
    Row,
    TextSpan,
    Tone,
    clip,
    clip_line,
    printable,
    width_of,
)

DASH = "─"
# Fewer cells of marks would say nothing.
LEAST_MARKS = 16


def rule(content: PaneContent, width: int, *, tone: Tone = Tone.RULE, focused: bool = False) -> Line:
    """The rule on top of a pane, exactly `width` cells: title, headings and marks on one line.

    Focus shows as a pointer before the title, not only as a colour.
    """
    pieces: list[tuple[int, Line]] = []
    if content.title:
        title = (TextSpan(s.text, Tone.FOCUS) if focused and s.tone is Tone.TITLE else s for s in content.title)
        lead = TextSpan("▸", Tone.FOCUS) if focused else TextSpan(" ")
        pieces.append((1, (lead, *title, TextSpan(" "))))
    marks: Line = (TextSpan(" "), *content.marks, TextSpan(" ")) if content.marks else ()
    room = width - 1 - sum(start + width_of(text) for start, text in pieces)
    # Cut rather than left out: a verdict begins with what it says.
    marks = clip_line(marks, room) if room >= LEAST_MARKS else marks
    marks_at = width - width_of(marks) - 1
    for start, span in content.overlays:
        if start < marks_at:
            text = clip(span.text, max(1, marks_at - start - 1))
            # A heading is followed by a space; a mark in time (one cell) is not.
            space = () if len(printable(text)) == 1 else (TextSpan(" "),)
            pieces.append((start, (TextSpan(text, span.tone), *space)))
    if marks and marks_at > 0:
        pieces.append((marks_at, marks))

    line: list[TextSpan] = []
    at = 0
    for start, piece in pieces:
        if start >= at:
            piece = clip_line(piece, width - start)
            line.extend((TextSpan(DASH * (start - at), tone), *piece))
            at = start + width_of(piece)
    return (*line, TextSpan(DASH * max(0, width - at), tone))


TO_END = 1_000_000
MOTIONS = {
    "down": (0, 1),
    "up": (0, -1),
    "left": (-1, 0),
    "right": (1, 0),
    "page-down": (0, 1),
    "page-up": (0, -1),
    "first": (0, -TO_END),
    "last": (0, TO_END),
}


class Pane(Painted, can_focus=True):
    """Base of the focusable parts. Subclasses return their rows from `content`."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(motions=True)
    TITLED: ClassVar[bool] = True
    FILTERED: ClassVar[bool] = False
    NAME: ClassVar[str] = ""
    ABOUT: ClassVar[str] = ""

    class Moved(Message):
        """The cursor rests on something else, or something else came under it."""

    @dataclass
    class Edge(Message):
        """The cursor was asked to go past the left (-1) or right (1) end of its row."""

        pane: Pane
        dx: int

    def __init__(self, ident: str | None = None) -> None:
        super().__init__(ident)
        self._content = PaneContent()
        self._key: str | None = None
        self._index = 0
        self.column = 0
        self._top = 0
        self._highlights: dict[int, Highlight] = {}
        self._announced = ""

    def content(self, view: ViewState, width: int, height: int) -> PaneContent:
        """The pane's title and rows; `height` is without the title."""
        raise NotImplementedError

    @property
    def titled(self) -> bool:
        return self.TITLED

    @property
    def detail(self) -> str:
        """In full what the cell under the cursor shows in short."""
        cell = self._cell_under_cursor()
        return cell.detail if cell is not None else ""

    @property
    def target(self) -> str:
        cell = self._cell_under_cursor()
        return cell.target if cell is not None else ""

    @property
    def row_count(self) -> int:
        return len(self._keys())

    def draw(self, view: ViewState, width: int, height: int) -> tuple[Line, ...]:
        room = height - 1 if self.titled else height
        self._content = self.content(view, width, room)
        self._keep_cursor()
        self._scroll_to_cursor(room)

        rows = self._content.rows[self._top : self._top + room]
        under = self._row_under_cursor() if self.has_focus else None
        self._highlights = {}
        for y, row in enumerate(rows, start=height - room):
            if under is not None and row.key == under.key and row.cells:
                cell = row.cells[min(self.column, len(row.cells) - 1)]
                self._highlights[y] = (cell.start, cell.start + cell.width)

        if self.has_focus and self.detail != self._announced:
            self._announced = self.detail
            self.post_message(self.Moved())
        lines = tuple(row.line for row in rows)
        return (self._rule(view, width, room), *lines) if self.titled else lines

    def highlight(self, y: int) -> Highlight:
        return self._highlights.get(y)

    def carry_out(self, name: str) -> None:
        """A motion of the registry, such as `down` or `last`."""
        dx, dy = MOTIONS[name]
        page = max(1, self.size.height - 2)
        self.move(dx, dy * page if name.startswith("page") else dy)

    def move(self, dx: int, dy: int) -> None:
        """Moves the cursor by rows and cells; it stops at the ends."""
        keys = self._keys()
        if dy and keys:
            self._index = min(max(0, self._index + dy), len(keys) - 1)
            self._key = keys[self._index] if self._index else None
        if dx:
            row = self._row_under_cursor()
            last = max(0, len(row.cells) - 1) if row is not None else 0
            column = min(self.column, last) + dx
            if 0 <= column <= last:
                self.column = column
            else:
                self.post_message(self.Edge(self, dx))
        self.repaint()

    def go_to_column(self, column: int) -> None:
        self.column = max(0, column)
        self.repaint()

    def go_to_row(self, key: str) -> bool:
        """Puts the cursor on the row of that key; False if there is none."""
        keys = self._keys()
        if key not in keys:
            return False
        self._key, self._index = key, keys.index(key)
        self.repaint()
        return True

    def watch_has_focus(self, has_focus: bool) -> None:
        super().watch_has_focus(has_focus)
        self._announced = ""
        self.repaint()

    def on_click(self, event: events.Click) -> None:
        at = self._top + event.y - (1 if self.titled else 0)
        if not 0 <= at < len(self._content.rows):
            return
        row = self._content.rows[at]
        for column, cell in enumerate(row.cells):
            if cell.start <= event.x < cell.start + cell.width:
                self.column = column
                break
        self.go_to_row(row.key)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self.move(0, 1)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self.move(0, -1)

    def _keys(self) -> list[str]:
        """The keys a cursor can rest on, in order and without repeats."""
        return [key for key in dict.fromkeys(self._content.rows.keys) if key]

    def _row_under_cursor(self) -> Row | None:
        keys = self._keys()
        if not keys:
            return None
        key = keys[min(self._index, len(keys) - 1)]
        return self._content.rows[self._content.rows.keys.index(key)]

    def _cell_under_cursor(self) -> Cell | None:
        row = self._row_under_cursor()
        return row.cells[min(self.column, len(row.cells) - 1)] if row is not None and row.cells else None

    def _keep_cursor(self) -> None:
        """On its row if that is still there. A cursor that was never moved stays at the top."""
        keys = self._keys()
        if self._key is None:
            self._index = 0
        elif self._key in keys:
            self._index = keys.index(self._key)
        else:
            self._index = min(self._index, max(0, len(keys) - 1))

    def _scroll_to_cursor(self, room: int) -> None:
        keys = self._keys()
        if not keys or room <= 0:
            self._top = 0
            return
        key = keys[min(self._index, len(keys) - 1)]
        lines = [n for n, other in enumerate(self._content.rows.keys) if other == key]
        last_top = max(0, len(self._content.rows) - room)
        top = min(self._top, lines[0])
        self._top = min(max(top, lines[-1] - room + 1), last_top, lines[0])

    def _rule(self, view: ViewState, width: int, room: int) -> Line:
        content = self._content
        more = ("↑" if self._top else "") + ("↓" if self._top + room < len(content.rows) else "")
        if more:
            marks = (*content.marks, TextSpan(f" {more}" if content.marks else more, Tone.ACCENT))
            content = replace(content, marks=marks)
        if self.FILTERED and view.filter_text:
            content = replace(content, title=(*content.title, TextSpan(f" /{view.filter_text}", Tone.ACCENT)))
        production = view.state.profile.environment is Environment.PRODUCTION
        tone = Tone.PROD_RULE if production else Tone.RULE
        return rule(content, width, tone=tone, focused=self.has_focus)
