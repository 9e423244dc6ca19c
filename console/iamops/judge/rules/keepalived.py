"""keepalived's journal: strangers' adverts, moves, and the daemon's own life."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

from iamops.judge.findings import About, Finding, NotEvaluated
from iamops.judge.rules.base import (
    Answer,
    RuleInput,
    about_unit,
    age_s,
    ago,
    each_journal,
    each_node,
    evidence_at,
    evidence_of,
    inspected,
    journal,
    lately,
    line,
    of_kind,
    ours,
    rule,
    too_short,
    unit_running,
)
from iamops.model.facts import Severity
from iamops.model.inspection import FileStamp, JournalEntry, JournalEventKind, JournalInspection, OwnRun
from iamops.model.observed import Known
from iamops.model.state import NodeState
from iamops.plan.vrrp_timing import vrrp_on

RECENT_S = 600.0
CRASH_RECENT_S = 3600.0
SHOWN = 3
FLAPPING_MOVES = 3
# A standby takes over at most so long after the owner let go: three adverts and the skew, of long ones.
LET_GO_S = 15.0
# A standby waits for so many adverts before it takes over (RFC 5798, 6.1); who was owner until now does not.
DOWN_ADVERTS = 3
# No run takes longer from its beginning to its last stop of a unit; of one that ended it is known when.
OWN_WITHIN_S = 180.0
# What it moved or stopped shows a moment after its end.
SETTLES_S = 5.0
Journal: TypeAlias = Known[JournalInspection]
Logged: TypeAlias = tuple[NodeState, JournalEntry]
_BEGINS = " begins "


def own_run(entries: JournalInspection, at: float) -> OwnRun | None:
    """The run of iamops that was under way at a time of the node's clock, by what runs left in its journal."""
    for place, run in reversed(tuple(enumerate(entries.runs))):
        if _BEGINS in run.text and run.at <= at:
            later = (other.at + SETTLES_S for other in entries.runs[place + 1 :] if _BEGINS not in other.text)
            return run if at <= min(next(later, math.inf), run.at + OWN_WITHIN_S) else None
    return None


def own_words(run: OwnRun) -> str:
    """`switchover by colin from ops-1`."""
    return run.text.replace(_BEGINS, " ", 1)


@each_journal("whether others use our virtual router id", RECENT_S, "foreign-adverts")
def foreign_adverts(view: RuleInput, node: NodeState, seen: Journal, now: float) -> Iterator[Answer]:
    adverts = of_kind(seen.value, view.state.profile.keepalived.unit, JournalEventKind.FOREIGN_ADVERT)
    recent = [entry for entry in adverts if lately(node, entry.at, RECENT_S, now)]
    if recent:
        yield Finding(
            "foreign-adverts",
            Severity.WARNING,
            f"{node.name} hears VRRP adverts with our router id that are not its peer's ({len(recent)})",
            tuple(line(node, entry, now) for entry in recent[-SHOWN:]),
            f"look: tcpdump -nn proto 112 on {node.name}",
            node.name,
            cause="another VRRP pair in this network has the same router id, or the peers' settings differ",
        )


@rule("vip-flapping", "vip-let-go")
def flapping(view: RuleInput, now: float) -> Iterator[Answer]:
    """By all nodes' journals together: a node enters MASTER, and another one had the VIP before."""
    profile = view.state.profile
    changes = (
        JournalEventKind.ENTERED,
        JournalEventKind.STARTED,
        JournalEventKind.STOPPED,
        JournalEventKind.CRASHED,
    )
    logged: list[Logged] = []
    journals: list[tuple[NodeState, JournalInspection]] = []
    codes, what = ("vip-flapping", "vip-let-go"), "how often the VIP moved"
    for answer in inspected(view, journal, codes, what):
        if isinstance(answer, NotEvaluated):
            yield answer
            continue
        node, seen = answer
        yield from too_short(codes, what, node, seen.value, RECENT_S, now)
        logged += [(node, entry) for entry in of_kind(seen.value, profile.keepalived.unit, *changes)]
        journals.append((node, seen.value))
    logged.sort(key=lambda entry: ours(entry[0], entry[1].at))

    for name in profile.vrrp:
        own = [e for e in logged if e[1].kind is not JournalEventKind.ENTERED or e[1].subject == name]
        advert_s = max(vrrp_on(view.state, node, name).advert_interval_s for node in profile.nodes)
        moves, returns = (
            [(node, entry) for node, entry in found if lately(node, entry.at, RECENT_S, now)]
            for found in _moves(own, DOWN_ADVERTS * advert_s)
        )
        if len(moves) >= FLAPPING_MOVES:
            yield _flapping(view, name, moves, journals, now)
        elif returns:
            yield _given_up(view, name, returns, now)


