"""The logs view: what all nodes write, live, and the line under the cursor in full when it is asked for."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.binding import Binding, BindingType

from iamops.model.facts import Severity
from iamops.model.journal import LogLine, LogPage
from iamops.tui.app.actions import LOGS, ActionContext
from iamops.tui.logs.lines import (
    Form,
    LogFilter,
    earlier,
    first_visible,
    further_back,
    height,
    log_rows,
    node_width,
    not_here,
    whole_line,
)
from iamops.tui.toolkit.frame_state import ALL, ScreenPart, ViewState
from iamops.tui.toolkit.list_screen import ListScreen
from iamops.tui.toolkit.palette import Palette
from iamops.tui.toolkit.pane import Pane
from iamops.tui.toolkit.screen import Location, ViewSources
from iamops.tui.toolkit.text import Line, PaneContent, Row, Rows, TextSpan, Tone, count

if TYPE_CHECKING:
    from iamops.session.logs import LogTap

# The log lines of all nodes, the newest at the bottom. Follows them until the cursor is moved up.

Place = tuple[float, int]


def _words(lines: Iterable[str], tone: Tone) -> Iterator[Row]:
    return (Row("", (TextSpan(f" {words}", tone),)) for words in lines)


class LogList(Pane):
    """Makes rows only of the lines in sight: of thousands that arrive in a second a person sees a few."""

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
        self._tap: LogTap | None = None
        self._page = LogPage()
        self._lines: tuple[LogLine, ...] = ()
        self._written = 0
        self._passes: dict[int, bool] = {}
        self._needle = ""
        self._first: Place | None = None
        self._at: Place | None = None
        self.following = True
        self.wrapped = False

    def listen(self, tap: LogTap) -> None:
        """Shows what this tap gives, from now on."""
        self._tap = tap

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
        if line is None or self._tap is None:
            return "no line is under the cursor"
        marked = self._tap.mark(line.number)
        others = self._page.marked - {line.number}
        self._page = replace(self._page, marked=others | {line.number} if marked else others)
        self.repaint()
        return "marked; n and N go from mark to mark" if marked else "no longer marked"

    def jump(self, step: int) -> bool:
        """Goes to the next marker in a direction; False if there is none."""
        at = self._cursor + step
        while 0 <= at < len(self._lines):
            if self._page.is_marker(self._lines[at]):
                self.following = False
                self._go(at)
                return True
            at += step
        return False

    def halt(self) -> None:
        """Stays at the line under the cursor."""
        line = self.chosen
        self.following = False
        self._at = line.place if line is not None else None
        self.repaint()

    def go_to_time(self, at: float) -> None:
        """Stays at the first line of that time (epoch s) or later, also if that is still to come."""
        self.following = False
        self._at = (at, 0)
        self.repaint()

    # --- moving about: over all lines, while the base knows only those in sight ---

    def carry_out(self, name: str) -> None:
        self.following = self.following or name == "last"
        super().carry_out(name)

    def move(self, dx: int, dy: int) -> None:
        if not self._lines or not dy or (self.following and dy > 0):
            self.repaint()
            return
        at = min(max(0, self._cursor + dy), len(self._lines) - 1)
        self.following = False
        self._go(at)

    def go_to_row(self, key: str) -> bool:
        """The row that was clicked on."""
        found = [n for n, line in enumerate(self._lines) if str(line.number) == key]
        if found:
            self.following = False
            self._go(found[0])
        return bool(found)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self.move(0, -3)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self.move(0, 3)

    def _go(self, at: int) -> None:
        self._at = self._lines[at].place
        self.repaint()

    # --- painting ---

    @property
    def _held(self) -> bool:
        return self.moment is not None and self.moment.paused_s is not None

    def paint(self, moment: ViewState) -> None:
        """A held picture stays as it is; the lines are kept meanwhile."""
        if self._tap is not None and moment.paused_s is None:
            self._page = self._tap.page()
        super().paint(moment)

    def content(self, moment: ViewState, width: int, height: int) -> PaneContent:
        self._lines = self._passing(moment.filter_text)
        form = Form(width, node_width(tuple(moment.state.nodes)), self.wrapped)
        rows, below = self._in_sight(form, height)
        if not self._written:
            lines = not_here(self._page) if moment.filter_text else ("reading the nodes' logs…",)
            rows = (*_words(lines, Tone.MUTED), *rows)
            rows = (*rows, *_words(further_back(moment.filter_text, moment.state.profile.logs), Tone.ACCENT))
        return PaneContent(self._title(below), rows=Rows.of(rows), marks=self._counts())

    def _passing(self, needle: str) -> tuple[LogLine, ...]:
        """A line is looked at once for each filter, not once a frame."""
        if needle != self._needle:
            self._needle, self._passes = needle, {}
        wanted, known = LogFilter.of(needle), self._passes
        if not needle:
            return self._with_reach(self._page.lines, wanted)
        self._passes = {
            line.number: known[line.number] if line.number in known else wanted.keeps(line)
            for line in self._page.lines
        }
        passing = tuple(line for line in self._page.lines if self._passes[line.number])
        return self._with_reach(passing, wanted)

    def _with_reach(self, lines: tuple[LogLine, ...], wanted: LogFilter) -> tuple[LogLine, ...]:
        """Among them a line for each source, at the time to which it reaches back: no text hides it."""
        self._written = len(lines)
        every = list(lines)
        for line in earlier(self._page):
            if wanted.about(line.node, line.origin):
                insort(every, line, key=lambda each: each.place)
        return tuple(every)

    def _in_sight(self, form: Form, room: int) -> tuple[tuple[Row, ...], int]:
        """The rows to show, and how many lines there are below them."""
        lines, cursor = self._lines, self._cursor
        top = len(lines) if self.following else self._index_of(self._first)
        top = first_visible(len(lines), top, cursor, room, lambda n: height(lines[n], form))
        rows: list[Row] = []
        last = top
        while last < len(lines) and len(rows) < room:
            rows += log_rows(lines[last], form, marked=lines[last].number in self._page.marked)
            last += 1
        if top and len(rows) < room:  # wrapped lines seldom fill the room: of the one before, its end
            above = log_rows(lines[top - 1], form, marked=lines[top - 1].number in self._page.marked)
            rows[:0] = above[len(rows) - room :]
        self._first = lines[top].place if lines else None
        self._key = str(lines[cursor].number) if lines else None
        return tuple(rows[:room]), len(lines) - last

    @property
    def _cursor(self) -> int:
        """Where the cursor is among the lines: on its line, or where that would be if it is gone."""
        last = max(0, len(self._lines) - 1)
        return last if self.following else min(self._index_of(self._at), last)

    def _index_of(self, place: Place | None) -> int:
        return 0 if place is None else bisect_left(self._lines, place, key=lambda line: line.place)

    def _keep_in_sight(self, room: int) -> None:
        """There are no rows but those in sight."""
        self._top = 0

    def _title(self, below: int) -> Line:
        words = f"{below} below, G follows" if below else "G follows"
        if self._held:
            words = "held, p goes on"
        elif self.following:
            words = "following"
        return (TextSpan("LOGS", Tone.TITLE), TextSpan(f" {words}", Tone.MUTED))

    def _counts(self) -> Line:
        lost = self._page.dropped
        dropped = (TextSpan(f"▲ {count(lost)} dropped", Tone.WARN), TextSpan(" · ", Tone.MUTED)) if lost else ()
        total, seen = len(self._page.lines), self._written
        shown = f"{seen} of {total}" if seen != total else str(total)
        return (*dropped, TextSpan(f"{shown} lines", Tone.MUTED))


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

    def __init__(self, moment: ViewState, palette: Palette, base: ActionContext) -> None:
        self._list = LogList("list")
        self._told_of: object = None
        self._unwatch: Callable[[], None] | None = None
        super().__init__(moment, palette, base, self._list)

    async def learn(self, sources: ViewSources) -> Callable[[], None]:
        return lambda: self._watch(sources)

    def _watch(self, sources: ViewSources) -> None:
        if self._unwatch is None:
            tap = sources.cluster.log_tap()
            self._list.listen(tap)
            self._unwatch = tap.watch(lambda: sources.stir(ScreenPart.LOGS))
            sources.stir(ScreenPart.LOGS)

    def go_to(self, spot: Location) -> None:
        """A node's lines, from about a time on."""
        if spot.node:
            self.narrow(f"node:{spot.node}")
        if spot.at is not None:
            self._list.go_to_time(spot.at)

    def on_unmount(self) -> None:
        if self._unwatch is not None:
            self._unwatch()

    # --- the line in full ---

    @property
    def reading(self) -> bool:
        """Whether the line under the cursor is shown in full."""
        return self.has_class("reading")

    def story(self, width: int) -> tuple[Line, ...]:
        return whole_line(self._list.chosen, width)

    def paint(self, moment: ViewState, parts: frozenset[ScreenPart] = ALL) -> None:
        """Another line may have come under the cursor: when the one it was on is no longer kept."""
        super().paint(moment, parts)
        if self.reading and self._list.chosen != self._told_of:
            self.show_story()

    def show_story(self) -> None:
        """Laying text out costs more than painting lines: not for what is not in sight."""
        if self.reading:
            self._told_of = self._list.chosen
            super().show_story()

    def _tell(self) -> None:
        """While it follows, the foot would change faster than it can be read; the keys are of more use."""
        if self._list.following:
            self.foot.status.show_detail(KEYS)
        else:
            super()._tell()

    def clear(self) -> bool:
        if self.reading:
            self.toggle_whole_line()
            return True
        return super().clear()

    # --- what the operator asks for ---

    def toggle_whole_line(self) -> None:
        """To read a line one has to stay at it."""
        if not self.reading:
            self._list.halt()
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
            self.toast(f"no mark or event {'below' if step > 0 else 'above'}", Severity.INFO)
