"""The Overview: composes the parts, puts them in their places, and passes keys on to the focused one."""

from __future__ import annotations

from dataclasses import replace

from textual.app import ComposeResult
from textual.events import Resize

from console.tui.actions import OVERVIEW, Situation
from console.tui.palette import Palette
from console.tui.screens.view import View
from console.tui.spot import Spot
from console.tui.view.dirty import ALL, Part
from console.tui.view.finding import finding_rows
from console.tui.view.layout import CARDS_MAX, Place, Plan, Wants, plan
from console.tui.view.matrix import matrix_rows, transposed
from console.tui.view.moment import Moment
from console.tui.widgets.event_log import EventLog
from console.tui.widgets.finding_bar import FindingBar
from console.tui.widgets.foot import Foot
from console.tui.widgets.node_card import NodeCard
from console.tui.widgets.node_list import NodeList
from console.tui.widgets.painted import Painted
from console.tui.widgets.pane import Pane
from console.tui.widgets.request_plot import RequestPlot
from console.tui.widgets.request_rates import RequestRates
from console.tui.widgets.service_matrix import ServiceMatrix
from console.tui.widgets.status_header import StatusHeader
from console.tui.widgets.witness_bar import WitnessBar


class Overview(View):
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

    def __init__(self, moment: Moment, palette: Palette, base: Situation) -> None:
        super().__init__(moment, palette, base)
        self._cards = self._make_cards()
        self._services = ServiceMatrix("services")
        self._node_list = NodeList("nodes")
        self._requests = RequestRates("requests")
        self._plan = Plan()

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

    def paint(self, moment: Moment, parts: frozenset[Part] = ALL) -> None:
        """Where findings came or went they get another share of the screen."""
        self.moment = moment
        width, height = self.app.size
        place = self._plan.places.get("finding")
        if place and Part.FINDING in parts and self._plan_for(width, height).places.get("finding") != place:
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

    def _plan_for(self, width: int, height: int) -> Plan:
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

    def go_to(self, spot: Spot) -> None:
        if spot.node is not None and spot.node in self.moment.state.nodes:
            self.do_node(spot.node)

    def do_node(self, name: str) -> None:
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


def _put(widget: Painted | Foot, place: Place | None) -> None:
    widget.display = place is not None
    if place is not None:
        widget.styles.offset = (place.x, place.y)
        widget.styles.width = place.width
        widget.styles.height = place.height