@each_journal("whether keepalived was restarted", CRASH_RECENT_S, "keepalived-restarted")
def daemon_restarted(view: RuleInput, node: NodeState, seen: Journal, now: float) -> Iterator[Answer]:
    """A crash is reported for an hour, a restart in order for ten minutes. The start at boot is neither."""
    unit = view.state.profile.keepalived.unit
    ends = of_kind(seen.value, unit, JournalEventKind.STOPPED, JournalEventKind.CRASHED)
    crashes = [e for e in ends if e.kind is JournalEventKind.CRASHED and lately(node, e.at, CRASH_RECENT_S, now)]
    shown = crashes or [e for e in ends if lately(node, e.at, RECENT_S, now)]
    if not shown or not unit_running(node, unit):
        return
    how = "crashed" if crashes else "was restarted"
    evidence = [line(node, entry, now) for entry in shown[-SHOWN:]]
    own = None if crashes else own_run(seen.value, shown[-1].at)
    if own is not None:
        how = f"was restarted by iamops ({own_words(own)})"
        evidence.append(evidence_at(ours(node, own.at), own.text, "journal of iamops", node.name, now))
    yield Finding(
        "keepalived-restarted",
        Severity.WARNING if crashes else Severity.INFO,
        f"{unit} on {node.name} {how} {ago(age_s(node, shown[-1].at, now))}",
        tuple(evidence),
        f"look: journalctl -u {unit} on {node.name}",
        node.name,
        about=about_unit(view.state.profile, unit, node.name),
    )


@each_node("whether its notify log is there", lambda inspection: inspection.files, "notify-log-missing")
def notify_log(
    view: RuleInput, node: NodeState, seen: Known[Mapping[str, FileStamp]], now: float
) -> Iterator[Answer]:
    path = view.state.profile.logs.notify
    if path not in seen.value:
        yield Finding(
            "notify-log-missing",
            Severity.WARNING,
            f"{path} is not there on {node.name}: nobody writes down when the VIP moves",
            (evidence_of(seen, f"{path}: no such file", "stat", node.name, now),),
            "iamops config diff",
            node.name,
            cause="keepalived does not call the notify script, or somebody deleted the log",
        )


RULES = (foreign_adverts, flapping, daemon_restarted, notify_log)


def _moves(logged: Sequence[Logged], waits_s: float) -> tuple[list[Logged], list[Logged]]:
    """Of one instance, by time: who took the VIP from another node, and who took it back after it had let go.

    The first MASTER after a boot took it from nobody: a daemon that begins as BACKUP lets go of nothing. Where the
    journal does not go back to when a node became owner, it was if it needed less than `waits_s` to be it again.
    """
    moves: list[Logged] = []
    returns: list[Logged] = []
    owner, left, stopped, fresh = "", dict[str, float](), set[str](), set[str]()
    for node, entry in logged:
        at = ours(node, entry.at)
        if entry.kind is JournalEventKind.ENTERED and "MASTER" in entry.text:
            from_another = any(n != node.name and at - let_go <= LET_GO_S for n, let_go in left.items())
            if (owner and owner != node.name) or (not owner and from_another):
                moves.append((node, entry))
            elif (
                node.name in left
                and node.name not in stopped
                and (owner == node.name or (not owner and at - left[node.name] < waits_s))
            ):
                returns.append((node, entry))
            owner, left, stopped = node.name, {}, set()
            fresh.discard(node.name)
        elif entry.kind is JournalEventKind.STARTED:
            fresh.add(node.name)
        elif node.name not in fresh or entry.kind is not JournalEventKind.ENTERED:
            left[node.name] = at
            stopped |= {node.name} if entry.kind is not JournalEventKind.ENTERED else set()
    return moves, returns


def _given_up(view: RuleInput, name: str, returns: Sequence[Logged], now: float) -> Finding:
    """The VIP went nowhere, and clients noticed all the same. Once or twice is no alarm."""
    address, unit = view.state.profile.vrrp[name].address, view.state.profile.keepalived.unit
    names = " and ".join(dict.fromkeys(node.name for node, _ in returns))
    often = len(returns) >= FLAPPING_MOVES
    how = f"{len(returns)} times in {RECENT_S / 60:.0f} minutes"
    if len(returns) == 1:
        how = f"once, {ago(age_s(returns[0][0], returns[0][1].at, now))}"
    return Finding(
        "vip-flapping" if often else "vip-let-go",
        Severity.WARNING if often else Severity.INFO,
        f"{names} let go of VIP {address} and took it back {how}",
        tuple(line(node, entry, now) for node, entry in returns[-SHOWN:]),
        f"look: journalctl -u {unit} on {names}, and what else sets addresses there (networkd, NetworkManager)",
        cause="its address is removed by something else than keepalived, or its check fails for a moment",
        about=About(instance=name),
    )


def _flapping(
    view: RuleInput,
    name: str,
    moves: Sequence[Logged],
    journals: Iterable[tuple[NodeState, JournalInspection]],
    now: float,
) -> Finding:
    """Moves that runs of iamops made are no alarm: their operator knows."""
    own: list[OwnRun] = []
    for node, entry in moves:
        at = ours(node, entry.at)
        # Not every node is part of a run: any node's journal may have it, by the clock of that node.
        found = (own_run(entries, at + (at - ours(other, at))) for other, entries in journals)
        own += [run for run in found if run is not None][:1]
    address, unit = view.state.profile.vrrp[name].address, view.state.profile.keepalived.unit
    whose = f", {len(own)} of them by iamops ({own_words(own[-1])})" if own else ""
    return Finding(
        "vip-flapping",
        Severity.INFO if len(moves) - len(own) < FLAPPING_MOVES else Severity.WARNING,
        f"VIP {address} moved {len(moves)} times in {RECENT_S / 60:.0f} minutes{whose}",
        tuple(line(node, entry, now) for node, entry in moves[-SHOWN:]),
        f"look: journalctl -u {unit} on every node",
        cause="a check on the edge of failing, adverts that are lost now and then, or somebody moving it",
        about=About(instance=name),
    )
