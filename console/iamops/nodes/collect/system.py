"""The machine: kernel addresses as they change, host facts, systemd units."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
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
from iamops.model.facts import HostReport
from iamops.nodes.collect.context import SETTLE_S, CollectorContext, ended, every, holding, keep, unflooded
from iamops.nodes.transport import CommandFailed, Transport
from iamops.parse import host
from iamops.parse.host import Section, address_list, monitor_line, safety_report, script, sections, turn_files
from iamops.parse.systemd import PROPERTIES, unit_reports
from iamops.plan.start_failure import TIMEOUT_S, OwnWords, StartFailure
from iamops.redact.clean import words, words_of

# Units that do not start: how often they tried, and their own line about why.

# A unit that fails is asked again no sooner: it says the same at each start.
AGAIN_S = 10.0
STANDS_S = 60.0
LOOKED_BACK_S = 600.0
NOTHING = StartFailure("", "", complains=False)


async def emit_units(watch: CollectorContext, events: Sequence[Event]) -> None:
    """Emits them, those of units that do not start with what is known of why; and then asks for what is not."""
    failing: list[UnitReported] = []
    for event in events:
        if not isinstance(event, UnitReported):
            watch.emit(event)
            continue
        if event.report.failing:
            failing.append(event)
        watch.emit(_explained(watch, event))
    for event in failing:
        asked = watch.starts.get(event.unit)
        if asked is None or watch.clock() - asked[0] >= AGAIN_S:
            watch.starts[event.unit] = (watch.clock(), await _asked(watch, event.unit))
            watch.emit(_explained(watch, event))


def _explained(watch: CollectorContext, event: UnitReported) -> UnitReported:
    """Between two starts it runs for a moment: what it said before still stands, for a while."""
    at, told = watch.starts.get(event.unit, (float("-inf"), NOTHING))
    if not event.report.failing or watch.clock() - at > STANDS_S:
        return event
    return replace(event, report=replace(event.report, exits=told.story, reason=told.line))


async def _asked(watch: CollectorContext, unit: str) -> StartFailure:
    services = watch.profile.services.values()
    log = next((service.log_path for service in services if service.unit == unit), "")
    words = OwnWords(watch.node, unit, LOOKED_BACK_S, log, standing=True)
    try:
        result = await watch.transport.run(words.argv, timeout_s=TIMEOUT_S)
    except CommandFailed:
        return NOTHING
    return words.output(result.stdout.decode("utf-8", "replace"))


# What is read about a node with one command each: addresses and units, the machine, the units alone.

Clock = Callable[[], float]
ABSENT = Section("", 127)


def show_units(units: Sequence[str]) -> tuple[str, ...]:
    """systemctl, asked for exactly the properties that unit_reports reads."""
    services = [f"{unit}.service" for unit in units]
    return ("systemctl", "show", f"--property={','.join(PROPERTIES)}", "--", *services)


def snapshot_script(units: Sequence[str]) -> tuple[str, ...]:
    """Addresses and units in one argv."""
    return script({"addresses": ("ip", "-o", "addr", "show"), "units": show_units(units)})


def host_script() -> tuple[str, ...]:
    """The machine in one argv. The clock comes first: it is compared with ours."""
    return script(
        {
            "clock": ("date", "+%s.%N"),
            "proc": ("cat", "/proc/loadavg", "/proc/meminfo"),
            "disk": ("df", "-P", "/"),
        }
    )


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
        said = words_of(result.stderr.strip(), 120) or f"exit {result.exit_status}"
        raise CommandFailed(transport.node, f"locks and armed undos were not told: {said}", "look again")
    return SafetyReported(clock(), transport.node, safety_report(timers, locks, track_files))


async def take_snapshot(
    transport: Transport, units: Sequence[str], clock: Clock, *, timeout_s: float = 5.0
) -> tuple[Event, ...]:
    """Addresses and units, as events. Raises CommandTimeout, LinkLost."""
    result = await transport.run(snapshot_script(units), timeout_s=timeout_s)
    at, parts = clock(), sections(result.text)
    return (
        _addresses(transport.node, at, parts.get("addresses", ABSENT)),
        *_units(transport.node, at, parts.get("units", ABSENT)),
    )


async def read_host(transport: Transport, clock: Clock, *, timeout_s: float = 5.0) -> HostReported:
    """Load, memory, disk and clock. Raises CommandTimeout, LinkLost."""
    asked = clock()
    result = await transport.run(host_script(), timeout_s=timeout_s)
    answered = clock()
    return HostReported(answered, transport.node, _host(sections(result.text), asked, answered))


async def read_units(transport: Transport, units: Sequence[str], clock: Clock) -> tuple[Event, ...]:
    """Only the units, after systemd said that one changed."""
    result = await transport.run(show_units(units), timeout_s=5.0)
    text = (result.stdout or result.stderr).decode("utf-8", "replace")
    return tuple(
        _units(transport.node, clock(), Section(text, -1 if result.exit_status is None else result.exit_status))
    )


def _addresses(node: str, at: float, part: Section) -> Event:
    if not part.ok:
        return SourceLost(at, node, Source.ADDRESSES, _why("ip addr show", part))
    return AddressesListed(at, node, address_list(part.text))


def _units(node: str, at: float, part: Section) -> Iterable[Event]:
    if not part.ok:
        return [SourceLost(at, node, Source.UNITS, _why("systemctl show", part))]
    return [UnitReported(at, node, unit, report) for unit, report in unit_reports(part.text).items()]


def _host(parts: Mapping[str, Section], asked: float, answered: float) -> HostReport:
    """The node's clock was read between asking and answering: half that span is the uncertainty."""
    node_clock = host.epoch_s(parts.get("clock", ABSENT).text)
    middle = (asked + answered) / 2
    proc = parts.get("proc", ABSENT).text
    return HostReport(
        load1=host.load1(proc),
        memory_used_pct=host.memory_used_pct(proc),
        disk_used_pct=host.disk_used_pct(parts.get("disk", ABSENT).text),
        clock_offset_ms=None if node_clock is None else round((node_clock - middle) * 1000, 1),
        clock_uncertainty_ms=round((answered - asked) * 500, 1),
    )


