"""The Overview: its panes put together, the event list, and moving between the nodes."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import lru_cache

from textual.app import ComposeResult
from textual.geometry import Region

from iamops.model.facts import Severity
from iamops.model.state import Notice
from iamops.tui.app.actions import OVERVIEW, ActionContext
from iamops.tui.overview.cards import NodeCard
from iamops.tui.overview.finding import FindingBar, finding_rows
from iamops.tui.overview.header import StatusHeader
from iamops.tui.overview.layout import CARDS_MAX, Layout, LayoutNeeds, overview_layout
from iamops.tui.overview.nodes import NodeList
from iamops.tui.overview.requests import RequestPlot, RequestRates
from iamops.tui.overview.services import ServiceMatrix, matrix_rows, transposed
from iamops.tui.overview.witnesses import WitnessBar
from iamops.tui.toolkit.health import SEVERITY_GLYPHS
from iamops.tui.toolkit.painted import ALL, ScreenPart, ViewState
from iamops.tui.toolkit.palette import Palette
from iamops.tui.toolkit.pane import Pane
from iamops.tui.toolkit.screen import Location, PlacedScreen
from iamops.tui.toolkit.text import Line, PaneContent, Row, Rows, TextSpan, Tone, clock, day, printable

INDENT = len("13:45:02 ▲ ")


class EventLog(Pane):
    """The latest events that pass the filter, the newest on top."""

    PART = ScreenPart.EVENTS
    FILTERED = True
    NAME = "Events"
    ABOUT = (
        "What changed, the newest first, in your own time zone: · information, ▲ warning, ✗ critical. "
        "What the nodes' journals and the audit remember of the last day is grey, with its source; a move of a "
        "VIP has what led to it. Findings that come and go are events as well. "
        "The cursor stays on its event while new ones arrive; g goes back to the newest. / filters."
    )

    def content(self, view: ViewState, width: int, height: int) -> PaneContent:
        notices = [
            notice
            for notice in view.state.notices
            if view.passes_filter((notice.text, notice.node or "", notice.severity))
        ]
        rows = list(_by_day(notices, view.now, width))
        if not rows:
            words = "nothing matches the filter" if view.filter_text else "nothing has happened yet"
            rows = [Row("", (TextSpan(f" {words}", Tone.MUTED),))]
        marks = (TextSpan(str(len(notices)), Tone.MUTED),) if notices else ()
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
    """Long lines wrap: the end of an event is often its point."""
    glyph, tone = SEVERITY_GLYPHS[notice.severity]
    text = printable(f"{notice.text} ({notice.source})" if notice.source else notice.text)
    pieces = textwrap.wrap(text, max(8, width - INDENT), max_lines=4, placeholder=" …") or [""]
    text_tone = tone
    if notice.severity is Severity.INFO:
        text_tone = Tone.MUTED if notice.source else Tone.PLAIN
    first: Line = (
        TextSpan(f"{clock(notice.at)} ", Tone.MUTED),
        TextSpan(f"{glyph} ", tone),
        TextSpan(pieces[0], text_tone),
    )
    rest: list[Line] = [(TextSpan(" " * INDENT), TextSpan(piece, text_tone)) for piece in pieces[1:]]
    detail = f"{clock(notice.at)} {text}"
    return tuple(Row.single_cell(f"{notice.at} {text}", line, detail, width) for line in (first, *rest))


class Overview(PlacedScreen):
    """The root view."""

    NAME = OVERVIEW
    ABOUT = (
        "The Overview shows one cluster: who owns the VIP, each node, every service from every node, "
        "requests, events and findings. Tab goes from pane to pane; ? there explains that pane."
    )
    AUTO_FOCUS = "#services"

    def __init__(self, view: ViewState, palette: Palette, base: ActionContext) -> None:
        super().__init__(view, palette, base)
        names = tuple(view.state.nodes)
        self._cards: tuple[NodeCard, ...] = ()
        if len(names) <= CARDS_MAX:
            self._cards = tuple(NodeCard(name, f"card-{number}") for number, name in enumerate(names))
        self._services = ServiceMatrix("services")
        self._node_list = NodeList("nodes")
        self._requests = RequestRates("requests")
        self._panes_layout = Layout()

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

    def paint(self, view: ViewState, parts: frozenset[ScreenPart] = ALL) -> None:
        """When findings come or go, they get another share of the screen."""
        self.view_state = view
        place = self._panes_layout.places.get("finding")
        may_differ = place is not None and ScreenPart.FINDING in parts
        if may_differ and self._layout_for(*self.app.size).places.get("finding") != place:
            self.arrange_panes(self.app.size)
        else:
            super().paint(view, parts)

    # --- places ---

    def places(self, width: int, height: int) -> Mapping[str, Region]:
        layout = self._panes_layout = self._layout_for(width, height)
        for card in self._cards:
            card.roomy = layout.roomy
        self._requests.tall = layout.tall_requests
        return layout.places | {f"card-{number}": place for number, place in enumerate(layout.cards)}

    def _layout_for(self, width: int, height: int) -> Layout:
        """The grid turns round when it gets too narrow, so its width decides how many rows it needs."""
        state = self.view_state.state
        rows = matrix_rows(self.view_state, width)
        needs = LayoutNeeds(len(state.profile.vrrp), len(state.nodes), rows, finding_rows(self.view_state))
        first = overview_layout(width, height, needs)
        services = first.places.get("services")
        if services is None:
            return first
        rows = matrix_rows(self.view_state, services.width)
        return first if rows == needs.grid_rows else overview_layout(width, height, replace(needs, grid_rows=rows))

    # --- moving about ---

    def on_pane_edge(self, event: Pane.Edge) -> None:
        """Past the edge of a card stands its neighbour."""
        if event.pane in self._cards and self._panes_layout.cards:
            place = list(self._cards).index(event.pane) + event.dx
            if 0 <= place < len(self._cards):
                self._cards[place].focus()

    def go_to(self, location: Location) -> None:
        if location.node is not None and location.node in self.view_state.state.nodes:
            self.show_node(location.node)

    def show_node(self, name: str) -> None:
        """Puts the cursor on a node, in its card or line and in the grid."""
        number = list(self.view_state.state.nodes).index(name)
        if transposed(self.view_state, self._services.size.width):
            self._services.go_to_row(name)
        else:
            self._services.go_to_column(number)
        if self._panes_layout.cards:
            self._cards[number].focus()
        elif self._node_list.go_to_row(name):
            self._node_list.focus()
