"""The machine: kernel addresses as they change, host facts, locks and armed undos, systemd units."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from iamops.model.events import (
    AddressChanged,
    AddressesListed,
    Event,
    HostReported,
    SafetyReported,
    Source,
    SourceLost,
    UnitReported,
)
from iamops.nodes.collect.context import (
    SETTLE_S,
    CollectorContext,
    ended,
    holding,
    periodic,
    restart_forever,
    unflooded,
)
from iamops.nodes.transport import Clock, CommandFailed, Transport
from iamops.parse.host import (
    HOST_COMMANDS,
    Section,
    address_list,
    host_report,
    monitor_line,
    safety_report,
    script,
    sections,
    turn_files,
)
from iamops.parse.systemd import PROPERTIES, unit_reports
from iamops.plan.start_failure import TIMEOUT_S, StartFailure, StartFailureQuery
from iamops.redact.clean import clean_bytes, clean_text

# A unit that does not start writes the same at each attempt: it is asked why only this often.
AGAIN_S = 10.0
STANDS_S = 60.0
LOOKED_BACK_S = 600.0
NOTHING = StartFailure("", "", complains=False)
ABSENT = Section("", 127)


async def emit_units(ctx: CollectorContext, events: Sequence[Event]) -> None:
    """Emits them, those of units that do not start with the reason if it is known; then asks for the others'."""
    failing: list[UnitReported] = []
    for event in events:
        if not isinstance(event, UnitReported):
            ctx.emit(event)
            continue
        if event.report.failing:
            failing.append(event)
        ctx.emit(_explained(ctx, event))
    for event in failing:
        asked = ctx.starts.get(event.unit)
        if asked is None or ctx.clock() - asked[0] >= AGAIN_S:
            ctx.starts[event.unit] = (ctx.clock(), await _start_failure(ctx, event.unit))
            ctx.emit(_explained(ctx, event))


def _explained(ctx: CollectorContext, event: UnitReported) -> UnitReported:
    """Between two starts it runs briefly: the last reason still holds for STANDS_S."""
    at, why = ctx.starts.get(event.unit, (float("-inf"), NOTHING))
    if not event.report.failing or ctx.clock() - at > STANDS_S:
        return event
    return replace(event, report=replace(event.report, exits=why.story, reason=why.line))


async def _start_failure(ctx: CollectorContext, unit: str) -> StartFailure:
    services = ctx.profile.services.values()
    log = next((service.log_path for service in services if service.unit == unit), "")
    words = StartFailureQuery(ctx.node, unit, LOOKED_BACK_S, log, standing=True)
    try:
        result = await ctx.transport.run(words.argv, timeout_s=TIMEOUT_S)
    except CommandFailed:
        return NOTHING
    return words.output(result.stdout.decode("utf-8", "replace"))


# No process but the shell's own, and grep only while somebody holds a lock on /run: it is read every
# few seconds for as long as the console is open.
SAFETY = r"""
for f in /run/systemd/transient/iamops-dead-man-*.timer; do [ -e "$f" ] && echo "$f"; done
echo ==locks
run=$(stat -c %i /run)
held=
while read -r _ kind _ _ _ id _; do
    case "$kind:$id" in FLOCK:*:"$run") held=1 ;; esac
done </proc/locks
[ -z "$held" ] || grep -ahsz '^iamops-lock ' /proc/[0-9]*/cmdline
echo
echo ==track
for f in /run/iamops-priority.*; do [ -e "$f" ] && echo "$f"; done
echo ==end
"""


async def read_safety(transport: Transport, clock: Clock, *, timeout_s: float = 5.0) -> SafetyReported:
    """Armed undos, lock and track files. Raises CommandFailed, LinkLost: half an answer is none."""
    result = await transport.run(("sh", "-c", SAFETY), timeout_s=timeout_s)
    timers, locked, rest = result.text.partition("==locks\n")
    locks, tracked, rest = rest.partition("==track\n")
    track_files, ended, _ = rest.partition("==end\n")
    if not (result.ok and locked and tracked and ended):
        why = clean_bytes(result.stderr.strip(), 120) or f"exit {result.exit_status}"
        raise CommandFailed(transport.node, f"locks and armed undos were not told: {why}", "look again")
    return SafetyReported(clock(), transport.node, safety_report(timers, locks, track_files))


async def take_snapshot(
    transport: Transport, units: Sequence[str], clock: Clock, *, timeout_s: float = 5.0
) -> tuple[Event, ...]:
    """Addresses and units with one command, as events. Raises CommandTimeout, LinkLost."""
    argv = script({"addresses": ("ip", "-o", "addr", "show"), "units": _show_units(units)})
    result = await transport.run(argv, timeout_s=timeout_s)
    at, parts = clock(), sections(result.text)
    listed = parts.get("addresses", ABSENT)
    addresses: Event = AddressesListed(at, transport.node, address_list(listed.text))
    if not listed.ok:
        addresses = SourceLost(at, transport.node, Source.ADDRESSES, _why("ip addr show", listed))
    return (addresses, *_unit_events(transport.node, at, parts.get("units", ABSENT)))