def _why(what: str, part: Section) -> str:
    said = part.text.strip().splitlines()[:1]
    return f"{what}: {words(said[0], 120) if said else f'exit {part.exit_status}'}"


HOST_EVERY_S = 10.0
REPAIR_EVERY_S = 30.0
# The monitor stamps its lines with local time and no zone: make that UTC, whatever the node's zone is.
# It runs for as long as the node is watched: our place among its watchers hangs on it.
MONITOR = holding(("env", "TZ=UTC", "ip", "-ts", "-o", "monitor", "address"))


async def addresses(watch: CollectorContext) -> None:
    """The kernel's addresses, as they change. The repair collector brings the whole list."""

    async def follow() -> str:
        async with watch.transport.stream(MONITOR) as lines:
            watch.addresses_changed.set()
            async for raw in unflooded(watch.node, "ip monitor", lines):
                text = raw.decode("utf-8", "replace")
                place, line = turn_files(text), monitor_line(text)
                if place is not None:
                    watch.held[:] = [place]
                    watch.place_changed.set()
                if line is not None:
                    watch.address_moved.set()
                    at, node_at = watch.clock(), line.stamp.timestamp() if line.stamp else None
                    watch.emit(AddressChanged(at, watch.node, line.address, line.present, node_at))
            return ended("ip monitor", lines.ending)

    await keep(Source.ADDRESSES, watch, follow)


async def repair(watch: CollectorContext) -> None:
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
        await emit_units(watch, [event for event in events if event not in late])

    await every(REPAIR_EVERY_S, look, early=watch.addresses_changed)


async def host_facts(watch: CollectorContext) -> None:
    """Load, memory, disk and clock: one cheap read."""

    async def look() -> None:
        try:
            watch.emit(await read_host(watch.transport, watch.clock))
        except CommandFailed as failure:
            watch.failed(Source.HOST, failure)

    await every(HOST_EVERY_S, look)


async def safety(watch: CollectorContext) -> None:
    """What actions have left on the node: slowly, and at once whenever someone wants to act."""

    async def look() -> None:
        try:
            watch.emit(await read_safety(watch.transport, watch.clock))
        except CommandFailed as failure:
            watch.failed(Source.SAFETY, failure)

    await every(REPAIR_EVERY_S, look, early=watch.safety_changed)


async def units(watch: CollectorContext) -> None:
    """The units again, as soon as systemd has said something about one of them."""
    names = watch.profile.actionable_units_on(watch.node)
    while True:
        await watch.units_changed.wait()
        await asyncio.sleep(SETTLE_S)
        watch.units_changed.clear()
        try:
            await emit_units(watch, await read_units(watch.transport, names, watch.clock))
        except CommandFailed as failure:
            watch.failed(Source.UNITS, failure)
