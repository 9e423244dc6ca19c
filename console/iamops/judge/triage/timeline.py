"""What sources tell, as happenings of one timeline. Pure; times are corrected where an offset is known."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from typing import Any

from iamops.accesslog.values import NO_TIME
from iamops.judge.run import ending_of
from iamops.model.contest import HANDOVER_S
from iamops.model.facts import VrrpState
from iamops.model.inspection import JournalEventKind
from iamops.model.journal import TimelineEvent, TimelineEventKind
from iamops.model.profile import Profile
from iamops.model.traffic import Traffic
from iamops.parse.config_files import PushRecord
from iamops.parse.inspection import check_event
from iamops.parse.journal import JournalRecord, transition
from iamops.parse.systemd import boot_took, unit_change
from iamops.redact.clean import words

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


def of_journal(
    records: Iterable[JournalRecord], profile: Profile, node: str, ahead_s: float
) -> Iterator[TimelineEvent]:
    """VIP transitions, checks whose answer changed, units, boots. `ahead_s`: how far the node's clock is ahead of
    ours.
    """
    checks: dict[str, bool] = {}
    for record in records:
        at = record.at - ahead_s
        entered = None if record.by_systemd else transition(record.message)
        if entered is not None and record.unit == profile.keepalived.unit:
            instance, state = entered
            text = _entered(profile, instance, state)
            yield TimelineEvent(at, TimelineEventKind.VIP, text, KEEPALIVED, node, instance, str(state))
        elif (check := _check(record, profile)) is not None and checks.get(check.subject) != check.bad:
            checks[check.subject] = check.bad
            yield replace(check, at=at, node=node)
        elif record.by_systemd and (change := unit_change(record.message)) is not None:
            text, bad = f"{record.unit} {change}", change not in CALM
            yield TimelineEvent(at, TimelineEventKind.UNIT, text, "systemd", node, record.unit, bad=bad)
        elif (took := boot_took(record.message)) is not None:
            yield TimelineEvent(at, TimelineEventKind.BOOT, f"booted, in {took}", "systemd", node)


def _check(record: JournalRecord, profile: Profile) -> TimelineEvent | None:
    """What keepalived says of one of its checks; the caller knows when and where."""
    told = None if record.by_systemd or record.unit != profile.keepalived.unit else check_event(record.message)
    if told is None:
        return None
    kind, name = told
    text = f"check {words(name, 60)} {CHECKS[kind]}"
    bad = kind is not JournalEventKind.SCRIPT_PASSED
    return TimelineEvent(0.0, TimelineEventKind.CHECK, text, KEEPALIVED, None, name, bad=bad)


def of_pushes(records: Iterable[PushRecord], node: str, ahead_s: float, now: float) -> Iterator[TimelineEvent]:
    """Configuration that was put on a node by a push. One without a time is still under way."""
    for record in records:
        at = now if record.at is None else record.at - ahead_s
        who, why = words(str(record.meta.get("who", ""))), words(str(record.meta.get("reason", "")))
        told = f"push {record.push}{f' of {who}' if who else ''} {record.told or 'under way'}"
        yield TimelineEvent(at, TimelineEventKind.CONFIG, f"{told}: {why}" if why else told, "push history", node)


def of_edits(edits: Iterable[tuple[float, str]], node: str, ahead_s: float) -> Iterator[TimelineEvent]:
    """Files changed on disk, those that were changed in one go as one."""
    group: list[tuple[float, str]] = []
    for at, path in sorted(edits):
        if group and at - group[-1][0] > EDIT_S:
            yield _edit(group, node, ahead_s)
            group = []
        group.append((at, path))
    if group:
        yield _edit(group, node, ahead_s)


def of_ledger(records: Iterable[tuple[str, str, Mapping[str, Any]]], profile: str) -> Iterator[TimelineEvent]:
    """Actions of this machine's ledger on one profile: (RFC 3339 time, kind, body) of each record."""
    for stamp, kind, body in records:
        at = _epoch(stamp)
        if at is None or body.get("profile") != profile or kind not in ("intent", "outcome", "refused"):
            continue
        ended = "begun" if kind == "intent" else words(ending_of(body) or kind)
        who = words(str(body.get("who", "?")))
        text = f"{words(str(body.get('action', '?')))}: {ended} ({who})"
        yield TimelineEvent(at, TimelineEventKind.ACTION, text, "audit ledger")


