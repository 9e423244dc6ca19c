"""The logs view: what all nodes write, live, and the line under the cursor in full when it is asked for."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.binding import Binding, BindingType

from iamops.model.journal import LogLine, LogPage, LogSource
from iamops.model.text import counted
from iamops.tui.app.actions import LOGS, ActionContext
from iamops.tui.logs.lines import (
    NODE_WIDTH,
    LogFilter,
    RowLayout,
    first_visible,
    further_back,
    height,
    line_in_full,
    log_rows,
)
from iamops.tui.toolkit.list_screen import ListScreen
from iamops.tui.toolkit.painted import ALL, ScreenPart, ViewState
from iamops.tui.toolkit.palette import Palette
from iamops.tui.toolkit.pane import Pane
from iamops.tui.toolkit.screen import Location, ViewSources
from iamops.tui.toolkit.text import Line, PaneContent, Row, Rows, TextSpan, Tone, count

if TYPE_CHECKING:
    from iamops.session.logs import LogTap

LinePosition = tuple[float, int]


class LogList(Pane):
    """The lines of all nodes, the newest at the bottom. Follows new ones until the cursor is moved up.

    Only the visible lines become rows: thousands may arrive in a second.
    """

    PART = ScreenPart.LOGS
    FILTERED = True
    NAME = "Logs"
    ABOUT = (
        "Access log, error log and journal of every node, in one order of time, with the cluster's own events (◆) "
        "between the lines. Moving up stops following, G follows again, p holds the picture. / filters: text as "
        "it stands, node:iam-a, source:error, !unwanted. Enter shows the line in full, w wraps all, m marks a "
        "line (■), n and N go to the next mark or event and the one before. Nodes are read while this is open; "
        "what was read stays. A line (┄) says from when on each source is here: earlier lines were not read."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "app.perform('whole-line')", "The line in full", show=False)
    ]

    def __init__(self, ident: str) -> None:
        super().__init__(ident)
        self.tap: LogTap | None = None
        self._page = LogPage()
        # The lines that pass the filter, of which there are `_passing`, and one where each source begins.
        self._lines: tuple[LogLine, ...] = ()
        self._passing = 0
        self._passes: dict[int, bool] = {}
        self._filter_text = ""
        self._first: LinePosition | None = None
        self._at: LinePosition | None = None
        self.following = True
        self.wrapped = False

    # --- what is under the cursor ---

    @property
    def chosen(self) -> LogLine | None:
        """The line under the cursor."""
        return self._lines[self._cursor] if self._lines else None

    @property
    def row_count(self) -> int:
        return len(self._lines)

    def toggle_mark(self) -> str:
        """Marks the line under the cursor or takes its mark away; says which."""
        line = self.chosen
        if line is None or self.tap is None:
            return "no line is under the cursor"
        marked = self.tap.mark(line.number)
        others = self._page.marked - {line.number}
        self._page = replace(self._page, marked=others | {line.number} if marked else others)
        self.repaint()
        return "marked; n and N go from mark to mark" if marked else "no longer marked"

    def jump(self, step: int) -> bool:
        """Goes to the next marker below (1) or above (-1); False if there is none."""
        cursor = self._cursor
        lines = self._lines[cursor + 1 :] if step > 0 else self._lines[:cursor][::-1]
        marker = next((line for line in lines if self._page.is_marker(line)), None)
        if marker is not None:
            self.stay_at(marker.place)
        return marker is not None

    def stay_at(self, position: LinePosition | None) -> None:
        """At the first line that stands there or later, also if that is still to come."""
        self.following = False
        self._at = position
        self.repaint()

    # --- moving about: over all lines, while the base knows only the visible ones ---

    def carry_out(self, name: str) -> None:
        self.following = self.following or name == "last"
        super().carry_out(name)

    def move(self, dx: int, dy: int) -> None:
        if not self._lines or not dy or (self.following and dy > 0):
            self.repaint()
            return
        at = min(max(0, self._cursor + dy), len(self._lines) - 1)
        self.stay_at(self._lines[at].place)

    def go_to_row(self, key: str) -> bool:
        """The row that was clicked on."""
        clicked = next((line for line in self._lines if str(line.number) == key), None)
        if clicked is not None:
            self.stay_at(clicked.place)
        return clicked is not None

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self.move(0, -3)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self.move(0, 3)

    # --- painting ---

    def paint(self, view: ViewState) -> None:
        """A paused screen stays as it is; the lines are kept meanwhile."""
        if self.tap is not None and view.paused_s is None:
            self._page = self.tap.page()
        super().paint(view)

    def content(self, view: ViewState, width: int, height: int) -> PaneContent:
        self._filter(view.filter_text)
        node_width = min(NODE_WIDTH, max((len(name) for name in view.state.nodes), default=0))
        rows, below = self._visible(RowLayout(width, node_width, self.wrapped), height)
        total, passing, lost = len(self._page.lines), self._passing, self._page.dropped
        if not passing:
            words = "reading the nodes' logs…"
            if view.filter_text:
                words = f"not in the {counted(total, 'line')} kept; earlier ones were not read:"
            hints = further_back(view.filter_text, view.state.profile.logs)
            rows = [_row_of_words(words, Tone.MUTED), *rows, *(_row_of_words(hint, Tone.ACCENT) for hint in hints)]
        if view.paused_s is not None:
            state = "held, p goes on"
        elif self.following:
            state = "following"
        else:
            state = f"{below} below, G follows" if below else "G follows"
        shown = f"{passing} of {total}" if passing != total else str(total)
        marks: Line = (TextSpan(f"{shown} lines", Tone.MUTED),)
        if lost:
            marks = (TextSpan(f"▲ {count(lost)} dropped", Tone.WARN), TextSpan(" · ", Tone.MUTED), *marks)
        title = (TextSpan("LOGS", Tone.TITLE), TextSpan(f" {state}", Tone.MUTED))
        return PaneContent(title, rows=Rows.of(rows), marks=marks)

    def _filter(self, filter_text: str) -> None:
        """Sets `_lines`. A line is judged once for each filter, not in every frame."""
        if filter_text != self._filter_text:
            self._filter_text, self._passes = filter_text, {}
        wanted, known = LogFilter.of(filter_text), self._passes
        lines = list(self._page.lines)
        if filter_text:
            self._passes = {
                line.number: known[line.number] if line.number in known else wanted.keeps(line) for line in lines
            }
            lines = [line for line in lines if self._passes[line.number]]
        self._passing = len(lines)
        # A line for each source at the time to which it reaches back: no text hides it. Nobody wrote it, so its
        # number is negative.
        for number, reach in enumerate(self._page.reaches, 1):
            if wanted.about(reach.node, reach.source):
                text = f"{reach.source}: earlier lines not read"
                beginning = LogLine(reach.at, reach.node, LogSource.READER, text, number=-number)
                insort(lines, beginning, key=lambda line: line.place)
        self._lines = tuple(lines)

    def _visible(self, layout: RowLayout, room: int) -> tuple[list[Row], int]:
        """The rows to show, and how many lines there are below them."""
        lines, cursor = self._lines, self._cursor

        def rows_of(at: int) -> tuple[Row, ...]:
            return log_rows(lines[at], layout, marked=lines[at].number in self._page.marked)

        top = len(lines) if self.following else self._index_of(self._first)
        top = first_visible(len(lines), top, cursor, room, lambda n: height(lines[n], layout))
        rows: list[Row] = []
        last = top
        while last < len(lines) and len(rows) < room:
            rows += rows_of(last)
            last += 1
        if top and len(rows) < room:  # wrapped lines seldom fill the room: of the one before, its end
            rows[:0] = rows_of(top - 1)[len(rows) - room :]
        self._first = lines[top].place if lines else None
        self._key = str(lines[cursor].number) if lines else None
        return rows[:room], len(lines) - last

    @property
    def _cursor(self) -> int:
        """Where the cursor is among the lines: on its line, or where that was if it is no longer kept."""
        last = max(0, len(self._lines) - 1)
        return last if self.following else min(self._index_of(self._at), last)

    def _index_of(self, position: LinePosition | None) -> int:
        return 0 if position is None else bisect_left(self._lines, position, key=lambda line: line.place)

    def _scroll_to_cursor(self, room: int) -> None:
        """There are no rows but the visible ones."""
        self._top = 0


def _row_of_words(words: str, tone: Tone) -> Row:
    return Row("", (TextSpan(f" {words}", tone),))


KEYS = "↑ stops · Enter the line in full · w wrap · m mark · n N to a mark or event"


class LogsScreen(ListScreen):
    """Watches the logs for as long as it is on the screen."""

    NAME = LOGS
    ABOUT = LogList.ABOUT
    DEFAULT_CSS = """
    LogsScreen #list { height: 1fr; }
    LogsScreen VerticalScroll {
        display: none; height: 25%; min-height: 6; max-height: 12; border-top: solid $rule;
    }
    LogsScreen.reading VerticalScroll { display: block; }
    """

    def __init__(self, view: ViewState, palette: Palette, base: ActionContext) -> None:
        self._list = LogList("list")
        self._story_of: LogLine | None = None
        self._unwatch: Callable[[], None] | None = None
        super().__init__(view, palette, base, self._list)

    async def learn(self, sources: ViewSources) -> Callable[[], None]:
        return lambda: self._watch(sources)

    def _watch(self, sources: ViewSources) -> None:
        if self._unwatch is None:
            tap = sources.cluster.log_tap()
            self._list.tap = tap
            self._unwatch = tap.watch(lambda: sources.repaint_part(ScreenPart.LOGS))
            sources.repaint_part(ScreenPart.LOGS)

    def go_to(self, location: Location) -> None:
        """A node's lines, from about a time on."""
        if location.node:
            self.narrow(f"node:{location.node}")
        if location.at is not None:
            self._list.stay_at((location.at, 0))

    def on_unmount(self) -> None:
        if self._unwatch is not None:
            self._unwatch()

    # --- the line in full ---

    @property
    def reading(self) -> bool:
        """Whether the line under the cursor is shown in full."""
        return self.has_class("reading")

    def story(self, width: int) -> tuple[Line, ...]:
        return line_in_full(self._list.chosen, width)

    def paint(self, view: ViewState, parts: frozenset[ScreenPart] = ALL) -> None:
        """Another line is under the cursor when the old one is no longer kept."""
        super().paint(view, parts)
        if self.reading and self._list.chosen != self._story_of:
            self.show_story()

    def show_story(self) -> None:
        """Laying out text costs more than painting lines: not while it is hidden."""
        if self.reading:
            self._story_of = self._list.chosen
            super().show_story()

    def _show_detail(self) -> None:
        """While it follows, the foot would change faster than it can be read; the keys are of more use."""
        if self._list.following:
            self.foot.status.show_detail(KEYS)
        else:
            super()._show_detail()

    def clear(self) -> bool:
        if self.reading:
            self.toggle_whole_line()
            return True
        return super().clear()

    # --- what the operator asks for ---

    def toggle_whole_line(self) -> None:
        """To read a line one has to stay at it."""
        if not self.reading:
            line = self._list.chosen
            self._list.stay_at(line.place if line is not None else None)
        self.toggle_class("reading")
        self.show_story()

    def toggle_wrap(self) -> None:
        self._list.wrapped = not self._list.wrapped
        self._list.repaint()

    def toggle_mark(self) -> None:
        self.toast(self._list.toggle_mark())

    def jump(self, step: int) -> None:
        """To the next mark or event in a direction: 1 is down, -1 up."""
        if not self._list.jump(step):
            self.toast(f"no mark or event {'below' if step > 0 else 'above'}")
