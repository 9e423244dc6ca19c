"""What is read about a node with one command each: addresses and units, the machine, the units alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from console.model.events import (
    AddressesListed,
    Event,
    HostReported,
    SafetyReported,
    Source,
    SourceLost,
    UnitReported,
)
from console.model.facts import HostReport
from console.nodes.transport import CommandFailed, Transport
from console.parse import host_facts
from console.parse.ip_address import address_list
from console.parse.safety import safety_report
from console.parse.sections import Section, script, sections
from console.parse.units import PROPERTIES, unit_reports
from console.parse.words import words, words_of

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
    node_clock = host_facts.epoch_s(parts.get("clock", ABSENT).text)
    middle = (asked + answered) / 2
    proc = parts.get("proc", ABSENT).text
    return HostReport(
        load1=host_facts.load1(proc),
        memory_used_pct=host_facts.memory_used_pct(proc),
        disk_used_pct=host_facts.disk_used_pct(parts.get("disk", ABSENT).text),
        clock_offset_ms=None if node_clock is None else round((node_clock - middle) * 1000, 1),
        clock_uncertainty_ms=round((answered - asked) * 500, 1),
    )


def _why(what: str, part: Section) -> str:
    said = part.text.strip().splitlines()[:1]
    return f"{what}: {words(said[0], 120) if said else f'exit {part.exit_status}'}"
