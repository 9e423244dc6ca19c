"""Writes down what happens while a drill runs: changes of addresses, states and units, on one clock."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from console.judge.drill_evidence import AddressSeen, StateSeen
from console.judge.drill_report import Entry
from console.model.events import AddressChanged, Event, LinkChanged, UnitReported, VrrpTransition
from console.model.live import ClockOffset
from console.model.observed import Known
from console.model.state import ClusterState
from console.model.words import being
from console.store import Store

# A node's clock was never compared with ours: what it says happened when we heard of it.
UNSURE_S = 0.01


class Recorder:
    """Listens to the store from `start` to `stop`. `entries` is the timeline so far."""

    def __init__(self, store: Store, instance: str, began: float, offsets: Mapping[str, ClockOffset]) -> None:
        self._store = store
        self._instance = instance
        self._address = store.state.profile.vrrp[instance].address
        self._began = began
        self._offsets = offsets
        self._units = {
            (name, unit): seen.value.active
            for name, node in store.state.nodes.items()
            for unit, seen in node.units.items()
            if isinstance(seen, Known)
        }
        self.addresses: list[AddressSeen] = []
        self.states: list[StateSeen] = []
        self.entries: list[Entry] = []

    def start(self) -> None:
        self._unsubscribe = self._store.subscribe(self._heard)

    def stop(self) -> None:
        self._unsubscribe()

    def note(self, at: float, node: str | None, witness: str, text: str, unsure_s: float = 0.0) -> None:
        """A line of the timeline."""
        entry = Entry(round(at - self._began, 4), node, witness, text, round(unsure_s * 1000, 1))
        self.entries.append(entry)

    def _heard(self, state: ClusterState, event: Event) -> None:
        match event:
            case AddressChanged() if event.address == self._address:
                happened, unsure_s = self._on_our_clock(event.node, event.at, event.node_at)
                self.addresses.append(AddressSeen(event.at, happened, unsure_s, event.node, event.present))
                word = "holds" if event.present else "let go of"
                self.note(happened, event.node, "kernel", f"{word} VIP {self._address}", unsure_s)
            case VrrpTransition() if event.instance == self._instance and not event.history:
                happened, unsure_s = self._on_our_clock(event.node, event.at, event.node_at)
                self.states.append(StateSeen(event.at, happened, unsure_s, event.node, event.state))
                self.note(happened, event.node, "keepalived", f"entered {event.state}", unsure_s)
            case UnitReported():
                self._unit(event)
            case LinkChanged():
                said = f": {event.link.reason}" if event.link.reason else ""
                self.note(event.at, event.node, "link", f"{event.link.state}{said}")
            case _:
                return

    def _on_our_clock(self, node: str, at: float, node_at: float | None) -> tuple[float, float]:
        """When it happened, in session time, and how well that is known. Never after we heard of it."""
        offset = self._offsets.get(node)
        if node_at is None or offset is None:
            return at, UNSURE_S
        return min(node_at - offset.offset_ms / 1000, at), offset.uncertainty_ms / 1000

    def _unit(self, event: UnitReported) -> None:
        key, active = (event.node, event.unit), event.report.active
        if self._units.get(key) != active:
            self._units[key] = active
            self.note(event.at, event.node, "unit", f"{event.unit} {being(active)}")


def client_entries(gaps: Iterator[tuple[float, float, str]], began: float) -> Iterator[Entry]:
    """Gaps (began, duration in ms, what) as lines of the timeline."""
    for at, duration_ms, what in gaps:
        yield Entry(round(at - began, 4), None, "client", f"no good answer for {duration_ms:.0f} ms: {what}")
