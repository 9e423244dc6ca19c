"""The parts of the Traffic view that are painted from its snapshot."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual.binding import Binding, BindingType

from iamops.plan.addresses import literal
from iamops.tui.toolkit.frame_state import ScreenPart, ViewState
from iamops.tui.toolkit.painted import Painted
from iamops.tui.toolkit.pane import Pane
from iamops.tui.toolkit.text import Line, PaneContent
from iamops.tui.traffic.nodes import ALL, node_table
from iamops.tui.traffic.snapshot import TrafficSnapshot, standing, term_of
from iamops.tui.traffic.tables import ROW, Top, TopRows, backend_rows, backend_table, top_rows, top_table

See = Callable[[], TrafficSnapshot | None]
NO_ROW = "no row is under the cursor"


class TrafficStatusPane(Painted):
    """The window, the filter, and what is not counted."""

    PART: ClassVar[ScreenPart | None] = ScreenPart.TRAFFIC

    def __init__(self, ident: str, sight: See) -> None:
        super().__init__(ident)
        self._sight = sight

    def draw(self, moment: ViewState, width: int, height: int) -> tuple[Line, ...]:
        return (standing(self._sight(), moment, width),)


class TrafficPane(Pane):
    """A table whose rows can be asked for in the filter."""

    PART = ScreenPart.TRAFFIC
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "app.perform('pick')", "Only what is under the cursor", show=False)
    ]
    TERM: ClassVar[str] = ""

    def __init__(self, ident: str, sight: See) -> None:
        super().__init__(ident)
        self._sight = sight

    def pick(self) -> tuple[str, str]:
        """The term that asks for the row under the cursor, or why there is none."""
        row = self._row_under_cursor()
        if row is None or not row.key.startswith(ROW):
            return "", row.cells[0].detail if row is not None and row.cells else NO_ROW
        term = term_of(self.term, row.key.removeprefix(ROW))
        return (term, "") if term is not None else ("", "the others have no name; make the filter narrower")

    @property
    def term(self) -> str:
        return self.TERM


class NodeTable(TrafficPane):
    """The nodes, and all of them together."""

    NAME = "Nodes"
    ABOUT = (
        "Requests of the window by node: how many, per second, by status class (499: the client did not wait), "
        "bytes sent, answer times. A ? says that the log does not tell; the foot says why. Enter: that node alone."
    )

    def content(self, moment: ViewState, width: int, height: int) -> PaneContent:
        return node_table(self._sight(), width)

    def pick(self) -> tuple[str, str]:
        row = self._row_under_cursor()
        if row is None or row.key == ALL:
            return "", "all nodes: nothing to leave out" if row is not None else NO_ROW
        return f"node={row.key.removeprefix('node ')}", ""


class TopTable(TrafficPane):
    """One of the tables; `t` shows the next. `steps` is how far it is ahead of the chosen one."""

    NAME = "Tables"
    ABOUT = (
        "What was asked for in the window. t goes from paths (:id stands for what names one thing among many) to "
        "hosts, status codes, clients and methods. Enter on a row adds it to the filter; Esc clears that."
    )

    def __init__(self, ident: str, sight: See, steps: int = 0) -> None:
        super().__init__(ident, sight)
        self._steps = steps
        self.table = Top.PATHS.after(steps)
        self._counted: tuple[object, ...] = ()
        self._found = TopRows(self.table)

    @property
    def term(self) -> str:
        return self.table.term

    def turn_to(self, table: Top) -> None:
        """Another table, from its top."""
        self.table = table.after(self._steps)
        self._key, self._index, self._top = None, 0, 0
        self.repaint()

    def content(self, moment: ViewState, width: int, height: int) -> PaneContent:
        sight = self._sight()
        if sight is not None and self._counted != (sight.at, sight.span, sight.where, self.table):
            self._counted = (sight.at, sight.span, sight.where, self.table)
            self._found = top_rows(self.table, sight.whole)
        hint = "" if self._steps else "t next"
        return top_table(sight, self._found, width, hint)


class BackendTable(TrafficPane):
    """How the requests are spread over the backends."""

    NAME = "Backends"
    TERM = "backend"
    ABOUT = (
        "The service of a node, however each nginx calls it: 127.0.0.1 is another machine to each. "
        "Every attempt counts for the backend it was made at, so a request that was tried twice counts twice. "
        "Errors are 5xx and attempts without an answer; p99 is the backend's own time. Enter asks for it as the "
        "nginx calls it that sent it the most."
    )

    def content(self, moment: ViewState, width: int, height: int) -> PaneContent:
        return backend_table(self._sight(), moment.state.profile, width)

    def pick(self) -> tuple[str, str]:
        """An address over loopback is that of one nginx only, so the node is asked for as well."""
        row, sight, moment = self._row_under_cursor(), self._sight(), self.moment
        if row is None or not row.key.startswith(ROW) or sight is None or moment is None:
            return super().pick()
        rows = backend_rows(sight, moment.state.profile)
        asked = next((each.was_asked for each in rows if f"{ROW}{each.name}" == row.key), {})
        if not asked:
            return "", NO_ROW
        nginx, address = max(asked, key=lambda each: asked[each])
        term = term_of(self.TERM, address)
        if term is None:
            return "", "the others have no name; make the filter narrower"
        own = (host := literal(address)) is not None and host.is_loopback
        return (f"{term} node={nginx}" if own else term), ""
