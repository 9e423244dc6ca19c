"""keepalived: its journal as it is written, and its dump when something happened."""

from __future__ import annotations

from iamops.model.events import KeepalivedAsked, Source, VrrpReported, VrrpTransition
from iamops.nodes.collect.context import CollectorContext, ended, periodic, restart_forever, unflooded
from iamops.nodes.history import JOURNAL_FIELDS, unit_matches
from iamops.nodes.keepalived import VrrpUnknown, VrrpWitness
from iamops.nodes.transport import CommandFailed
from iamops.parse.journal import JournalRecord, is_echo, journal_record, journal_records, transition
from iamops.redact.detectors.lines import Speakers

DUMP_EVERY_S = 30.0
JOURNALCTL = ("journalctl", "--output=json", f"--output-fields={JOURNAL_FIELDS}")
HISTORY_LINES = 200
HISTORY_TIMEOUT_S = 5.0


async def journal(ctx: CollectorContext) -> None:
    """keepalived's own entries, and systemd's about every unit of the profile, from now on."""
    argv = (*JOURNALCTL, "--follow", "--lines=0", *unit_matches(ctx.profile, ctx.node))

    async def follow() -> str:
        async with ctx.transport.stream(argv) as lines:
            speakers = Speakers()
            async for raw in unflooded(ctx.node, "journalctl", lines):
                record = journal_record(raw, speakers)
                if record is not None:
                    _journal_record(ctx, record)
            return ended("journalctl", lines.ending)

    await restart_forever(Source.JOURNAL, ctx, follow)


async def dump(ctx: CollectorContext) -> None:
    """keepalived's dump: when the journal shows that something happened, and slowly."""
    witness = VrrpWitness(ctx.transport, ctx.profile)

    async def read() -> None:
        try:
            reports = await witness.ask()
        except VrrpUnknown as unknown:
            await _without_dump(ctx, unknown)
            return
        at = ctx.clock()
        for instance, report in reports.items():
            ctx.emit(VrrpReported(at, ctx.node, instance, report))
        ctx.emit(KeepalivedAsked(at, ctx.node, ""))

    await periodic(DUMP_EVERY_S, read, early=ctx.vrrp_changed)


def _journal_record(ctx: CollectorContext, record: JournalRecord) -> None:
    if is_echo(record.message):
        return
    if record.by_systemd:
        ctx.units_changed.set()
    if record.unit == ctx.profile.keepalived.unit:
        ctx.vrrp_changed.set()
        _emit_transition(ctx, record, history=False)


async def _without_dump(ctx: CollectorContext, unknown: VrrpUnknown) -> None:
    """A stopped daemon has no state. A silent one has the state it last logged, if it logged one."""
    if unknown.final:
        ctx.lost(Source.VRRP, unknown.reason)
        return
    if unknown.silence:
        ctx.emit(KeepalivedAsked(ctx.clock(), ctx.node, unknown.silence))
    try:
        argv = (*JOURNALCTL, f"--lines={HISTORY_LINES}", f"_SYSTEMD_UNIT={ctx.profile.keepalived.unit}.service")
        result = await ctx.transport.run(argv, timeout_s=HISTORY_TIMEOUT_S)
    except CommandFailed as failure:
        ctx.failed(Source.VRRP, failure)
        return
    records = journal_records(result.stdout.splitlines())
    emitted = [_emit_transition(ctx, record, history=True, no_dump=unknown.reason) for record in records]
    if not any(emitted):
        ctx.lost(Source.VRRP, unknown.reason)


def _emit_transition(ctx: CollectorContext, record: JournalRecord, *, history: bool, no_dump: str = "") -> bool:
    entered = None if record.by_systemd else transition(record.message)
    if entered is None:
        return False
    instance, state = entered
    ctx.emit(VrrpTransition(ctx.clock(), ctx.node, instance, state, record.at, history, no_dump))
    return True