async def read_host(transport: Transport, clock: Clock, *, timeout_s: float = 5.0) -> HostReported:
    """The facts of a host. Raises CommandTimeout, LinkLost."""
    asked = clock()
    result = await transport.run(script(HOST_COMMANDS), timeout_s=timeout_s)
    answered = clock()
    return HostReported(answered, transport.node, host_report(result.text, asked, answered))


def _show_units(units: Sequence[str]) -> tuple[str, ...]:
    services = [f"{unit}.service" for unit in units]
    return ("systemctl", "show", f"--property={','.join(PROPERTIES)}", "--", *services)


def _unit_events(node: str, at: float, part: Section) -> Sequence[Event]:
    if not part.ok:
        return [SourceLost(at, node, Source.UNITS, _why("systemctl show", part))]
    return [UnitReported(at, node, unit, report) for unit, report in unit_reports(part.text).items()]


def _why(what: str, part: Section) -> str:
    first = part.text.strip().splitlines()[:1]
    return f"{what}: {clean_text(first[0], 120) if first else f'exit {part.exit_status}'}"


HOST_EVERY_S = 10.0
REPAIR_EVERY_S = 30.0
# The monitor stamps its lines with local time and no zone: make that UTC, whatever the node's zone is.
# It runs for as long as the node is watched: our place among its watchers hangs on it.
MONITOR = holding(("env", "TZ=UTC", "ip", "-ts", "-o", "monitor", "address"))


async def addresses(ctx: CollectorContext) -> None:
    """The kernel's addresses, as they change. The repair collector brings the whole list."""

    async def follow() -> str:
        async with ctx.transport.stream(MONITOR) as lines:
            ctx.addresses_changed.set()
            async for raw in unflooded(ctx.node, "ip monitor", lines):
                text = raw.decode("utf-8", "replace")
                files, line = turn_files(text), monitor_line(text)
                if files is not None:
                    ctx.held = files
                    ctx.place_changed.set()
                if line is not None:
                    ctx.address_moved.set()
                    at, node_at = ctx.clock(), line.stamp.timestamp() if line.stamp else None
                    ctx.emit(AddressChanged(at, ctx.node, line.address, line.present, node_at))
            return ended("ip monitor", lines.ending)

    await restart_forever(Source.ADDRESSES, ctx, follow)


async def repair(ctx: CollectorContext) -> None:
    """The full lists of addresses and units: at once, then slowly, to repair whatever a stream has missed."""
    units = ctx.profile.actionable_units_on(ctx.node)

    async def read() -> None:
        ctx.address_moved.clear()
        try:
            events = await take_snapshot(ctx.transport, units, ctx.clock)
        except CommandFailed as failure:
            ctx.failed(Source.UNITS, failure)
            return
        # A list that was on its way while an address moved may be older than the move.
        late = [e for e in events if isinstance(e, AddressesListed) and ctx.address_moved.is_set()]
        if late:
            ctx.addresses_changed.set()
        await emit_units(ctx, [event for event in events if event not in late])

    await periodic(REPAIR_EVERY_S, read, early=ctx.addresses_changed)


async def host_facts(ctx: CollectorContext) -> None:
    """The facts of a host: one cheap read."""

    async def read() -> None:
        try:
            ctx.emit(await read_host(ctx.transport, ctx.clock))
        except CommandFailed as failure:
            ctx.failed(Source.HOST, failure)

    await periodic(HOST_EVERY_S, read)


async def safety(ctx: CollectorContext) -> None:
    """What actions have left on the node: slowly, and at once before an action."""

    async def read() -> None:
        try:
            ctx.emit(await read_safety(ctx.transport, ctx.clock))
        except CommandFailed as failure:
            ctx.failed(Source.SAFETY, failure)

    await periodic(REPAIR_EVERY_S, read, early=ctx.safety_changed)


async def units(ctx: CollectorContext) -> None:
    """The units again, as soon as systemd has logged something about one of them."""
    argv = _show_units(ctx.profile.actionable_units_on(ctx.node))
    while True:
        await ctx.units_changed.wait()
        await asyncio.sleep(SETTLE_S)
        ctx.units_changed.clear()
        try:
            result = await ctx.transport.run(argv, timeout_s=5.0)
        except CommandFailed as failure:
            ctx.failed(Source.UNITS, failure)
            continue
        text = (result.stdout or result.stderr).decode("utf-8", "replace")
        part = Section(text, -1 if result.exit_status is None else result.exit_status)
        await emit_units(ctx, _unit_events(ctx.node, ctx.clock(), part))
