"""What sources report, as events of one timeline. Pure; times are corrected where an offset is known."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from iamops.accesslog.values import NO_TIME
from iamops.judge.run import ending_of
from iamops.model.facts import VrrpState
from iamops.model.foreign import ReadJson
from iamops.model.inspection import JournalEventKind
from iamops.model.journal import TimelineEvent, TimelineEventKind
from iamops.model.profile import Profile
from iamops.model.split_brain import HANDOVER_S
from iamops.model.traffic import Traffic
from iamops.parse.config_files import PushRecord
from iamops.parse.inspection import check_event
from iamops.parse.journal import JournalRecord, transition
from iamops.parse.systemd import boot_took, unit_change
from iamops.redact.clean import clean_text

STEP_POINTS = 5.0
STEP_REQUESTS = 10
KEEPALIVED = "keepalived's journal"
# What systemd says of a unit that is well.
CALM = frozenset({"started", "reloaded"})
CHECKS = {
    JournalEventKind.SCRIPT_PASSED: "passes",
    JournalEventKind.SCRIPT_FAILED: "fails",
    JournalEventKind.SCRIPT_TIMED_OUT: "does not end in time",
    JournalEventKind.SCRIPT_UNRUNNABLE: "cannot be run",
}
# A file changed so soon after another belongs to the same edit.
EDIT_S = 3.0
EDIT_SHOWN = 3
NAME_LIMIT = 60
JOURNALS = "keepalived's journals"
# A daemon that is stopped lets go at once, and systemd says so when it has ended.
ENDS_WITHIN_S = 5.0


def of_journal(
    records: Iterable[JournalRecord], profile: Profile, node: str, ahead_s: float
) -> Iterator[TimelineEvent]:
    """VIP transitions, checks whose answer changed, units, boots. `ahead_s`: how far the node's clock is ahead of
    ours.
    """
    passing: dict[str, bool] = {}
    for record in records:
        at, own = record.at - ahead_s, not record.by_systemd and record.unit == profile.keepalived.unit
        if own and (entered := transition(record.message)) is not None:
            instance, state = entered
            vrrp = profile.vrrp.get(instance)
            vip = f", VIP {vrrp.address}" if vrrp is not None and state is VrrpState.MASTER else ""
            text = f"{clean_text(instance, NAME_LIMIT)} entered {state}{vip}"
            yield TimelineEvent(at, TimelineEventKind.VIP, text, KEEPALIVED, node, instance, str(state))
        elif own and (check := check_event(record.message)) is not None:
            kind, name = check
            passes = kind is JournalEventKind.SCRIPT_PASSED
            if passing.get(name) is not passes:
                passing[name] = passes
                text = f"check {clean_text(name, NAME_LIMIT)} {CHECKS[kind]}"
                yield TimelineEvent(at, TimelineEventKind.CHECK, text, KEEPALIVED, node, name, bad=not passes)
        elif record.by_systemd and (change := unit_change(record.message)) is not None:
            text, bad = f"{record.unit} {change}", change not in CALM
            yield TimelineEvent(at, TimelineEventKind.UNIT, text, "systemd", node, record.unit, bad=bad)
        elif (took := boot_took(record.message)) is not None:
            yield TimelineEvent(at, TimelineEventKind.BOOT, f"booted, in {took}", "systemd", node)


def of_pushes(records: Iterable[PushRecord], node: str, ahead_s: float, now: float) -> Iterator[TimelineEvent]:
    """Configuration that was put on a node by a push. One without a time is still under way."""
    for record in records:
        at = now if record.at is None else record.at - ahead_s
        who, why = clean_text(str(record.meta.get("who", ""))), clean_text(str(record.meta.get("reason", "")))
        text = f"push {record.push}{f' of {who}' if who else ''} {record.outcome_text or 'under way'}"
        yield TimelineEvent(at, TimelineEventKind.CONFIG, f"{text}: {why}" if why else text, "push history", node)


def of_edits(edits: Iterable[tuple[float, str]], node: str, ahead_s: float) -> Iterator[TimelineEvent]:
    """Files changed on disk, those that were changed in one go as one."""
    groups: list[list[tuple[float, str]]] = []
    for at, path in sorted(edits):
        if groups and at - groups[-1][-1][0] <= EDIT_S:
            groups[-1].append((at, path))
        else:
            groups.append([(at, path)])
    for group in groups:
        more = f" and {len(group) - EDIT_SHOWN} more" if len(group) > EDIT_SHOWN else ""
        text = f"changed on disk: {', '.join(path for _, path in group[:EDIT_SHOWN])}{more}"
        yield TimelineEvent(group[-1][0] - ahead_s, TimelineEventKind.CONFIG, text, "file times", node)


def of_ledger(records: Iterable[tuple[str, str, ReadJson]], profile: str) -> Iterator[TimelineEvent]:
    """Actions of this machine's ledger on one profile: (RFC 3339 time, kind, body) of each record."""
    for stamp, kind, body in records:
        try:
            written = datetime.fromisoformat(stamp)
        except ValueError:
            continue
        if (
            written.tzinfo is None
            or body.get("profile") != profile
            or kind not in ("intent", "outcome", "refused")
        ):
            continue
        ended = "begun" if kind == "intent" else clean_text(ending_of(body) or kind)
        who = clean_text(str(body.get("who", "?")))
        text = f"{clean_text(str(body.get('action', '?')))}: {ended} ({who})"
        yield TimelineEvent(written.timestamp(), TimelineEventKind.ACTION, text, "audit ledger")


