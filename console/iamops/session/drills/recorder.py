"""Writes down what happens while a drill runs: changes of addresses, states and units, on one clock."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from iamops.judge.drill.evidence import AddressSeen, StateSeen
from iamops.judge.drill.report import NodeFacts, TimelineEntry
from iamops.model.events import AddressChanged, Event, LinkChanged, UnitReported, VrrpTransition
from iamops.model.foreign import Json
from iamops.model.observed import Known
from iamops.model.running import ClockOffset, LiveVrrp
from iamops.model.state import ClusterState
from iamops.model.text import being
from iamops.nodes.history import LogMark, NotifyLine, notify_lines, notify_mark, versions
from iamops.session.cluster import Cluster
from iamops.session.store import Store

# A node's clock was never compared with ours: what it reports happened when the report came.
UNCERTAINTY_S = 0.01


class Recorder:
    """Subscribes to the store by `on_event`. `entries` is the timeline so far."""

    def __init__(self, store: Store, instance: str, began: float, offsets: Mapping[str, ClockOffset]) -> None:
        self._instance, self._began, self._offsets = instance, began, offsets
        self._address = store.state.profile.vrrp[instance].address
        self._units = {
            (name, unit): seen.value.active
            for name, node in store.state.nodes.items()
            for unit, seen in node.units.items()
            if isinstance(seen, Known)
        }
        self.addresses: list[AddressSeen] = []
        self.states: list[StateSeen] = []
        self.entries: list[TimelineEntry] = []

    def note(self, at: float, node: str | None, witness: str, text: str, uncertainty_s: float = 0.0) -> None:
        entry = TimelineEntry(round(at - self._began, 4), node, witness, text, round(uncertainty_s * 1000, 1))
        self.entries.append(entry)

    def on_event(self, state: ClusterState, event: Event) -> None:
        match event:
            case AddressChanged() if event.address == self._address:
                happened, uncertainty_s = self._on_our_clock(event.node, event.at, event.node_at)
                self.addresses.append(AddressSeen(event.at, happened, uncertainty_s, event.node, event.present))
                word = "holds" if event.present else "let go of"
                self.note(happened, event.node, "kernel", f"{word} VIP {self._address}", uncertainty_s)
            case VrrpTransition() if event.instance == self._instance and not event.history:
                happened, uncertainty_s = self._on_our_clock(event.node, event.at, event.node_at)
                self.states.append(StateSeen(event.at, happened, uncertainty_s, event.node, event.state))
                self.note(happened, event.node, "keepalived", f"entered {event.state}", uncertainty_s)
            case UnitReported():
                key, active = (event.node, event.unit), event.report.active
                if self._units.get(key) != active:
                    self._units[key] = active
                    self.note(event.at, event.node, "unit", f"{event.unit} {being(active)}")
            case LinkChanged():
                reason = f": {event.link.reason}" if event.link.reason else ""
                self.note(event.at, event.node, "link", f"{event.link.state}{reason}")
            case _:
                return

    def _on_our_clock(self, node: str, at: float, node_at: float | None) -> tuple[float, float]:
        """When it happened, in session time, and how well that is known. Never after its report came."""
        offset = self._offsets.get(node)
        if node_at is None or offset is None:
            return at, UNCERTAINTY_S
        return min(node_at - offset.offset_ms / 1000, at), offset.uncertainty_ms / 1000


# What is read from the nodes around a drill: versions, clocks, and what the notify logs gain meanwhile.

NOTIFY_RESOLUTION_S = 1.0
NOT_CONNECTED = LogMark(None, "not connected")
Gained = tuple[tuple[NotifyLine, ...] | None, str]
Notified = Mapping[str, Gained]


@dataclass(frozen=True, slots=True)
class DrillContext:
    """Read before anything is done. A node that was not connected then has no versions and no mark."""

    cluster: Cluster
    versions: Mapping[str, Mapping[str, str | None]]
    offsets: Mapping[str, ClockOffset]
    marks: Mapping[str, LogMark]

    @classmethod
    async def read(cls, cluster: Cluster) -> DrillContext:
        transports = {name: cluster.transport(name) for name in cluster.profile.nodes}
        up = {name: transport for name, transport in transports.items() if transport is not None}
        found = await asyncio.gather(*(versions(transport) for transport in up.values()))
        marks = await asyncio.gather(*(notify_mark(transport, cluster.profile) for transport in up.values()))
        offsets = await cluster.clock_offsets()
        marked = {**dict.fromkeys(transports, NOT_CONNECTED), **dict(zip(up, marks, strict=True))}
        return cls(cluster, dict(zip(up, found, strict=True)), offsets, marked)

    def notified(self) -> dict[str, asyncio.Task[Gained]]:
        """Asks every node what its notify log has gained; None and the reason where that is not known."""

        async def gained(name: str, mark: LogMark) -> Gained:
            transport = self.cluster.transport(name)
            if transport is None:
                return (None, "not connected")
            return await notify_lines(transport, self.cluster.profile, mark)

        return {name: asyncio.ensure_future(gained(name, mark)) for name, mark in self.marks.items()}

    def note(self, notified: Notified, recorder: Recorder) -> None:
        for node, (lines, _) in notified.items():
            offset = self.offsets.get(node)
            ahead_s = offset.offset_ms / 1000 if offset else 0.0
            for line in lines or ():
                # Whole seconds, rounded down: it happened within the second after that.
                at, uncertainty_s = line.at - ahead_s + NOTIFY_RESOLUTION_S / 2, NOTIFY_RESOLUTION_S / 2
                recorder.note(at, node, "notify", f"notify_{line.state.lower()}", uncertainty_s)

    def facts(self, name: str, live: LiveVrrp) -> NodeFacts:
        versions, offset = self.versions.get(name, {}), self.offsets.get(name)
        return NodeFacts(
            name=name,
            keepalived=versions.get("keepalived"),
            nginx=versions.get("nginx"),
            clock_offset_ms=offset.offset_ms if offset else None,
            clock_uncertainty_ms=offset.uncertainty_ms if offset else None,
            live=_live_document(live),
        )


def _live_document(live: LiveVrrp) -> Json:
    keys = ("name", "interval_s", "timeout_s", "fall", "rise", "weight")
    checks = None if live.checks is None else [{key: getattr(check, key) for key in keys} for check in live.checks]
    return {
        "source": "profile" if live.assumed else "keepalived",
        "priority": live.priority,
        "advert_interval_s": live.advert_interval_s,
        "nopreempt": live.nopreempt,
        "virtual_router_id": live.virtual_router_id,
        "checks": checks,
        "notify": list(live.notify),
    }
