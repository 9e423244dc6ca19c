"""keepalived's journal: strangers' adverts, moves, and the daemon's own life."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from iamops.judge.findings import About, Finding, NotEvaluated
from iamops.judge.rules.base import Answer, Rule, RuleInput, about_unit, evidence_at, evidence_of, unit_running
from iamops.judge.rules.inspection import (
    age_s,
    ago,
    each_journal,
    each_node,
    inspected,
    lately,
    line,
    of_kind,
    ours,
    too_short,
)
from iamops.model.facts import Severity
from iamops.model.inspection import (
    FileStamp,
    JournalEntry,
    JournalEventKind,
    JournalInspection,
    NodeInspection,
    OwnRun,
)
from iamops.model.observed import Known, Observed
from iamops.model.state import NodeState
from iamops.plan.vrrp_timing import vrrp_on

# What of all that happened is the doing of a run of iamops, by what runs left in the nodes' journals. Pure.

# No run takes longer from its beginning to its last stop of a unit; of one that ended it is known when.
OWN_WITHIN_S = 180.0
# What it moved or stopped shows a moment after its end.
SETTLES_S = 5.0
_BEGINS = " begins "


def own_run(look: JournalInspection, at: float) -> OwnRun | None:
    """The run that was under way at a time of the node's clock."""
    for place, run in reversed(tuple(enumerate(look.runs))):
        if _BEGINS in run.text and run.at <= at:
            return run if at <= _until(run, look.runs[place + 1 :]) else None
    return None


def anyones_run(looks: Iterable[tuple[NodeState, JournalInspection]], at: float) -> OwnRun | None:
    """The same by all nodes' journals: not every node is told of a run. `at` is a time of our clock."""
    found = (own_run(look, at + (at - ours(node, at))) for node, look in looks)
    return next((run for run in found if run is not None), None)


def own_words(run: OwnRun) -> str:
    """`switchover by colin from ops-1`."""
    return run.text.replace(_BEGINS, " ", 1)


def _until(run: OwnRun, later: Iterable[OwnRun]) -> float:
    ended = next((each.at + SETTLES_S for each in later if _BEGINS not in each.text), run.at + OWN_WITHIN_S)
    return min(ended, run.at + OWN_WITHIN_S)


RECENT_S = 600.0
CRASH_RECENT_S = 3600.0
FLAPPING_MOVES = 3
# A standby takes over at most so long after the owner let go: three adverts and the skew, of long ones.
LET_GO_S = 15.0
SHOWN = 3
# A standby waits for so many adverts before it takes over (RFC 5798, 6.1); who was owner until now does not.
DOWN_ADVERTS = 3
Journal = Known[JournalInspection]


def journal(look: NodeInspection) -> Observed[JournalInspection]:
    return look.journal


def foreign_adverts(view: RuleInput, node: NodeState, seen: Journal, now: float) -> Iterator[Answer]:
    heard = of_kind(seen.value, view.state.profile.keepalived.unit, JournalEventKind.FOREIGN_ADVERT)
    recent = [each for each in heard if lately(node, each.at, RECENT_S, now)]
    if recent:
        yield Finding(
            "foreign-adverts",
            Severity.WARNING,
            f"{node.name} hears VRRP adverts with our router id that are not its peer's ({len(recent)})",
            tuple(line(node, each, now) for each in recent[-SHOWN:]),
            f"look: tcpdump -nn proto 112 on {node.name}",
            node.name,
            cause="another VRRP pair in this network has the same router id, or the peers' settings differ",
        )


def flapping(view: RuleInput, now: float) -> Iterator[Answer]:
    """Told by all nodes' journals together: a node enters MASTER, and another one had the VIP before."""
    unit = view.state.profile.keepalived.unit
    said: list[tuple[NodeState, JournalEntry]] = []
    looks: list[tuple[NodeState, JournalInspection]] = []
    codes, what = ("vip-flapping", "vip-let-go"), "how often the VIP moved"
    for each in inspected(view, journal, codes, what):
        if isinstance(each, NotEvaluated):
            yield each
            continue
        node, seen = each
        for code in codes:
            yield from too_short(code, what, node, seen.value, RECENT_S, now)
        kinds = (
            JournalEventKind.ENTERED,
            JournalEventKind.STARTED,
            JournalEventKind.STOPPED,
            JournalEventKind.CRASHED,
        )
        said += [(node, one) for one in of_kind(seen.value, unit, *kinds)]
        looks.append((node, seen.value))
    said.sort(key=lambda each: ours(each[0], each[1].at))
    for name in view.state.profile.vrrp:
        told = [each for each in said if each[1].kind is not JournalEventKind.ENTERED or each[1].subject == name]
        advert_s = max(vrrp_on(view.state, node, name).advert_interval_s for node in view.state.profile.nodes)
        moves, returns = _moves(told, DOWN_ADVERTS * advert_s)
        recent = [each for each in moves if lately(each[0], each[1].at, RECENT_S, now)]
        if len(recent) >= FLAPPING_MOVES:
            runs = [anyones_run(looks, ours(node, one.at)) for node, one in recent]
            yield _flapping(view, name, recent, [run for run in runs if run is not None], now)
            continue
        back = [each for each in returns if lately(each[0], each[1].at, RECENT_S, now)]
        if back:
            yield _given_up(view, name, back, now)


