"""Findings that came and went, as events: what is wrong and that it is over, not only what is wrong now. Pure."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from iamops.judge.findings import Diagnosis, Finding, Key, flat
from iamops.judge.triage.correlate import correlate
from iamops.model.facts import LinkState, ProbeReport, Severity, VrrpState
from iamops.model.journal import TimelineEvent, TimelineEventKind
from iamops.model.observed import Known, Observed
from iamops.model.profile import Profile
from iamops.model.state import ClusterState, NodeState, Notice
from iamops.model.text import lasting
from iamops.model.vip import OwnedBy, owner_of

# Its beginning and its end are events already, told when they happen.
TELLS_ITSELF = frozenset({"split-brain"})
# What is gone for a moment only has not ended.
OVER_AFTER_S = 3.0


@dataclass(frozen=True, slots=True)
class Raised:
    """One that was told. `gone_at`: since when it is not found any more."""

    at: float
    finding: Finding
    cleared_at: float | None = None


@dataclass(frozen=True, slots=True)
class ReportedFindings:
    """Findings whose beginning was told and whose end was not."""

    raised: Mapping[Key, Raised] = field(default_factory=dict)

    def step(
        self, findings: tuple[Finding, ...], unseen: Collection[str], now: float
    ) -> tuple[ReportedFindings, tuple[Notice, ...]]:
        """What is told from now on, and what is to be told now. Symptoms are told with their cause.

        What belongs to a node that is not seen, or to the whole cluster while one is not, is not known to be over.
        """
        present = {each.key: each for each in flat(findings)}
        loud = (each for each in findings if each.severity is not Severity.INFO)
        roots = dict.fromkeys(each.key for each in loud if each.code not in TELLS_ITSELF)
        raised: dict[Key, Raised] = {}
        notices: list[Notice] = []
        for name, was in self.raised.items():
            gone_at = None if name in present else now if was.cleared_at is None else was.cleared_at
            blind = bool(unseen) if was.finding.node is None else was.finding.node in unseen
            if gone_at is None or blind or now - gone_at < OVER_AFTER_S:
                raised[name] = Raised(was.at, present.get(name, was.finding), None if blind else gone_at)
            else:
                notices.append(_over(was, gone_at))
        # The list of events begins with the newest: there the worst stands first, as everywhere.
        for name in reversed([each for each in roots if each not in raised]):
            raised[name] = Raised(now, present[name])
            notices.append(_begun(present[name], now))
        return ReportedFindings(raised), tuple(notices)


def _begun(finding: Finding, now: float) -> Notice:
    following = len(flat((finding,))) - 1
    more = f" (explains {following} more)" if following else ""
    return Notice(now, finding.node, finding.severity, f"found: {finding.title}{more}")


def _over(was: Raised, gone_at: float) -> Notice:
    text = f"over after {lasting(gone_at - was.at)}: {was.finding.title}"
    return Notice(gone_at, was.finding.node, Severity.INFO, text)


# What journals and the ledger remember, as lines of the event list: each move of a VIP with what led to it. Pure.
#
# Only kinds and names are compared, never words.

# The event list has room for some 200 lines: units that restart for ever must not take that of moves.
KEPT = 60
UNITS_KEPT = 40
# What led to a move lies so close before it; clocks that are compared differ by less than SLACK_S.
LEADS_S = 60.0
SLACK_S = 2.0
LOUD = frozenset({VrrpState.FAULT, VrrpState.STOP})


def recalled(happenings: Iterable[TimelineEvent], profile: Profile) -> tuple[Notice, ...]:
    """Oldest first."""
    every = sorted(happenings, key=lambda each: each.at)
    units = [each for each in every if each.kind is TimelineEventKind.UNIT][-UNITS_KEPT:]
    others = [each for each in every if each.kind is not TimelineEventKind.UNIT][-KEPT:]
    moves = {id(came): (left, cause) for came, left, cause in _moves(every, profile)}
    kept = sorted((*units, *others), key=lambda each: each.at)
    return tuple(_notice(each, profile, moves.get(id(each))) for each in kept)


def _moves(
    every: Sequence[TimelineEvent], profile: Profile
) -> Iterator[tuple[TimelineEvent, str, TimelineEvent | None]]:
    """(who came to hold a VIP, who held it before, what led to it). An owner that let go of nothing was not moved
    from: that is two owners, or a journal that ends.
    """
    for instance in profile.vrrp:
        last: TimelineEvent | None = None
        for came in every:
            if came.kind is not TimelineEventKind.VIP or came.subject != instance or came.word != VrrpState.MASTER:
                continue
            if last is not None and last.node != came.node and _let_go(every, last, came, profile):
                yield came, last.node or "", _led(every, last.node, came, profile)
            last = came


def _let_go(every: Sequence[TimelineEvent], last: TimelineEvent, came: TimelineEvent, profile: Profile) -> bool:
    """Its keepalived left MASTER or ended before the other one came; or the machine was off, and booted since."""
    for each in every:
        if each.node != last.node or each.at <= last.at:
            continue
        if each.kind is TimelineEventKind.BOOT:
            return True
        gone = (
            each.kind is TimelineEventKind.VIP and each.subject == last.subject and each.word != VrrpState.MASTER
        )
        ended = each.kind is TimelineEventKind.UNIT and each.subject == profile.keepalived.unit and each.bad
        if (gone or ended) and each.at <= came.at + SLACK_S:
            return True
    return False


def _led(
    every: Sequence[TimelineEvent], left: str | None, came: TimelineEvent, profile: Profile
) -> TimelineEvent | None:
    """An action of ours before what fell over, and that before what came back and took its VIP.

    The units on which a VIP depends before all others: what else stopped in that minute may be none of it.
    """
    near = [each for each in every if came.at - LEADS_S <= each.at <= came.at + SLACK_S and each is not came]
    carrying = {profile.keepalived.unit, profile.nginx.unit}
    units = [each for each in near if each.kind is TimelineEventKind.UNIT]
    fell = [each for each in units if each.node == left and each.bad]
    rose = [each for each in units if each.node == came.node and not each.bad]
    choices = (
        [each for each in near if each.kind is TimelineEventKind.ACTION],
        [each for each in fell if each.subject in carrying],
        [each for each in near if each.kind is TimelineEventKind.CHECK and each.node == left and each.bad],
        [each for each in near if each.kind is TimelineEventKind.BOOT and each.node == came.node],
        [each for each in rose if each.subject in carrying],
        [
            each
            for each in near
            if each.kind is TimelineEventKind.CHECK and each.node == came.node and not each.bad
        ],
        fell,
        rose,
    )
    return next((found[0] for found in choices if found), None)


def _notice(each: TimelineEvent, profile: Profile, move: tuple[str, TimelineEvent | None] | None) -> Notice:
    severity = Severity.WARNING if each.bad or each.word in LOUD else Severity.INFO
    at_node = f"{each.node}: " if each.node else ""
    notice = Notice(each.at, each.node, severity, f"{at_node}{each.text}", each.source)
    if move is None:
        return notice
    left, cause = move
    vip = profile.vrrp[each.subject].address
    why = f" after {_named(cause)}" if cause is not None else ""
    return replace(notice, severity=Severity.WARNING, text=f"VIP {vip} moved {left} -> {each.node}{why}")


def _named(cause: TimelineEvent) -> str:
    return f"{cause.node}: {cause.text}" if cause.node else cause.text


# Whether anything happens: what is not well, and what would be news if it changed. Pure.


@dataclass(frozen=True, slots=True)
class CalmSigns:
    """Two that are equal: nothing has happened between them that looking more often could show."""

    bad: frozenset[str]
    facts: Hashable


def signs(state: ClusterState, now: float) -> CalmSigns:
    """Owners, states, processes and locks are facts; a probe that fails, or a node that is not reached, is bad."""
    owners = {name: owner_of(state, name, now) for name in state.profile.vrrp}
    contested = (f"vip {name}" for name, owner in owners.items() if not isinstance(owner, OwnedBy))
    facts = (tuple(owners.items()), tuple(_facts(node) for node in state.nodes.values()))
    return CalmSigns(frozenset((*contested, *_bad(state))), facts)


def _bad(state: ClusterState) -> Iterator[str]:
    for node in state.nodes.values():
        if node.link.state is not LinkState.UP:
            yield f"link {node.name}"
        yield from (
            f"unit {node.name} {unit}"
            for unit, seen in node.units.items()
            if isinstance(seen, Known) and not seen.value.running
        )
        yield from _failing(node.name, node.ports)
        for group in (node.domains, node.services, *node.from_peers.values()):
            yield from _failing(node.name, group)
    for store, views in state.datastores.items():
        yield from _failing(store, views)
    yield from _failing("client", state.client)


def _failing(
    whose: str, probes: Mapping[str, Observed[ProbeReport]] | Mapping[int, Observed[ProbeReport]]
) -> Iterator[str]:
    return (f"{whose} {name}" for name, seen in probes.items() if isinstance(seen, Known) and not seen.value.ok)


def _facts(node: NodeState) -> Hashable:
    units = tuple((name, seen.value) for name, seen in node.units.items() if isinstance(seen, Known))
    vrrp = tuple((name, seen.value.state) for name, seen in node.vrrp.items() if isinstance(seen, Known))
    lock = node.safety.value.lock if isinstance(node.safety, Known) else None
    return node.link.state, units, vrrp, lock


# What stands now: the live state's findings and those of a deep look that is some time old, in one tree. Pure.
#
# Every front counts, orders and advises from this tree, so none of them can contradict another.


@dataclass(frozen=True, slots=True)
class EarlierInspection:
    """A deep look that ended at `at` (session time), and what the live state said at that time."""

    diagnosis: Diagnosis
    at: float
    live_then: frozenset[Key]


@dataclass(frozen=True, slots=True)
class Tally:
    """How many findings there are, explained ones included: `loud` of them are warnings or worse."""

    loud: int
    quiet: int

    def __str__(self) -> str:
        """`3`, or `3 + 2 info`: the same words in every front."""
        return f"{self.loud} + {self.quiet} info" if self.quiet else str(self.loud)


def tally(findings: tuple[Finding, ...]) -> Tally:
    every = flat(findings)
    quiet = sum(each.severity is Severity.INFO for each in every)
    return Tally(len(every) - quiet, quiet)


def earlier_inspection(diagnosis: Diagnosis, at: float, live: tuple[Finding, ...]) -> EarlierInspection:
    """The look, with the live findings of its time."""
    return EarlierInspection(diagnosis, at, keys(live))


def keys(findings: tuple[Finding, ...]) -> frozenset[Key]:
    """All of them, explained ones included."""
    return frozenset(each.key for each in flat(findings))


def standing(live: tuple[Finding, ...], look: EarlierInspection | None, now: float) -> tuple[Finding, ...]:
    """Causes first, the worst first. The live state is believed: what it no longer says is over.

    Only what the look alone could tell stays as it was seen, older by the time since. Both are put into one tree
    anew: a cause that the look found explains what is live, whichever was there first.
    """
    if look is None:
        return correlate(live)
    causes = {each.key: each.cause for each in flat(look.diagnosis.findings)}
    present = tuple(
        replace(each, explains=(), cause=each.cause or causes.get(each.key, "")) for each in flat(live)
    )
    over = keys(live) | look.live_then
    older_s = max(0.0, now - look.at)
    deep = (_aged(each, older_s) for each in flat(look.diagnosis.findings) if each.key not in over)
    return correlate((*present, *deep))


def only_deep(live: tuple[Finding, ...], look: EarlierInspection | None) -> frozenset[Key]:
    """Which of what stands only the look could tell, so that it is as old as the look."""
    return keys(look.diagnosis.findings) - keys(live) - look.live_then if look is not None else frozenset()


def _aged(finding: Finding, older_s: float) -> Finding:
    evidence = (
        each if each.age_s is None else replace(each, age_s=each.age_s + older_s) for each in finding.evidence
    )
    return replace(finding, explains=(), evidence=tuple(evidence))
