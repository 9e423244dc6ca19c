"""What is read from the nodes around a drill: versions, clocks, and what the notify logs gain meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from console.judge.drill_report import NodeFacts
from console.model.live import ClockOffset, LiveVrrp
from console.nodes.drill_notes import LogMark, NotifyLine, notify_lines, notify_mark, versions
from console.session.cluster import Cluster
from console.session.drill_account import live_document
from console.session.recorder import Recorder

NOTIFY_RESOLUTION_S = 1.0
NOT_CONNECTED = LogMark(None, "not connected")
Gained = tuple[tuple[NotifyLine, ...] | None, str]
Notified = Mapping[str, Gained]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Read before anything is done. A node that was not connected then has no versions and no mark."""

    cluster: Cluster
    versions: Mapping[str, Mapping[str, str | None]]
    offsets: Mapping[str, ClockOffset]
    marks: Mapping[str, LogMark]

    @classmethod
    async def read(cls, cluster: Cluster) -> Surroundings:
        transports = {name: cluster.transport(name) for name in cluster.profile.nodes}
        up = {name: transport for name, transport in transports.items() if transport is not None}
        told = await asyncio.gather(*(versions(transport) for transport in up.values()))
        marks = await asyncio.gather(*(notify_mark(transport, cluster.profile) for transport in up.values()))
        offsets = await cluster.clock_offsets()
        marked = {**dict.fromkeys(transports, NOT_CONNECTED), **dict(zip(up, marks, strict=True))}
        return cls(cluster, dict(zip(up, told, strict=True)), offsets, marked)

    def notified(self) -> dict[str, asyncio.Task[Gained]]:
        """Asks every node for the lines that its notify log has gained; None and the reason where that cannot
        be told.
        """
        return {name: asyncio.ensure_future(self._gained(name, mark)) for name, mark in self.marks.items()}

    async def _gained(self, name: str, mark: LogMark) -> Gained:
        transport = self.cluster.transport(name)
        if transport is None:
            return (None, "not connected")
        return await notify_lines(transport, self.cluster.profile, mark)

    def note(self, notified: Notified, recorder: Recorder) -> None:
        """The notify log's lines belong on the timeline, as far as a clock of whole seconds allows."""
        for node, (lines, _) in notified.items():
            offset = self.offsets.get(node)
            ahead_s = offset.offset_ms / 1000 if offset else 0.0
            for line in lines or ():
                # Whole seconds, rounded down: it happened within the second after that.
                at, unsure_s = line.at - ahead_s + NOTIFY_RESOLUTION_S / 2, NOTIFY_RESOLUTION_S / 2
                recorder.note(at, node, "notify", f"notify_{line.state.lower()}", unsure_s)

    def facts(self, name: str, live: LiveVrrp) -> NodeFacts:
        told, offset = self.versions.get(name, {}), self.offsets.get(name)
        return NodeFacts(
            name=name,
            keepalived=told.get("keepalived"),
            nginx=told.get("nginx"),
            clock_offset_ms=offset.offset_ms if offset else None,
            clock_uncertainty_ms=offset.uncertainty_ms if offset else None,
            live=live_document(live),
        )