def daemon_restarted(view: RuleInput, node: NodeState, seen: Journal, now: float) -> Iterator[Answer]:
    """A crash is told for an hour, a restart in order for ten minutes. The start at boot is neither."""
    unit = view.state.profile.keepalived.unit
    ends = of_kind(seen.value, unit, JournalEventKind.STOPPED, JournalEventKind.CRASHED)
    crashes = [e for e in ends if e.kind is JournalEventKind.CRASHED and lately(node, e.at, CRASH_RECENT_S, now)]
    shown = crashes or [e for e in ends if lately(node, e.at, RECENT_S, now)]
    if not shown or not unit_running(node, unit):
        return
    own = None if crashes else own_run(seen.value, shown[-1].at)
    how = (
        "crashed" if crashes else "was restarted" if own is None else f"was restarted by iamops ({own_words(own)})"
    )
    evidence = [line(node, each, now) for each in shown[-SHOWN:]]
    if own is not None:
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


RULES = (
    each_journal("foreign-adverts", "whether others use our virtual router id", RECENT_S, foreign_adverts),
    Rule(("vip-flapping", "vip-let-go"), flapping),
    each_journal("keepalived-restarted", "whether keepalived was restarted", CRASH_RECENT_S, daemon_restarted),
    each_node("notify-log-missing", "whether its notify log is there", lambda look: look.files, notify_log),
)


Words = tuple[NodeState, JournalEntry]


def _moves(said: Sequence[Words], waits_s: float) -> tuple[list[Words], list[Words]]:
    """Of one instance, by time: who took the VIP from another node, and who took it back after it had let go.

    The first MASTER after a boot took it from nobody: a daemon that begins as BACKUP lets go of nothing. Where the
    journal does not go back to when a node became owner, it was if it needed less than `waits_s` to be it again.
    """
    moves: list[Words] = []
    returns: list[Words] = []
    owner, left, stopped, fresh = "", dict[str, float](), set[str](), set[str]()
    for each in said:
        node, one = each
        if one.kind is JournalEventKind.ENTERED and "MASTER" in one.text:
            from_another = any(n != node.name and ours(node, one.at) - at <= LET_GO_S for n, at in left.items())
            if (owner and owner != node.name) or (not owner and from_another):
                moves.append(each)
            elif node.name in left and node.name not in stopped:
                soon = ours(node, one.at) - left[node.name] < waits_s
                if owner == node.name or (not owner and soon):
                    returns.append(each)
            owner, left, stopped = node.name, {}, set()
            fresh.discard(node.name)
        elif one.kind is JournalEventKind.STARTED:
            fresh.add(node.name)
        elif node.name not in fresh or one.kind is not JournalEventKind.ENTERED:
            left[node.name] = ours(node, one.at)
            stopped |= {node.name} if one.kind is not JournalEventKind.ENTERED else set()
    return moves, returns


def _given_up(view: RuleInput, name: str, back: Sequence[Words], now: float) -> Finding:
    """The VIP went nowhere, and clients noticed all the same. Once or twice is no alarm."""
    address, unit = view.state.profile.vrrp[name].address, view.state.profile.keepalived.unit
    names = " and ".join(dict.fromkeys(node.name for node, _ in back))
    often = len(back) >= FLAPPING_MOVES
    how = f"{len(back)} times in {RECENT_S / 60:.0f} minutes"
    if len(back) == 1:
        how = f"once, {ago(age_s(back[0][0], back[0][1].at, now))}"
    return Finding(
        "vip-flapping" if often else "vip-let-go",
        Severity.WARNING if often else Severity.INFO,
        f"{names} let go of VIP {address} and took it back {how}",
        tuple(line(node, said, now) for node, said in back[-SHOWN:]),
        f"look: journalctl -u {unit} on {names}, and what else sets addresses there (networkd, NetworkManager)",
        cause="its address is removed by something else than keepalived, or its check fails for a moment",
        about=About(instance=name),
    )


def _flapping(view: RuleInput, name: str, moves: Sequence[Words], own: Sequence[OwnRun], now: float) -> Finding:
    """Moves that runs of iamops made are no alarm: whoever began them knows."""
    address, unit = view.state.profile.vrrp[name].address, view.state.profile.keepalived.unit
    whose = f", {len(own)} of them by iamops ({own_words(own[-1])})" if own else ""
    return Finding(
        "vip-flapping",
        Severity.INFO if len(moves) - len(own) < FLAPPING_MOVES else Severity.WARNING,
        f"VIP {address} moved {len(moves)} times in {RECENT_S / 60:.0f} minutes{whose}",
        tuple(line(node, said, now) for node, said in moves[-SHOWN:]),
        f"look: journalctl -u {unit} on every node",
        cause="a check on the edge of failing, adverts that are lost now and then, or somebody moving it",
        about=About(instance=name),
    )
