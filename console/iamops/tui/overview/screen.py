"""The Overview: composes the parts, puts them in their places, and passes keys on to the focused one."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache

from textual.app import ComposeResult
from textual.events import Resize

from iamops.model.facts import Severity
from iamops.model.state import Notice
from iamops.tui.app.actions import OVERVIEW, ActionContext
from iamops.tui.foot.foot import Foot
from iamops.tui.overview.cards import NodeCard
from iamops.tui.overview.finding import FindingBar, finding_rows
from iamops.tui.overview.header import StatusHeader
from iamops.tui.overview.layout import CARDS_MAX, Layout, Region, Wants, plan
from iamops.tui.overview.nodes import NodeList
from iamops.tui.overview.requests import RequestPlot, RequestRates
from iamops.tui.overview.services import ServiceMatrix, matrix_rows, transposed
from iamops.tui.overview.witnesses import WitnessBar
from iamops.tui.toolkit.frame_state import ALL, ScreenPart, ViewState
from iamops.tui.toolkit.health import SEVERITY_GLYPHS
from iamops.tui.toolkit.painted import Painted
from iamops.tui.toolkit.palette import Palette
from iamops.tui.toolkit.pane import Pane
from iamops.tui.toolkit.screen import Location, ViewScreen
from iamops.tui.toolkit.text import Line, PaneContent, Row, Rows, TextSpan, Tone, clock, day, printable

# The event list, the newest on top. Long lines wrap: the end of an event is often its point.

INDENT = len("13:45:02 ▲ ")


def events(moment: ViewState, width: int) -> PaneContent:
    """Every notice that passes the filter."""
    kept = [
        notice
        for notice in moment.state.notices
        if moment.keeps((notice.text, notice.node or "", notice.severity))
    ]
    rows = list(_by_day(kept, moment.now, width))
    if not rows:
        words = "nothing matches the filter" if moment.filter_text else "nothing has happened yet"
        rows = [Row("", (TextSpan(f" {words}", Tone.MUTED),))]
    marks = (TextSpan(str(len(kept)), Tone.MUTED),) if kept else ()
    return PaneContent((TextSpan("EVENTS", Tone.TITLE),), rows=Rows.of(rows), marks=marks)


def _by_day(notices: list[Notice], now: float, width: int) -> Iterator[Row]:
    """The newest first; a day that is not today has its date above it."""
    shown = day(now)
    for notice in reversed(notices):
        if (of := day(notice.at)) != shown:
            shown = of
            yield Row("", (TextSpan(f"{of}:", Tone.MUTED),))
        yield from _rows(notice, width)


@lru_cache(maxsize=1024)
def _rows(notice: Notice, width: int) -> tuple[Row, ...]:
    glyph, tone = SEVERITY_GLYPHS[notice.severity]
    text = printable(f"{notice.text} ({notice.source})" if notice.source else notice.text)
    key = f"{notice.at} {text}"
    told = textwrap.wrap(text, max(8, width - INDENT), max_lines=4, placeholder=" …") or [""]
    loud = Tone.PLAIN if notice.severity is Severity.INFO else tone
    if notice.source:
        loud = Tone.MUTED if notice.severity is Severity.INFO else tone
    first: Line = (
        TextSpan(f"{clock(notice.at)} ", Tone.MUTED),
        TextSpan(f"{glyph} ", tone),
        TextSpan(told[0], loud),
    )
    rest: list[Line] = [(TextSpan(" " * INDENT), TextSpan(part, loud)) for part in told[1:]]
    detail = f"{clock(notice.at)} {text}"
    return tuple(Row.whole(key, line, detail, width) for line in (first, *rest))


# The latest events, the newest on top.


class EventLog(Pane):
    """Notices that pass the filter."""

    PART = ScreenPart.EVENTS
    FILTERED = True
    NAME = "Events"
    ABOUT = (
        "What changed, the newest first, in your own time zone: · information, ▲ warning, ✗ critical. "
        "What the nodes' journals and the audit remember of the last day is grey, with its source; a move of a "
        "VIP has what led to it. Findings that come and go are events as well. "
        "The cursor stays on its event while new ones arrive; g goes back to the newest. / filters."
    )

    def content(self, moment: ViewState, width: int, height: int) -> PaneContent:
        return events(moment, width)


class Overview(ViewScreen):
    """The root view."""

    NAME = OVERVIEW
    ABOUT = (
        "The Overview shows one cluster: who owns the VIP, each node, every service from every node, "
        "requests, events and findings. Tab goes from pane to pane; ? there explains that pane."
    )
    AUTO_FOCUS = "#services"
    DEFAULT_CSS = """
    Overview { background: $background; overflow: hidden; }
    Overview > * { position: absolute; }
    """

    def __init__(self, moment: ViewState, palette: Palette, base: ActionContext) -> None:
        super().__init__(moment, palette, base)
        self._cards = self._make_cards()
        self._services = ServiceMatrix("services")
        self._node_list = NodeList("nodes")
        self._requests = RequestRates("requests")
        self._plan = Layout()

    def _make_cards(self) -> tuple[NodeCard, ...]:
        names = tuple(self.moment.state.nodes)
        return tuple(NodeCard(name) for name in names) if len(names) <= CARDS_MAX else ()

    def compose(self) -> ComposeResult:
        yield StatusHeader("header")
        yield WitnessBar("witnesses")
        yield from self._cards
        yield self._node_list
        yield self._services
        yield self._requests
        yield RequestPlot("plot")
        yield EventLog("events")
        yield FindingBar("finding")
        yield self.foot

    def on_mount(self) -> None:
        super().on_mount()
        self._arrange(self.app.size.width, self.app.size.height)

    def on_resize(self, event: Resize) -> None:
        self._arrange(event.size.width, event.size.height)

    def paint(self, moment: ViewState, parts: frozenset[ScreenPart] = ALL) -> None:
        """Where findings came or went they get another share of the screen."""
        self.moment = moment
        width, height = self.app.size
        place = self._plan.places.get("finding")
        if place and ScreenPart.FINDING in parts and self._plan_for(width, height).places.get("finding") != place:
            self._arrange(width, height)
        else:
            super().paint(moment, parts)

    # --- places ---

    def _arrange(self, width: int, height: int) -> None:
        """Gives every part its place; what has none is hidden."""
        wanted = self._plan_for(width, height)
        self._plan = wanted
        with self.app.batch_update():
            for name in ("header", "witnesses", "nodes", "services", "requests", "plot", "events", "finding"):
                _put(self.query_one(f"#{name}", Painted), wanted.places.get(name))
            for number, card in enumerate(self._cards):
                card.roomy = wanted.roomy
                _put(card, wanted.cards[number] if number < len(wanted.cards) else None)
            self._requests.tall = wanted.tall_requests
            _put(self.foot, wanted.places["foot"])
        self.paint(self.moment)

    def _plan_for(self, width: int, height: int) -> Layout:
        """The grid turns round when it gets too narrow, so its width decides how many rows it wants."""
        state = self.moment.state
        rows = matrix_rows(self.moment, width)
        wants = Wants(len(state.profile.vrrp), len(state.nodes), rows, finding_rows(self.moment))
        first = plan(width, height, wants)
        services = first.places.get("services")
        if services is None or matrix_rows(self.moment, services.width) == wants.grid_rows:
            return first
        return plan(width, height, replace(wants, grid_rows=matrix_rows(self.moment, services.width)))

    # --- moving about ---

    def on_pane_edge(self, event: Pane.Edge) -> None:
        """Past the edge of a card stands its neighbour."""
        if event.pane in self._cards and self._plan.cards:
            place = list(self._cards).index(event.pane) + event.dx
            if 0 <= place < len(self._cards):
                self._cards[place].focus()

    def go_to(self, spot: Location) -> None:
        if spot.node is not None and spot.node in self.moment.state.nodes:
            self.show_node(spot.node)

    def show_node(self, name: str) -> None:
        """Puts the cursor on a node, in its card or line and in the grid."""
        number = list(self.moment.state.nodes).index(name)
        if transposed(self.moment, self._services.size.width):
            self._services.go_to_row(name)
        else:
            self._services.go_to_column(number)
        if self._plan.cards:
            self._cards[number].focus()
        elif self._node_list.go_to_row(name):
            self._node_list.focus()


def _put(widget: Painted | Foot, place: Region | None) -> None:
    widget.display = place is not None
    if place is not None:
        widget.styles.offset = (place.x, place.y)
        widget.styles.width = place.width
        widget.styles.height = place.height