def error_steps(
    slots: Mapping[int, Traffic], node: str, ahead_s: float, slot_s: int = 60, until: float = math.inf
) -> Iterator[TimelineEvent]:
    """Slots whose 5xx share differs from the slot before by STEP_POINTS or more, of STEP_REQUESTS or more.

    Slots with fewer requests say nothing, and are passed over. The first is only compared with. A slot is dated by
    its end, behind whatever happened in it; the one that has not ended, by `until`, our clock's now.
    """
    before: float | None = None
    for at in sorted(slot for slot in slots if slot != NO_TIME):
        traffic = slots[at]
        if traffic.total < STEP_REQUESTS:
            continue
        share = 100 * traffic.errors / traffic.total
        if before is not None and abs(share - before) >= STEP_POINTS:
            verb = "rise" if share > before else "fall"
            text = f"5xx {verb} from {before:.0f} % to {share:.0f} % of {traffic.total} requests in {slot_s} s"
            ends = min(at + slot_s - ahead_s, until)
            yield TimelineEvent(ends, TimelineEventKind.TRAFFIC, text, "access log", node)
        before = share


def merged(events: Iterable[TimelineEvent], since: float, limit: int) -> tuple[tuple[TimelineEvent, ...], int]:
    """Oldest first, none from before `since`, at most the last `limit`; and how many older ones are left out."""
    ordered = sorted((event for event in events if event.at >= since), key=lambda event: event.at)
    once = [next(group) for _, group in groupby(ordered)]
    return tuple(once[-limit:]), max(0, len(once) - limit)


# Two MASTERs of one VRRP instance at once, by the journals of their keepalived: begin and end.


@dataclass(frozen=True, slots=True)
class MasterChange:
    """A node became MASTER of an instance, or ceased to be. `instance` is empty where the whole daemon ended;
    `unclear`: the machine was off before, and nobody wrote down when it ceased.
    """

    at: float
    node: str
    instance: str
    master: bool
    unclear: bool = False


def turns(records: Iterable[JournalRecord], profile: Profile, node: str, ahead_s: float) -> Iterator[MasterChange]:
    """One node's changes. `ahead_s`: how far its clock is ahead of ours."""
    for record in records:
        at, own = record.at - ahead_s, record.unit == profile.keepalived.unit
        entered = transition(record.message) if own and not record.by_systemd else None
        if entered is not None:
            yield MasterChange(at, node, clean_text(entered[0], NAME_LIMIT), entered[1] is VrrpState.MASTER)
        elif own and record.by_systemd and unit_change(record.message) not in (None, "reloaded"):
            yield MasterChange(at, node, "", master=False)
        elif boot_took(record.message) is not None:
            yield MasterChange(at, node, "", master=False, unclear=True)


def splits(changes: Iterable[MasterChange], profile: Profile, now: float) -> Iterator[TimelineEvent]:
    """The times of two MASTERs that were longer than a handover."""
    masters: dict[str, dict[str, float]] = {}
    for change in sorted(changes, key=lambda change: change.at):
        for name in [change.instance] if change.instance else list(masters):
            holders = masters.setdefault(name, {})
            if change.master:
                holders.setdefault(change.node, change.at)
            elif change.node in holders:
                short = not change.instance and change.at - max(holders.values()) < ENDS_WITHIN_S
                if len(holders) > 1 and not change.unclear and not short:
                    yield from _split(profile, name, holders, change.at, left=change.node)
                del holders[change.node]
    for name, holders in masters.items():
        if len(holders) > 1:
            yield from _split(profile, name, holders, now)


def _split(
    profile: Profile, name: str, holders: Mapping[str, float], until: float, *, left: str = ""
) -> Iterator[TimelineEvent]:
    """`left`: who ceased to be MASTER at `until`; nobody where it still is so."""
    begin = max(holders.values())
    lasted_s = until - begin
    if lasted_s < HANDOVER_S:
        return
    vrrp = profile.vrrp.get(name)
    what = f"{name}, VIP {vrrp.address}" if vrrp is not None else name
    began = f"SPLIT BRAIN: {' and '.join(sorted(holders))} are both MASTER of {what}"
    yield TimelineEvent(begin, TimelineEventKind.VIP, began, JOURNALS)
    if left:
        rest = " and ".join(sorted(node for node in holders if node != left))
        over = f"split brain ended: only {rest} is MASTER of {what}, lasted {lasted_s:.0f} s"
        yield TimelineEvent(until, TimelineEventKind.VIP, over, JOURNALS)
