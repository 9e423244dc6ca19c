"""A pane: a title rule, rows, and a cursor that stays on its row while rows come and go."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from textual import events
from textual.binding import BindingType
from textual.message import Message

from iamops.model.profile import Environment
from iamops.tui.app.actions import KeyScope
from iamops.tui.app.commands import bindings
from iamops.tui.toolkit.frame_state import ViewState
from iamops.tui.toolkit.painted import Lit, Painted
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

# The rule on top of a pane: title, headings and marks on one line.

DASH = "─"
# Cells that still tell something.
LEAST_MARKS = 16


def rule(picture: PaneContent, width: int, *, tone: Tone = Tone.RULE, focused: bool = False) -> Line:
    """Exactly `width` cells. Focus shows as a pointer before the title, not only as a colour."""
    pieces = _pieces(picture, width, focused)
    line: list[TextSpan] = []
    at = 0
    for start, text in pieces:
        if start < at:
            continue
        text = clip_line(text, width - start)
        line.extend((TextSpan(DASH * (start - at), tone), *text))
        at = start + width_of(text)
    return (*line, TextSpan(DASH * max(0, width - at), tone))


def _pieces(picture: PaneContent, width: int, focused: bool) -> list[tuple[int, Line]]:
    title = tuple(TextSpan(s.text, Tone.FOCUS) if focused and s.tone is Tone.TITLE else s for s in picture.title)
    lead = TextSpan("▸", Tone.FOCUS) if focused else TextSpan(" ")
    pieces: list[tuple[int, Line]] = [(1, (lead, *title, TextSpan(" ")))] if title else []
    marks: Line = (TextSpan(" "), *picture.marks, TextSpan(" ")) if picture.marks else ()
    room = width - 1 - sum(start + width_of(text) for start, text in pieces)
    # Cut rather than left out: a verdict begins with what it says.
    marks = clip_line(marks, room) if room >= LEAST_MARKS else marks
    last = width - width_of(marks) - 1
    for start, span in picture.overlays:
        if start < last:
            pieces.append((start, _framed(span, last - start)))
    if marks and last > 0:
        pieces.append((last, marks))
    return pieces


def _framed(span: TextSpan, room: int) -> Line:
    """A heading is followed by a space; a mark in time (one cell) is not."""
    text = clip(span.text, max(1, room - 1))
    return (
        (TextSpan(text, span.tone),) if len(printable(text)) == 1 else (TextSpan(text, span.tone), TextSpan(" "))
    )


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
    """Base of the focusable parts. Subclasses say in `picture` what their rows are."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(KeyScope.PANE)
    TITLED: ClassVar[bool] = True
    FILTERED: ClassVar[bool] = False
    NAME: ClassVar[str] = ""
    ABOUT: ClassVar[str] = ""

    class Moved(Message):
        """The cursor rests on something else, or something else came under it."""

    class Edge(Message):
        """The cursor was asked to go past the left (-1) or right (1) end of its row."""

        def __init__(self, pane: Pane, dx: int) -> None:
            super().__init__()
            self.pane = pane
            self.dx = dx

    def __init__(self, ident: str | None = None) -> None:
        super().__init__(ident)
        self._picture = PaneContent()
        self._key: str | None = None
        self._index = 0
        self._col = 0
        self._top = 0
        self._lit_rows: dict[int, Lit] = {}
        self._told = ""

    def content(self, moment: ViewState, width: int, height: int) -> PaneContent:
        """The pane's title and rows; `height` is without the title."""
        raise NotImplementedError

    @property
    def titled(self) -> bool:
        return self.TITLED

    @property
    def detail(self) -> str:
        """The whole story of what is under the cursor."""
        cell = self._cell_under_cursor()
        return cell.detail if cell is not None else ""

    @property
    def target(self) -> str:
        """The unit and node under the cursor, if there is one."""
        cell = self._cell_under_cursor()
        return cell.target if cell is not None else ""

    @property
    def row_count(self) -> int:
        return len(self._keys())

    @property
    def column(self) -> int:
        return self._col

    def draw(self, moment: ViewState, width: int, height: int) -> tuple[Line, ...]:
        room = height - 1 if self.titled else height
        self._picture = self.content(moment, width, room)
        self._keep_cursor()
        self._keep_in_sight(room)
        rows = self._picture.rows[self._top : self._top + room]
        first = height - room
        self._lit_rows = {first + n: self._lit(row) for n, row in enumerate(rows)}
        self._tell()
        lines = tuple(row.line for row in rows)
        return (self._rule(moment, width, room), *lines) if self.titled else lines

    def lit(self, y: int) -> Lit:
        return self._lit_rows.get(y)

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
            self._move_across(dx)
        self.repaint()

    def go_to_column(self, column: int) -> None:
        self._col = max(0, column)
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
        self._told = ""
        self.repaint()

    def on_click(self, event: events.Click) -> None:
        at = self._top + event.y - (1 if self.titled else 0)
        if not 0 <= at < len(self._picture.rows):
            return
        row = self._picture.rows[at]
        inside = [n for n, c in enumerate(row.cells) if c.start <= event.x < c.start + c.width]
        if inside:
            self._col = inside[0]
        self.go_to_row(row.key)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self.move(0, 1)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self.move(0, -1)

    def _move_across(self, dx: int) -> None:
        row = self._row_under_cursor()
        last = len(row.cells) - 1 if row is not None else 0
        wanted = min(self._col, max(0, last)) + dx
        if 0 <= wanted <= last:
            self._col = wanted
        else:
            self.post_message(self.Edge(self, dx))

    def _keys(self) -> list[str]:
        """The keys a cursor can rest on, each once, in order."""
        return [key for key in dict.fromkeys(self._picture.rows.keys) if key]

    def _row_under_cursor(self) -> Row | None:
        keys = self._keys()
        if not keys:
            return None
        key = keys[min(self._index, len(keys) - 1)]
        return self._picture.rows[self._picture.rows.keys.index(key)]

    def _cell_under_cursor(self) -> Cell | None:
        row = self._row_under_cursor()
        return row.cells[min(self._col, len(row.cells) - 1)] if row is not None and row.cells else None

    def _keep_cursor(self) -> None:
        """On its row if that is still there. A cursor that was never moved stays at the top."""
        keys = self._keys()
        if self._key is None:
            self._index = 0
        elif self._key in keys:
            self._index = keys.index(self._key)
        else:
            self._index = min(self._index, max(0, len(keys) - 1))

    def _keep_in_sight(self, room: int) -> None:
        keys = self._keys()
        if not keys or room <= 0:
            self._top = 0
            return
        key = keys[min(self._index, len(keys) - 1)]
        places = [n for n, other in enumerate(self._picture.rows.keys) if other == key]
        last_top = max(0, len(self._picture.rows) - room)
        top = min(self._top, places[0])
        self._top = min(max(top, places[-1] - room + 1), last_top, places[0])

    def _lit(self, row: Row) -> Lit:
        under = self._row_under_cursor()
        if not self.has_focus or under is None or row.key != under.key or not row.cells:
            return None
        cell = row.cells[min(self._col, len(row.cells) - 1)]
        return (cell.start, cell.start + cell.width)

    def _rule(self, moment: ViewState, width: int, room: int) -> Line:
        production = moment.state.profile.environment is Environment.PRODUCTION
        picture = self._picture
        more = ("↑" if self._top else "") + ("↓" if self._top + room < len(picture.rows) else "")
        if more:
            marks = (*picture.marks, TextSpan(f" {more}" if picture.marks else more, Tone.ACCENT))
            picture = replace(picture, marks=marks)
        if self.FILTERED and moment.filter_text:
            picture = replace(picture, title=(*picture.title, TextSpan(f" /{moment.filter_text}", Tone.ACCENT)))
        tone = Tone.PROD_RULE if production else Tone.RULE
        return rule(picture, width, tone=tone, focused=self.has_focus)

    def _tell(self) -> None:
        """Says that the detail changed, for the status line."""
        if self.has_focus and self.detail != self._told:
            self._told = self.detail
            self.post_message(self.Moved())
