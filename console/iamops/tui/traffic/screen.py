"""The Traffic view: what goes through the cluster now, and where it fails."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.events import Resize

from iamops.accesslog.filter import WhereError, where
from iamops.model.facts import Severity
from iamops.tui.app.actions import TRAFFIC, ActionContext
from iamops.tui.foot.foot import Foot
from iamops.tui.foot.lines import Mode
from iamops.tui.overview.finding import FindingBar
from iamops.tui.overview.header import StatusHeader
from iamops.tui.overview.layout import Region
from iamops.tui.toolkit.frame_state import ALL, ScreenPart, ViewState
from iamops.tui.toolkit.painted import Painted
from iamops.tui.toolkit.palette import Palette
from iamops.tui.toolkit.screen import ViewScreen, ViewSources
from iamops.tui.traffic.panes import BackendTable, NodeTable, TopTable, TrafficPane, TrafficStatusPane
from iamops.tui.traffic.plot import TrafficPlot
from iamops.tui.traffic.snapshot import (
    FIRST_SPAN,
    SPANS_S,
    TrafficSnapshot,
    WindowSums,
    added,
    snapshot_of,
    traffic_places,
)
from iamops.tui.traffic.tables import Top, backend_rows

if TYPE_CHECKING:
    from iamops.session.traffic import TrafficFeed


# Of so many nodes more, everything is looked at a second later.
NODES_A_SECOND = 16
HELD = "the screen is paused; press p to go on first"


class TrafficScreen(ViewScreen):
    """Looks at the feed once a second, and paints every part from that one sight."""

    NAME = TRAFFIC
    ABOUT = (
        "The nodes' access logs, counted. [ and ] change the window, t the table. / filters what is counted: "
        "status>=500 host=NAME path~^/v1/ client=… method=… backend=… time>0.5 node=…; Enter on a row adds it, "
        "Esc takes the filter away. p holds the picture while the counting goes on."
    )
    AUTO_FOCUS = "#top"
    DEFAULT_CSS = """
    TrafficScreen { background: $background; overflow: hidden; }
    TrafficScreen > * { position: absolute; }
    """

    def __init__(self, moment: ViewState, palette: Palette, base: ActionContext) -> None:
        super().__init__(moment, palette, base)
        self._feed: TrafficFeed | None = None
        self._sums = WindowSums()
        self._span = FIRST_SPAN
        self._table = Top.PATHS
        self._sight: TrafficSnapshot | None = None
        self._seen: tuple[object, ...] = ()

    def compose(self) -> ComposeResult:
        yield StatusHeader("header")
        yield TrafficStatusPane("standing", self.snapshot)
        yield TrafficPlot("plot", self.snapshot)
        yield NodeTable("nodes", self.snapshot)
        yield TopTable("top", self.snapshot)
        yield BackendTable("backends", self.snapshot)
        yield TopTable("second", self.snapshot, steps=1)
        yield FindingBar("finding")
        yield self.foot

    def on_mount(self) -> None:
        super().on_mount()
        self._arrange(self.app.size.width, self.app.size.height)

    def on_resize(self, event: Resize) -> None:
        self._arrange(event.size.width, event.size.height)

    async def learn(self, sources: ViewSources) -> Callable[[], None]:
        return lambda: self._listen(sources.cluster.traffic())

    def _listen(self, feed: TrafficFeed) -> None:
        self._feed = feed
        self._look_again()

    # --- the sight ---

    def snapshot(self) -> TrafficSnapshot | None:
        """What was seen at the last look."""
        return self._sight

    def paint(self, moment: ViewState, parts: frozenset[ScreenPart] = ALL) -> None:
        """A held picture stays as it is; counting goes on."""
        if ScreenPart.TRAFFIC in parts and moment.paused_s is None:
            self._look(moment)
        super().paint(moment, parts)

    def _look(self, moment: ViewState) -> None:
        """Once a second is as often as the counts come; of many nodes that would cost more than it shows."""
        if self._feed is None:
            return
        every_s = 1 + len(moment.state.nodes) // NODES_A_SECOND
        due = (int(moment.now) // every_s, self._span, self._feed.where)
        if due != self._seen:
            rows = self._rows
            self._seen = due
            self._sight = snapshot_of(self._feed, self._sums, moment.state.nodes, self._span, moment.now)
            if self._rows != rows:
                self._arrange(self.app.size.width, self.app.size.height)

    def _look_again(self) -> None:
        self._seen = ()
        self.paint(self.moment)

    # --- places ---

    @property
    def _rows(self) -> int:
        """How many backends there are: the table below them has what they leave."""
        return len(backend_rows(self._sight, self.moment.state.profile)) if self._sight is not None else 0

    def _arrange(self, width: int, height: int) -> None:
        places = traffic_places(width, height, len(self.moment.state.nodes), max(1, self._rows))
        with self.app.batch_update():
            for widget in (*self.query(Painted), self.foot):
                if widget.parent is self:
                    _put(widget, places.get(str(widget.id)))
        super().paint(self.moment)

    # --- what the operator asks for ---

    def widen(self, steps: int) -> None:
        names = list(SPANS_S)
        at = names.index(self._span) + steps
        if not 0 <= at < len(names):
            self.toast(f"{self._span} is the {'shortest' if steps < 0 else 'longest'} window")
        elif self._free():
            self._span = names[at]
            self._look_again()

    def next_table(self) -> None:
        self._table = self._table.after()
        for pane in self.query(TopTable):
            pane.turn_to(self._table)

    def pick(self) -> None:
        pane = self.pane
        if not isinstance(pane, TrafficPane) or self._feed is None or not self._free():
            return
        term, problem = pane.pick()
        if problem:
            self.toast(problem)
        else:
            self._filter(added(self._feed.where, term))

    def turn_page(self, pages: int) -> None:
        if self.pane is not None:
            self.pane.carry_out("page-down" if pages > 0 else "page-up")

    def _free(self) -> bool:
        """A held picture cannot be counted anew."""
        if self.moment.paused_s is not None:
            self.toast(HELD, Severity.WARNING)
        return self.moment.paused_s is None

    # --- the filter: it is counted with, so it is taken when it is complete ---

    def ask_filter(self) -> None:
        if self._free():
            now = self._feed.where if self._feed is not None else ""
            self.foot.open(Mode.FILTER, now, self.pane or self._first_pane())

    def narrow(self, needle: str) -> None:
        """Not with every key: half an expression says nothing, or something else."""

    def settle(self, text: str) -> None:
        self._filter(text.strip())

    def _filter(self, expression: str) -> None:
        """Counts with another filter, or says why not; the old one stays then."""
        if self._feed is None:
            return
        problem = self._problem_with(expression)
        if problem:
            self.toast(problem, Severity.WARNING)
        elif expression != self._feed.where:
            self._feed.filter(expression)
            self._look_again()

    def _problem_with(self, expression: str) -> str:
        """What cannot be understood, or asks for what no line of the log tells."""
        try:
            wanted = where(expression).fields
        except WhereError as error:
            return str(error)
        form = self._feed.form if self._feed is not None else None
        return next((form.unavailable(each) for each in wanted if form is not None and not form.has(each)), "")

    def clear(self) -> bool:
        if super().clear():
            return True
        if self._feed is None or not self._feed.where:
            return False
        if self._free():
            self._filter("")
        return True


def _put(widget: Painted | Foot, place: Region | None) -> None:
    widget.display = place is not None
    if place is not None:
        widget.styles.offset = (place.x, place.y)
        widget.styles.width = place.width
        widget.styles.height = place.height
