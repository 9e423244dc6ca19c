"""The Traffic view: what goes through the cluster now, and where it fails."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.geometry import Region

from iamops.accesslog.filter import WhereError, where
from iamops.model.facts import Severity
from iamops.tui.app.actions import TRAFFIC, ActionContext
from iamops.tui.foot.foot import Foot
from iamops.tui.foot.lines import Mode
from iamops.tui.overview.finding import FindingBar
from iamops.tui.overview.header import StatusHeader
from iamops.tui.toolkit.painted import ALL, ScreenPart, ViewState
from iamops.tui.toolkit.palette import Palette
from iamops.tui.toolkit.screen import PlacedScreen, ViewSources
from iamops.tui.traffic.backends import BackendTable, backend_rows
from iamops.tui.traffic.nodes import NodeTable
from iamops.tui.traffic.panes import TrafficPane, TrafficStatusPane, added
from iamops.tui.traffic.plot import TrafficPlot
from iamops.tui.traffic.snapshot import FIRST_SPAN, SPANS_S, TrafficSnapshot, WindowSums, snapshot_of
from iamops.tui.traffic.tables import Top, TopTable

if TYPE_CHECKING:
    from iamops.session.traffic import TrafficFeed


# With each this many nodes more, the snapshot is taken a second less often.
NODES_A_SECOND = 16
PAUSED = "the screen is paused; press p to go on first"

BESIDE = 76
WIDE, HIGH = 110, 32
BACKENDS_MIN, BACKENDS_WIDE = 37, 50
FINDING_ROWS = 8
PLOT_ROWS = 17
PLOT_SHARE = 0.3
TABLE_MIN = 4


class TrafficScreen(PlacedScreen):
    """Takes a snapshot of the feed once a second, and paints every pane from it."""

    NAME = TRAFFIC
    ABOUT = (
        "The nodes' access logs, counted. [ and ] change the window, t the table. / filters what is counted: "
        "status>=500 host=NAME path~^/v1/ client=… method=… backend=… time>0.5 node=…; Enter on a row adds it, "
        "Esc takes the filter away. p holds the picture while the counting goes on."
    )
    AUTO_FOCUS = "#top"

    def __init__(self, view: ViewState, palette: Palette, base: ActionContext) -> None:
        super().__init__(view, palette, base)
        self._feed: TrafficFeed | None = None
        self._unwatch: Callable[[], None] | None = None
        self._sums = WindowSums()
        self._span = FIRST_SPAN
        self._table = Top.PATHS
        self._snapshot: TrafficSnapshot | None = None
        self._snapshot_key: Hashable = None

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

    async def learn(self, sources: ViewSources) -> Callable[[], None]:
        return lambda: self._watch(sources)

    def _watch(self, sources: ViewSources) -> None:
        if self._unwatch is None:
            self._feed = feed = sources.cluster.traffic()
            self._unwatch = feed.watch(lambda: sources.repaint_part(ScreenPart.TRAFFIC))
        self._paint_anew()

    def on_unmount(self) -> None:
        if self._unwatch is not None:
            self._unwatch()

    # --- the snapshot ---

    def snapshot(self) -> TrafficSnapshot | None:
        """The last one that was taken."""
        return self._snapshot

    def paint(self, view: ViewState, parts: frozenset[ScreenPart] = ALL) -> None:
        """A paused screen stays as it is; counting goes on."""
        if ScreenPart.TRAFFIC in parts and view.paused_s is None and self._feed is not None:
            self._take_snapshot(self._feed, view)
        super().paint(view, parts)

    def _take_snapshot(self, feed: TrafficFeed, view: ViewState) -> None:
        """Once a second is as often as the counts come; of many nodes that would cost more than it shows."""
        every_s = 1 + len(view.state.nodes) // NODES_A_SECOND
        key = (int(view.now) // every_s, self._span, feed.where)
        if key != self._snapshot_key:
            backends = self._backends
            self._snapshot_key = key
            self._snapshot = snapshot_of(feed, self._sums, view.state.nodes, self._span, view.now)
            if self._backends != backends:
                self.arrange_panes(self.app.size)

    def _paint_anew(self) -> None:
        self._snapshot_key = None
        self.paint(self.view_state)

    # --- places ---

    @property
    def _backends(self) -> int:
        """How many backends there are; the table below gets the remaining rows."""
        return (
            len(backend_rows(self._snapshot, self.view_state.state.profile)) if self._snapshot is not None else 0
        )

    def places(self, width: int, height: int) -> Mapping[str, Region]:
        return traffic_places(width, height, len(self.view_state.state.nodes), max(1, self._backends))

    # --- what the operator asks for ---

    def change_span(self, steps: int) -> None:
        names = list(SPANS_S)
        at = names.index(self._span) + steps
        if not 0 <= at < len(names):
            self.toast(f"{self._span} is the {'shortest' if steps < 0 else 'longest'} window")
        elif self._may_count():
            self._span = names[at]
            self._paint_anew()

    def next_table(self) -> None:
        self._table = self._table.after()
        for pane in self.query(TopTable):
            pane.turn_to(self._table)

    def pick(self) -> None:
        pane = self.pane
        if not isinstance(pane, TrafficPane) or self._feed is None or not self._may_count():
            return
        term, problem = pane.pick()
        if problem:
            self.toast(problem)
        else:
            self._filter(added(self._feed.where, term))

    def turn_page(self, pages: int) -> None:
        if self.pane is not None:
            self.pane.carry_out("page-down" if pages > 0 else "page-up")

    def _may_count(self) -> bool:
        """A paused screen cannot show other counts."""
        if self.view_state.paused_s is not None:
            self.toast(PAUSED, Severity.WARNING)
        return self.view_state.paused_s is None

    # --- the filter: it is counted with, so it is taken when it is complete ---

    def ask_filter(self) -> None:
        if self._may_count():
            expression = self._feed.where if self._feed is not None else ""
            self.foot.open(Mode.FILTER, expression, self.pane)

    def narrow(self, filter_text: str) -> None:
        """Not with every key: half an expression says nothing, or something else."""

    def on_foot_filtered(self, event: Foot.Filtered) -> None:
        self._filter(event.text.strip())

    def _filter(self, expression: str) -> None:
        """Counts with another filter, or says why not and keeps the old one.

        An expression may be malformed, or ask for a field that the log does not have.
        """
        feed = self._feed
        if feed is None:
            return
        problem = ""
        try:
            fields = where(expression).fields
        except WhereError as error:
            problem = str(error)
        else:
            problem = next((feed.form.unavailable(field) for field in fields if not feed.form.has(field)), "")
        if problem:
            self.toast(problem, Severity.WARNING)
        elif expression != feed.where:
            feed.filter(expression)
            self._paint_anew()

    def clear(self) -> bool:
        if super().clear():
            return True
        if self._feed is None or not self._feed.where:
            return False
        if self._may_count():
            self._filter("")
        return True


# --- where the panes stand; pure arithmetic ---


def traffic_places(width: int, height: int, nodes: int, backends: int) -> dict[str, Region]:
    """What has no room has no place. `nodes` and `backends` are how many rows of each there are."""
    places = {
        "header": Region(0, 0, width, 1),
        "standing": Region(0, 1, width, 1),
        "foot": Region(0, max(1, height - 2), width, 2),
    }
    if height >= FINDING_ROWS:
        height -= 1
        places["finding"] = Region(0, height - 2, width, 1)
    top, room = 2, height - 4
    table = min(nodes + 2, max(3, room // 3))
    plot = 0 if height < PLOT_ROWS else min(14, max(6, int(room * PLOT_SHARE)))
    plot = plot if room - plot - table >= TABLE_MIN else 0
    if plot:
        places["plot"] = Region(0, top, width, plot)
        top += plot
    if room - plot - table < TABLE_MIN:
        table = max(0, min(table, room - TABLE_MIN))
    if table > 1:
        places["nodes"] = Region(0, top, width, table)
        top += table
    return places | _tables(width, top, height - 2 - top, backends, wide=width >= WIDE and height >= HIGH)


def _tables(width: int, top: int, room: int, backends: int, *, wide: bool) -> dict[str, Region]:
    """The backends stand beside the table, above a second one where there is room, or below it."""
    if room < 1:
        return {}
    if width < BESIDE:
        below = min(backends + 1, room // 2) if room >= 2 * TABLE_MIN else 0
        places = {"top": Region(0, top, width, room - below)}
        return places | ({"backends": Region(0, top + room - below, width, below)} if below else {})
    right = max(BACKENDS_WIDE, width // 3) if wide else BACKENDS_MIN
    left = width - right - 1
    places = {"top": Region(0, top, left, room)}
    above = min(backends + 2, room // 2) if wide else room
    places["backends"] = Region(left + 1, top, right, above)
    if wide:
        places["second"] = Region(left + 1, top + above, right, room - above)
    return places
