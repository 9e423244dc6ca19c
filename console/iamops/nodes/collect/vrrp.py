"""keepalived: its journal as it is written, and its dump when something happened."""

from __future__ import annotations

from iamops.model.events import KeepalivedAsked, Source, VrrpReported, VrrpTransition
from iamops.nodes.collect.context import CollectorContext, ended, every, keep, unflooded
from iamops.nodes.keepalived import VrrpUnknown, VrrpWitness
from iamops.nodes.transport import CommandFailed
from iamops.parse.journal import JournalRecord, is_echo, journal_record, journal_records, transition
from iamops.redact.detectors.lines import Speakers

DUMP_EVERY_S = 30.0
JOURNAL_FIELDS = "MESSAGE,UNIT,_SYSTEMD_UNIT,_SOURCE_REALTIME_TIMESTAMP"
HISTORY_LINES = 200
HISTORY_TIMEOUT_S = 5.0


async def journal(watch: CollectorContext) -> None:
    """keepalived's own words, and systemd's about every unit of the profile, from now on."""
    matches = [_said_by(watch.profile.keepalived.unit)]
    for unit in watch.profile.actionable_units_on(watch.node):
        matches += ["+", "_PID=1", f"UNIT={unit}.service"]

    async def follow() -> str:
        async with watch.transport.stream(_journalctl("--follow", "--lines=0", *matches)) as lines:
            speakers = Speakers()
            async for raw in unflooded(watch.node, "journalctl", lines):
                record = journal_record(raw, speakers)
                if record is not None:
                    _journal_record(watch, record)
            return ended("journalctl", lines.ending)

    await keep(Source.JOURNAL, watch, follow)


async def dump(watch: CollectorContext) -> None:
    """keepalived's dump: when the journal says something happened, and slowly."""
    witness = VrrpWitness(watch.transport, watch.profile)

    async def look() -> None:
        try:
            reports = await witness.ask()
        except VrrpUnknown as unknown:
            await _without_dump(watch, unknown)
            return
        at = watch.clock()
        for instance, report in reports.items():
            watch.emit(VrrpReported(at, watch.node, instance, report))
        watch.emit(KeepalivedAsked(at, watch.node, ""))

    await every(DUMP_EVERY_S, look, early=watch.vrrp_changed)


def _journal_record(watch: CollectorContext, record: JournalRecord) -> None:
    if is_echo(record.message):
        return
    if record.by_systemd:
        watch.units_changed.set()
    if record.unit == watch.profile.keepalived.unit:
        watch.vrrp_changed.set()
        _emit_transition(watch, record, history=False)


async def _without_dump(watch: CollectorContext, unknown: VrrpUnknown) -> None:
    """A stopped daemon has no state. A silent one has the state it last logged, if it logged one."""
    if unknown.final:
        watch.lost(Source.VRRP, unknown.reason)
        return
    if unknown.silence:
        watch.emit(KeepalivedAsked(watch.clock(), watch.node, unknown.silence))
    argv = _journalctl(f"--lines={HISTORY_LINES}", _said_by(watch.profile.keepalived.unit))
    try:
        result = await watch.transport.run(argv, timeout_s=HISTORY_TIMEOUT_S)
    except CommandFailed as failure:
        watch.failed(Source.VRRP, failure)
        return
    records = journal_records(result.stdout.splitlines())
    found = [_emit_transition(watch, record, history=True, no_dump=unknown.reason) for record in records]
    if not any(found):
        watch.lost(Source.VRRP, unknown.reason)


def _emit_transition(watch: CollectorContext, record: JournalRecord, *, history: bool, no_dump: str = "") -> bool:
    entered = None if record.by_systemd else transition(record.message)
    if entered is None:
        return False
    instance, state = entered
    watch.emit(VrrpTransition(watch.clock(), watch.node, instance, state, record.at, history, no_dump))
    return True


def _said_by(unit: str) -> str:
    return f"_SYSTEMD_UNIT={unit}.service"


def _journalctl(*args: str) -> tuple[str, ...]:
    return ("journalctl", "--output=json", f"--output-fields={JOURNAL_FIELDS}", *args)
