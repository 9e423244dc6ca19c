"""The machine: kernel addresses as they change, host facts, systemd units."""

from __future__ import annotations

import asyncio

from console.model.events import AddressChanged, AddressesListed, Source
from console.nodes.collect.starts import tell
from console.nodes.collect.turns import holding
from console.nodes.snapshot import read_host, read_safety, read_units, take_snapshot
from console.nodes.transport import CommandFailed
from console.nodes.watch import SETTLE_S, Watch, ended, every, keep, unflooded
from console.parse.ip_address import monitor_line
from console.parse.turns import place_of

HOST_EVERY_S = 10.0
REPAIR_EVERY_S = 30.0
# The monitor stamps its lines with local time and no zone: make that UTC, whatever the node's zone is.
# It runs for as long as the node is watched: our place among its watchers hangs on it.
MONITOR = holding(("env", "TZ=UTC", "ip", "-ts", "-o", "monitor", "address"))


async def addresses(watch: Watch) -> None:
    """The kernel's addresses, as they change. The repair collector brings the whole list."""

    async def follow() -> str:
        async with watch.transport.stream(MONITOR) as lines:
            watch.addresses_changed.set()
            async for raw in unflooded(watch.node, "ip monitor", lines):
                text = raw.decode("utf-8", "replace")
                place, line = place_of(text), monitor_line(text)
                if place is not None:
                    watch.held[:] = [place]
                    watch.place_changed.set()
                if line is not None:
                    watch.address_moved.set()
                    at, node_at = watch.clock(), line.stamp.timestamp() if line.stamp else None
                    watch.emit(AddressChanged(at, watch.node, line.address, line.present, node_at))
            return ended("ip monitor", lines.ending)

    await keep(Source.ADDRESSES, watch, follow)


async def repair(watch: Watch) -> None:
    """Addresses and units as a whole: at once, then slowly, to mend whatever a stream has missed."""
    units = watch.profile.actionable_units_on(watch.node)

    async def look() -> None:
        watch.address_moved.clear()
        try:
            events = await take_snapshot(watch.transport, units, watch.clock)
        except CommandFailed as failure:
            watch.failed(Source.UNITS, failure)
            return
        # A list that was on its way while an address moved may be older than the move.
        late = [e for e in events if isinstance(e, AddressesListed) and watch.address_moved.is_set()]
        if late:
            watch.addresses_changed.set()
        await tell(watch, [event for event in events if event not in late])

    await every(REPAIR_EVERY_S, look, early=watch.addresses_changed)


async def host(watch: Watch) -> None:
    """Load, memory, disk and clock: one cheap read."""

    async def look() -> None:
        try:
            watch.emit(await read_host(watch.transport, watch.clock))
        except CommandFailed as failure:
            watch.failed(Source.HOST, failure)

    await every(HOST_EVERY_S, look)


async def safety(watch: Watch) -> None:
    """What actions have left on the node: slowly, and at once whenever someone wants to act."""

    async def look() -> None:
        try:
            watch.emit(await read_safety(watch.transport, watch.clock))
        except CommandFailed as failure:
            watch.failed(Source.SAFETY, failure)

    await every(REPAIR_EVERY_S, look, early=watch.safety_changed)


async def units(watch: Watch) -> None:
    """The units again, as soon as systemd has said something about one of them."""
    names = watch.profile.actionable_units_on(watch.node)
    while True:
        await watch.units_changed.wait()
        await asyncio.sleep(SETTLE_S)
        watch.units_changed.clear()
        try:
            await tell(watch, await read_units(watch.transport, names, watch.clock))
        except CommandFailed as failure:
            watch.failed(Source.UNITS, failure)
