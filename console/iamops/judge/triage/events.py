"""Findings over time: what came and went, what journals add, whether all is calm, and what stands now. Pure."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from iamops.judge.findings import Diagnosis, Finding, Key, flat
from iamops.judge.triage.correlate import correlate
from iamops.model.facts import LinkState, ProbeReport, Severity, VrrpState
from iamops.model.journal import TimelineEvent, TimelineEventKind
from iamops.model.observed import Known, Observed
from iamops.model.profile import Profile
from iamops.model.state import ClusterState, Notice
from iamops.model.text import lasting
from iamops.model.vip import OwnedBy, owner_of

# Its beginning and its end are events of their own.
TELLS_ITSELF = frozenset({"split-brain"})
# What is absent for a moment only has not ended.
OVER_AFTER_S = 3.0
# The event list has room for some 200 lines: units that restart for ever must not take that of moves.
KEPT = 60
UNITS_KEPT = 40
# What led to a move lies so close before it; clocks that are compared differ by less than SLACK_S.
LEADS_S = 60.0
SLACK_S = 2.0
LOUD = frozenset({VrrpState.FAULT, VrrpState.STOP})


@dataclass(frozen=True, slots=True)
class Raised:
    """One that was reported. `cleared_at`: since when it is not found any more."""

    at: float
    finding: Finding
    cleared_at: float | None = None


@dataclass(frozen=True, slots=True)
class ReportedFindings:
    """Findings whose beginning was reported and whose end was not."""

    raised: Mapping[Key, Raised] = field(default_factory=dict)

    def step(
        self, findings: tuple[Finding, ...], unseen: Collection[str], now: float
    ) -> tuple[ReportedFindings, tuple[Notice, ...]]:
        """What is reported from now on, and the notices of now. Symptoms are reported with their cause.

        What belongs to a node that is not seen, or to the cluster while one is not, is not known to be over.
        """
        present = {finding.key: finding for finding in flat(findings)}
        loud = (finding for finding in findings if finding.severity is not Severity.INFO)
        roots = dict.fromkeys(finding.key for finding in loud if finding.code not in TELLS_ITSELF)
        raised: dict[Key, Raised] = {}
        notices: list[Notice] = []
        for key, was in self.raised.items():
            node = was.finding.node
            cleared_at = None if key in present else now if was.cleared_at is None else was.cleared_at
            blind = bool(unseen) if node is None else node in unseen
            if cleared_at is None or blind or now - cleared_at < OVER_AFTER_S:
                raised[key] = Raised(was.at, present.get(key, was.finding), None if blind else cleared_at)
            else:
                text = f"over after {lasting(cleared_at - was.at)}: {was.finding.title}"
                notices.append(Notice(cleared_at, node, Severity.INFO, text))
        # The list of events begins with the newest: there the worst stands first, as everywhere.
        for key in reversed([key for key in roots if key not in raised]):
            finding = present[key]
            raised[key] = Raised(now, finding)
            following = len(flat((finding,))) - 1
            more = f" (explains {following} more)" if following else ""
            notices.append(Notice(now, finding.node, finding.severity, f"found: {finding.title}{more}"))
        return ReportedFindings(raised), tuple(notices)


def recalled(timeline: Iterable[TimelineEvent], profile: Profile) -> tuple[Notice, ...]:
    """What journals and the ledger remember, as lines of the event list, oldest first: each move of a VIP with
    what led to it. Only kinds and names are compared, never words.
    """
    ordered = sorted(timeline, key=lambda event: event.at)
    units = [event for event in ordered if event.kind is TimelineEventKind.UNIT][-UNITS_KEPT:]
    others = [event for event in ordered if event.kind is not TimelineEventKind.UNIT][-KEPT:]
    moves = dict[int, tuple[str, TimelineEvent | None]]()
    for instance in profile.vrrp:
        last: TimelineEvent | None = None
        for came in ordered:
            if came.kind is not TimelineEventKind.VIP or came.subject != instance or came.word != VrrpState.MASTER:
                continue
            # An owner that let go of nothing was not moved from: that is two owners, or a journal that ends.
            if last is not None and last.node != came.node and _let_go(ordered, last, came, profile):
                moves[id(came)] = last.node or "", _led(ordered, last.node, came, profile)
            last = came
    kept = sorted((*units, *others), key=lambda event: event.at)
    return tuple(_notice(event, profile, moves.get(id(event))) for event in kept)


def _let_go(ordered: Sequence[TimelineEvent], last: TimelineEvent, came: TimelineEvent, profile: Profile) -> bool:
    """Its keepalived left MASTER or ended before the other one came; or the machine was off, and booted since."""
    for event in ordered:
        if event.node != last.node or event.at <= last.at:
            continue
        match event.kind:
            case TimelineEventKind.BOOT:
                return True
            case TimelineEventKind.VIP:
                left = event.subject == last.subject and event.word != VrrpState.MASTER
            case TimelineEventKind.UNIT:
                left = event.subject == profile.keepalived.unit and event.bad
            case _:
                left = False
        if left and event.at <= came.at + SLACK_S:
            return True
    return False


def _led(
    ordered: Sequence[TimelineEvent], left: str | None, came: TimelineEvent, profile: Profile
) -> TimelineEvent | None:
    """Most likely first: an action of ours, what fell over, what came back and took its VIP.

    The units on which a VIP depends before all others: what else stopped in that minute may be none of it.
    """
    near = [e for e in ordered if came.at - LEADS_S <= e.at <= came.at + SLACK_S and e is not came]
    fell = [event for event in near if event.node == left and event.bad]
    rose = [event for event in near if event.node == came.node and not event.bad]
    unit, check, carrying = (
        TimelineEventKind.UNIT,
        TimelineEventKind.CHECK,
        {profile.keepalived.unit, profile.nginx.unit},
    )
    choices = (
        [event for event in near if event.kind is TimelineEventKind.ACTION],
        [event for event in fell if event.kind is unit and event.subject in carrying],
        [event for event in fell if event.kind is check],
        [event for event in near if event.kind is TimelineEventKind.BOOT and event.node == came.node],
        [event for event in rose if event.kind is unit and event.subject in carrying],
        [event for event in rose if event.kind is check],
        [event for event in fell if event.kind is unit],
        [event for event in rose if event.kind is unit],
    )
    return next((found[0] for found in choices if found), None)


def _notice(event: TimelineEvent, profile: Profile, move: tuple[str, TimelineEvent | None] | None) -> Notice:
    def named(event: TimelineEvent) -> str:
        return f"{event.node}: {event.text}" if event.node else event.text

    if move is None:
        severity = Severity.WARNING if event.bad or event.word in LOUD else Severity.INFO
        return Notice(event.at, event.node, severity, named(event), event.source)
    left, cause = move
    why = f" after {named(cause)}" if cause is not None else ""
    text = f"VIP {profile.vrrp[event.subject].address} moved {left} -> {event.node}{why}"
    return Notice(event.at, event.node, Severity.WARNING, text, event.source)


@dataclass(frozen=True, slots=True)
class CalmSigns:
    """Whether anything happens: what is not well, and what would be a change.

    Two that are equal: nothing has happened between them that looking more often could show.
    """

    bad: frozenset[str]
    facts: Hashable


def signs(state: ClusterState, now: float) -> CalmSigns:
    """Owners, states, processes and locks are facts; a probe that fails, or a node that is not reached, is bad."""
    owners = {name: owner_of(state, name, now) for name in state.profile.vrrp}
    bad = {f"vip {name}" for name, owner in owners.items() if not isinstance(owner, OwnedBy)}
    facts: list[Hashable] = []
    for node in state.nodes.values():
        if node.link.state is not LinkState.UP:
            bad.add(f"link {node.name}")
        units = tuple((name, seen.value) for name, seen in node.units.items() if isinstance(seen, Known))
        bad.update(f"unit {node.name} {name}" for name, unit in units if not unit.running)
        bad.update(_failing(node.name, node.ports))
        for group in (node.domains, node.services, *node.from_peers.values()):
            bad.update(_failing(node.name, group))
        vrrp = tuple((name, seen.value.state) for name, seen in node.vrrp.items() if isinstance(seen, Known))
        lock = node.safety.value.lock if isinstance(node.safety, Known) else None
        facts.append((node.link.state, units, vrrp, lock))
    for store, observers in state.datastores.items():
        bad.update(_failing(store, observers))
    bad.update(_failing("client", state.client))
    return CalmSigns(frozenset(bad), (tuple(owners.items()), tuple(facts)))


def _failing(
    whose: str, probes: Mapping[str, Observed[ProbeReport]] | Mapping[int, Observed[ProbeReport]]
) -> Iterator[str]:
    return (f"{whose} {name}" for name, seen in probes.items() if isinstance(seen, Known) and not seen.value.ok)


# What stands now: the live state's findings and those of an earlier inspection, in one tree. Every front counts,
# orders and advises from this tree, so none of them can contradict another.


@dataclass(frozen=True, slots=True)
class EarlierInspection:
    """An inspection that ended at `at` (session time), and what the live state said at that time."""

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
    severities = [finding.severity for finding in flat(findings)]
    quiet = severities.count(Severity.INFO)
    return Tally(len(severities) - quiet, quiet)


def earlier_inspection(diagnosis: Diagnosis, at: float, live: tuple[Finding, ...]) -> EarlierInspection:
    """The inspection, with the live findings of its time."""
    return EarlierInspection(diagnosis, at, _keys(live))


def standing(live: tuple[Finding, ...], look: EarlierInspection | None, now: float) -> tuple[Finding, ...]:
    """Causes first, the worst first. The live state is believed: what it no longer says is over.

    Only what the inspection alone could tell stays as it was seen, older by the time since. Both are put into one
    tree anew: a cause that the inspection found explains what is live, whichever was there first.
    """
    if look is None:
        return correlate(live)
    inspected = flat(look.diagnosis.findings)
    causes = {finding.key: finding.cause for finding in inspected}
    present = [replace(f, explains=(), cause=f.cause or causes.get(f.key, "")) for f in flat(live)]
    over = _keys(live) | look.live_then
    older_s = max(0.0, now - look.at)
    for finding in inspected:
        if finding.key not in over:
            evidence = (e if e.age_s is None else replace(e, age_s=e.age_s + older_s) for e in finding.evidence)
            present.append(replace(finding, explains=(), evidence=tuple(evidence)))
    return correlate(tuple(present))


def inspection_only(live: tuple[Finding, ...], look: EarlierInspection | None) -> frozenset[Key]:
    """The findings that only the inspection could make: they are as old as it is."""
    return _keys(look.diagnosis.findings) - _keys(live) - look.live_then if look is not None else frozenset()


def _keys(findings: tuple[Finding, ...]) -> frozenset[Key]:
    """All of them, explained ones included."""
    return frozenset(finding.key for finding in flat(findings))