def error_steps(
    slots: Mapping[int, Traffic], node: str, ahead_s: float, slot_s: int = 60, until: float = math.inf
) -> Iterator[TimelineEvent]:
    """Slots whose 5xx share differs from the slot before by STEP_POINTS or more, of STEP_REQUESTS or more.

    Slots with fewer requests say nothing, and are passed over. The first is only compared with. A slot is told at
    its end, behind whatever happened in it; the one that has not ended at `until`, our clock's now.
    """
    before: float | None = None
    for at in sorted(each for each in slots if each != NO_TIME):
        traffic = slots[at]
        if traffic.total < STEP_REQUESTS:
            continue
        share = 100 * traffic.errors / traffic.total
        if before is not None and abs(share - before) >= STEP_POINTS:
            verb = "rise" if share > before else "fall"
            told = f"5xx {verb} from {before:.0f} % to {share:.0f} % of {traffic.total} requests in {slot_s} s"
            ends = min(at + slot_s - ahead_s, until)
            yield TimelineEvent(ends, TimelineEventKind.TRAFFIC, told, "access log", node)
        before = share


def merged(happenings: Iterable[TimelineEvent], since: float, limit: int) -> tuple[tuple[TimelineEvent, ...], int]:
    """Oldest first, none from before `since`, at most the last `limit`; and how many older ones are left out."""
    ordered = sorted((each for each in happenings if each.at >= since), key=lambda each: each.at)
    once = [next(group) for _, group in groupby(ordered)]
    return tuple(once[-limit:]), max(0, len(once) - limit)


def _entered(profile: Profile, instance: str, state: VrrpState) -> str:
    vrrp = profile.vrrp.get(instance)
    vip = f", VIP {vrrp.address}" if vrrp is not None and state is VrrpState.MASTER else ""
    return f"{words(instance, 60)} entered {state}{vip}"


def _edit(group: list[tuple[float, str]], node: str, ahead_s: float) -> TimelineEvent:
    paths = [path for _, path in group]
    more = f" and {len(paths) - 3} more" if len(paths) > 3 else ""
    text = f"changed on disk: {', '.join(paths[:3])}{more}"
    return TimelineEvent(group[-1][0] - ahead_s, TimelineEventKind.CONFIG, text, "file times", node)


def _epoch(stamp: str) -> float | None:
    try:
        moment = datetime.fromisoformat(stamp)
    except ValueError:
        return None
    return moment.timestamp() if moment.tzinfo is not None else None


# Two MASTERs of one VRRP instance at once, by the journals of their keepalived: begin and end. Pure.

SOURCE = "keepalived's journals"
# A daemon that is stopped lets go at once, and systemd says so when it has ended.
ENDS_WITHIN_S = 5.0
NAME_LIMIT = 60


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
    """What one node's journal tells. `ahead_s`: how far its clock is ahead of ours."""
    for record in records:
        at, own = record.at - ahead_s, record.unit == profile.keepalived.unit
        entered = transition(record.message) if own and not record.by_systemd else None
        if entered is not None:
            yield MasterChange(at, node, words(entered[0], NAME_LIMIT), entered[1] is VrrpState.MASTER)
        elif own and record.by_systemd and unit_change(record.message) not in (None, "reloaded"):
            yield MasterChange(at, node, "", master=False)
        elif boot_took(record.message) is not None:
            yield MasterChange(at, node, "", master=False, unclear=True)


def splits(found: Iterable[MasterChange], profile: Profile, now: float) -> Iterator[TimelineEvent]:
    """The times of two MASTERs that were longer than a handover."""
    masters: dict[str, dict[str, float]] = {}
    for turn in sorted(found, key=lambda each: each.at):
        names = [turn.instance] if turn.instance else list(masters)
        for name in names:
            holders = masters.setdefault(name, {})
            if turn.master:
                holders.setdefault(turn.node, turn.at)
            elif turn.node in holders:
                short = not turn.instance and turn.at - max(holders.values()) < ENDS_WITHIN_S
                if len(holders) > 1 and not turn.unclear and not short:
                    yield from _told(profile, name, holders, turn.at, left=turn.node)
                del holders[turn.node]
    for name, holders in masters.items():
        if len(holders) > 1:
            yield from _told(profile, name, holders, now)


def _told(
    profile: Profile, name: str, holders: dict[str, float], until: float, *, left: str = ""
) -> Iterator[TimelineEvent]:
    """`left`: who ceased to be MASTER at `until`; nobody where it still is so."""
    begin = max(holders.values())
    lasted_s = until - begin
    if lasted_s < HANDOVER_S:
        return
    vrrp = profile.vrrp.get(name)
    what = f"{name}, VIP {vrrp.address}" if vrrp is not None else name
    nodes = " and ".join(sorted(holders))
    yield TimelineEvent(begin, TimelineEventKind.VIP, f"SPLIT BRAIN: {nodes} are both MASTER of {what}", SOURCE)
    if left:
        rest = " and ".join(sorted(each for each in holders if each != left))
        over = f"split brain ended: only {rest} is MASTER of {what}, lasted {lasted_s:.0f} s"
        yield TimelineEvent(until, TimelineEventKind.VIP, over, SOURCE)
