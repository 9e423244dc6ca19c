"""The logs view: what all nodes write, live, and the line under the cursor in full when it is asked for."""

from __future__ import annotations

from collections.abc import Callable

from console.model.facts import Severity
from console.tui.actions import LOGS, Situation
from console.tui.palette import Palette
from console.tui.screens.listing import Listing
from console.tui.screens.view import Sources
from console.tui.spot import Spot
from console.tui.view.dirty import ALL, Part
from console.tui.view.logs import whole_line
from console.tui.view.moment import Moment
from console.tui.view.tone import Line
from console.tui.widgets.log_list import LogList

KEYS = "↑ stops · Enter the line in full · w wrap · m mark · n N to a mark or event"


class LogsScreen(Listing):
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

    def __init__(self, moment: Moment, palette: Palette, base: Situation) -> None:
        self._list = LogList("list")
        self._told_of: object = None
        self._unwatch: Callable[[], None] | None = None
        super().__init__(moment, palette, base, self._list)

    async def learn(self, sources: Sources) -> Callable[[], None]:
        return lambda: self._watch(sources)

    def _watch(self, sources: Sources) -> None:
        if self._unwatch is None:
            tap = sources.log_tap()
            self._list.listen(tap)
            self._unwatch = tap.watch(lambda: sources.stir(Part.LOGS))
            sources.stir(Part.LOGS)

    def go_to(self, spot: Spot) -> None:
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

    def paint(self, moment: Moment, parts: frozenset[Part] = ALL) -> None:
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
            self.foot.tell(KEYS)
        else:
            super()._tell()

    def clear(self) -> bool:
        if self.reading:
            self.do_whole_line("")
            return True
        return super().clear()

    # --- what the operator asks for ---

    def do_whole_line(self, argument: str) -> None:
        """To read a line one has to stay at it."""
        if not self.reading:
            self._list.halt()
        self.toggle_class("reading")
        self.show_story()

    def do_wrap(self, argument: str) -> None:
        self._list.wrapped = not self._list.wrapped
        self._list.repaint()

    def do_mark(self, argument: str) -> None:
        self.toast(self._list.toggle_mark())

    def do_next_marker(self, argument: str) -> None:
        self._jump(1, "below")

    def do_previous_marker(self, argument: str) -> None:
        self._jump(-1, "above")

    def _jump(self, step: int, where: str) -> None:
        if not self._list.jump(step):
            self.toast(f"no mark or event {where}", Severity.INFO)
