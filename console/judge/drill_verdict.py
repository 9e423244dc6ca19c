"""Compares what was seen during a drill with what it expected and with what VRRP's theory allows. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from console.judge.drill_evidence import AddressSeen, Evidence, LegRun
from console.judge.drill_report import Failure, FailureKind, Invariant, Measure
from console.model.drill import MACHINE_VERBS, Bound, EvenSplit, FailedRequests, Outage, StateOf, Verb, VipOn
from console.model.gap import Gap
from console.model.live import LiveVrrp
from console.plan.legs import Leg
from console.plan.theory import Pair, Window, skew_of, window
from console.plan.timing import LOST_ADVERTS

# A gap begins at the last request before the change, which may lie just before our command's own time.
BEFORE_S = 0.05
# Kernel and daemon act one after the other; adverts and address changes take their milliseconds.
OVERLAP_S = 0.1
VIP_WAY, SAME_CONFIG = "the VIP goes where it should", "the configuration stays what it was"
STOPPED = "STOP"
# A command that takes a machine away needs a moment itself, and nobody knows when in it the machine went.
FENCING_S = 0.5


@dataclass(frozen=True, slots=True)
class Course:
    """The legs, what each node runs with, and what may be added to theory."""

    legs: tuple[Leg, ...]
    live: dict[str, LiveVrrp]
    allowance_s: float

    def allowance_of(self, leg: Leg) -> float:
        return self.allowance_s + (FENCING_S if leg.move.verb in MACHINE_VERBS else 0.0)

    def pair(self, leg: Leg) -> Pair:
        return Pair(self.live[leg.owner], self.live[leg.standby])

    def window(self, leg: Leg, bound: Bound) -> Window:
        return window(bound, self.pair(leg), self.live[leg.acted_on])


@dataclass(frozen=True, slots=True)
class Slice:
    """One leg's part of the evidence: from its first command to the first command of the next.

    What belongs to it is told by when it happened: news of it may arrive when the next step has begun.
    """

    leg: Leg
    run: LegRun
    start: float
    end: float

    @property
    def title(self) -> str:
        return self.run.title

    def has(self, at: float, early_s: float = 0.0) -> bool:
        return self.start - early_s <= at < self.end


def slices(course: Course, evidence: Evidence) -> tuple[Slice, ...]:
    """The legs that were begun. The last one ends when its steps were over, or with the drill if all is done."""
    begun = [run for run in evidence.legs if run.began is not None]
    found: list[Slice] = []
    for run, after in zip(begun, [*begun[1:], None], strict=True):
        end = after.began if after is not None else _end(run, evidence)
        found.append(Slice(course.legs[run.number], run, run.began or 0.0, end or evidence.ended))
    return tuple(found)


def measures(course: Course, evidence: Evidence) -> tuple[Measure, ...]:
    """Every bound of the drill beside what was measured, in the order of the steps."""
    return tuple(each for part in slices(course, evidence) for each in _measured(course, evidence, part))


def failures(course: Course, evidence: Evidence, measured: Sequence[Measure]) -> tuple[Failure, ...]:
    """Everything that was not as expected, what is wrong before what is merely slow."""
    parts = slices(course, evidence)
    found = [
        *(failure for part in parts for failure in _wrong_transitions(evidence, part)),
        *(_invariant_failure(each) for each in invariants(course, evidence) if not each.holds),
        *(failure for part in parts for failure in _client_failures(evidence, part)),
        *(failure for part in parts for failure in _split_failures(part)),
        *_notify_failures(course, evidence),
        *(_measure_failure(each) for each in measured if not each.holds),
    ]
    return tuple(dict.fromkeys(found))


def invariants(course: Course, evidence: Evidence) -> tuple[Invariant, ...]:
    """What must hold all the time."""
    return (
        _never_two(course, evidence),
        _never_none(course, evidence),
        _way_of_the_vip(course, evidence),
        _same_config(course, evidence),
    )


# --- bounds ---


def _measured(course: Course, evidence: Evidence, part: Slice) -> Iterator[Measure]:
    for each in part.leg.move.expect:
        match each:
            case VipOn():
                node = part.leg.node(each.who)
                at = next(
                    (a.at for a in evidence.addresses if a.present and a.node == node and part.has(a.happened)),
                    None,
                )
                yield _measure(course, part, f"VIP on {node}", each.within, at, _path(course, evidence, part))
            case StateOf():
                node = part.leg.node(each.who)
                entered = (
                    s.at
                    for s in evidence.states
                    if (s.node, s.state) == (node, each.state) and part.has(s.happened)
                )
                yield _measure(course, part, f"{node} {each.state}", each.within, next(entered, None), "")
            case Outage() if evidence.measured:
                longest = max((gap.duration_ms for gap in _gaps(evidence, part)), default=0.0)
                at = part.start + longest / 1000
                yield _measure(course, part, "client outage", each.at_most, at, _path(course, evidence, part))
            case _:
                continue


def _measure(course: Course, part: Slice, what: str, bound: Bound, at: float | None, path: str) -> Measure:
    allowed = course.window(part.leg, bound)
    return Measure(
        step=part.title,
        what=what,
        rule=bound.text,
        measured_ms=None if at is None else round((at - part.start) * 1000, 1),
        lower_ms=round(allowed.lower_s * 1000, 1),
        upper_ms=round(allowed.upper_s * 1000, 1),
        allowance_ms=round(course.allowance_of(part.leg) * 1000, 1),
        path=path,
    )


def _path(course: Course, evidence: Evidence, part: Slice) -> str:
    """Did the taker hear the farewell (priority 0), or did it wait until it missed the adverts?"""
    if not part.leg.moves_vip:
        return ""
    own = [a for a in evidence.addresses if part.has(a.happened)]
    left = next((a.happened for a in own if not a.present and a.node == part.leg.owner), None)
    came = next((a.happened for a in own if a.present and a.node == part.leg.next_owner), None)
    if left is None or came is None:
        return "timeout" if came is not None else ""
    pair = course.pair(part.leg)
    quick = came - left < skew_of(pair.taker) + pair.owner.advert_interval_s
    return "farewell" if quick else "timeout"


def _measure_failure(measure: Measure) -> Failure:
    where = f"{measure.what} after '{measure.step}'"
    if measure.measured_ms is None:
        return Failure(FailureKind.WRONG_TRANSITION, f"{where} never came", measure.step)
    allowed = f"{measure.upper_ms:.0f} ms allowed by {measure.rule}, and {measure.allowance_ms:.0f} ms for the way"
    return Failure(FailureKind.OVER_BUDGET, f"{where}: {measure.measured_ms:.0f} ms; {allowed}", measure.step)


# --- transitions ---


def _wrong_transitions(evidence: Evidence, part: Slice) -> Iterator[Failure]:
    wanted = [(part.leg.node(each.who), each.state) for each in part.leg.move.transitions]
    found = [
        (seen.node, seen.state)
        for seen in sorted(evidence.states, key=lambda s: s.happened)
        if part.has(seen.happened)
    ]
    for node in dict.fromkeys([*(n for n, _ in wanted), *(n for n, _ in found)]):
        expected = [state for each, state in wanted if each == node]
        entered = [state for each, state in found if each == node]
        if expected != entered:
            text = f"{node} should have entered {_listed(expected)} and entered {_listed(entered)}"
            yield Failure(FailureKind.WRONG_TRANSITION, f"after '{part.title}' {text}", part.title)


def _way_of_the_vip(course: Course, evidence: Evidence) -> Invariant:
    """The nodes that held the VIP alone, one after the other."""
    alone = [next(iter(holders)) for _, _, holders in _holdings(evidence) if len(holders) == 1]
    way = _without_repeats([evidence.owner, *alone])
    begun = {run.number for run in evidence.legs if run.began is not None}
    wanted = _without_repeats([evidence.owner, *(leg.next_owner for leg in course.legs if leg.number in begun)])
    text = f"the VIP went {' -> '.join(way)}"
    if way == wanted:
        return Invariant(VIP_WAY, True, text)
    return Invariant(VIP_WAY, False, f"{text}, instead of {' -> '.join(wanted)}")


# --- owners ---


def _never_two(course: Course, evidence: Evidence) -> Invariant:
    longest_s, unsure_s = 0.0, 0.0
    for start, end, holders in _holdings(evidence):
        if len(holders) > 1:
            longest_s = max(longest_s, end - start)
    unsure_s = max((a.uncertainty_s for a in evidence.addresses), default=0.0)
    allowed_s = OVERLAP_S + unsure_s + (_advert_s(course) if _thaws(course) else 0.0)
    text = f"longest time with two owners: {longest_s * 1000:.0f} ms of {allowed_s * 1000:.0f} ms"
    return Invariant("never two owners", longest_s <= allowed_s, text)


def _never_none(course: Course, evidence: Evidence) -> Invariant:
    longest_s = max((end - start for start, end, holders in _holdings(evidence) if not holders), default=0.0)
    allowed_s = max((_silence_s(course, leg) for leg in course.legs if leg.moves_vip), default=0.0)
    allowed_s += max((course.allowance_of(leg) for leg in course.legs), default=0.0)
    text = f"longest time without an owner: {longest_s * 1000:.0f} ms of {allowed_s * 1000:.0f} ms"
    return Invariant("never without an owner for longer than theory", longest_s <= allowed_s, text)


def _silence_s(course: Course, leg: Leg) -> float:
    """From the owner's last moment to the taker's first: a skew, or the whole wait where no farewell came."""
    pair = course.pair(leg)
    if leg.move.verb in MACHINE_VERBS:
        return LOST_ADVERTS * pair.owner.advert_interval_s + skew_of(pair.taker)
    return skew_of(pair.taker)


def _holdings(evidence: Evidence) -> Iterator[tuple[float, float, frozenset[str]]]:
    """Spans of time and who held the VIP in them, on one clock."""
    holders = {evidence.owner}
    changes = sorted(evidence.addresses, key=lambda a: a.happened)
    edges = [evidence.began, *(a.happened for a in changes), evidence.ended]
    for (start, end), change in zip(pairwise(edges), [*changes, None], strict=True):
        yield start, end, frozenset(holders)
        if change is not None:
            _apply(holders, change)


def _apply(holders: set[str], change: AddressSeen) -> None:
    if change.present:
        holders.add(change.node)
    else:
        holders.discard(change.node)


def _same_config(course: Course, evidence: Evidence) -> Invariant:
    """A restart loads what lies on the disk: an edit that nobody had loaded shows itself only now."""
    told = [
        f"{node} came back with {', '.join(changes)}"
        for node, after in evidence.live_after.items()
        if not course.live[node].assumed and (changes := course.live[node].changes(after))
    ]
    return Invariant(SAME_CONFIG, not told, "; ".join(told) or "every node runs with what it ran with before")


def _invariant_failure(invariant: Invariant) -> Failure:
    kinds = {VIP_WAY: FailureKind.WRONG_TRANSITION, SAME_CONFIG: FailureKind.CONFIG}
    return Failure(kinds.get(invariant.name, FailureKind.INVARIANT), invariant.text)


# --- clients, backends, logs ---


def _client_failures(evidence: Evidence, part: Slice) -> Iterator[Failure]:
    for each in part.leg.move.expect:
        if not isinstance(each, FailedRequests):
            continue
        failed = sum(gap.refused + gap.dark + gap.wrong for gap in _gaps(evidence, part))
        failed += sum(int(domain["failed"]) for domain in part.run.said.values())
        if failed > each.at_most:
            text = f"{failed} requests failed after '{part.title}'; {each.at_most} may"
            yield Failure(FailureKind.CLIENT, text, part.title)


def _split_failures(part: Slice) -> Iterator[Failure]:
    if not any(isinstance(each, EvenSplit) for each in part.leg.move.expect):
        return
    for domain, said in part.run.said.items():
        unread = said["unread"]
        if unread:
            why = "; ".join(f"{node}: {reason}" for node, reason in unread.items())
            yield Failure(
                FailureKind.SPLIT, f"{domain}: where its requests went cannot be told: {why}", part.title
            )
            continue
        counts = said["backends"]
        spare = int(said["others"]) + (1 if said["sent"] % max(1, len(counts)) else 0)
        if counts and max(counts.values()) - min(counts.values()) > spare:
            told = ", ".join(f"{count} on {node}" for node, count in counts.items())
            yield Failure(FailureKind.SPLIT, f"{domain}: of {said['sent']} requests {told}", part.title)


def _notify_failures(course: Course, evidence: Evidence) -> Iterator[Failure]:
    """The notify log as a whole, node by node. Its clock counts seconds, so only its order is compared."""
    for node, expected, words in _notified(course, evidence):
        if words is None:
            why = evidence.notify_reason.get(node, "no reason known")
            yield Failure(FailureKind.NOTIFY, f"the notify log of {node} cannot be read: {why}")
        elif words != expected and not _only_stops_missing(expected, words):
            text = f"the notify log of {node} should say {_listed(expected)} and says {_listed(words)}"
            yield Failure(FailureKind.NOTIFY, text)


def notes(course: Course, evidence: Evidence) -> tuple[str, ...]:
    """What is worth knowing and proves nothing: keepalived's last script may be ended by systemd as it
    ends the unit (KillMode=control-group), before it has written notify_stop.
    """
    return tuple(
        f"notify_stop was not written on {node}: systemd may end keepalived's last script with it"
        for node, expected, words in _notified(course, evidence)
        if words is not None and words != expected and _only_stops_missing(expected, words)
    )


def _notified(course: Course, evidence: Evidence) -> Iterator[tuple[str, list[str], list[str] | None]]:
    """Node, what its notify log should have gained, and what it has. Nothing where no log was asked about."""
    done = {run.number for run in evidence.legs if run.stage == "done"}
    wanted = [(leg.node(each.who), str(each.state)) for leg in course.legs for each in leg.move.notify]
    if not wanted or len(done) < len(course.legs):
        return
    for node, words in evidence.notify.items():
        expected = [state for each, state in wanted if each == node]
        yield node, expected, None if words is None else list(words)


def _only_stops_missing(expected: list[str], words: list[str]) -> bool:
    lasting = [word for word in expected if word != STOPPED]
    return [word for word in words if word != STOPPED] == lasting and words.count(STOPPED) < expected.count(
        STOPPED
    )


# --- small things ---


def _gaps(evidence: Evidence, part: Slice) -> list[Gap]:
    return [gap for gap in evidence.gaps if part.has(gap.began, BEFORE_S)]


def _end(run: LegRun, evidence: Evidence) -> float | None:
    """What an undo brings about is no part of the leg that failed."""
    return evidence.ended if run.stage == "done" else run.acted_until


def _thaws(course: Course) -> bool:
    """A machine that was frozen wakes up as the owner it was: two, until the better one is heard."""
    return any(leg.move.verb is Verb.THAW for leg in course.legs)


def _advert_s(course: Course) -> float:
    return max(live.advert_interval_s for live in course.live.values())


def _without_repeats(names: Sequence[str]) -> list[str]:
    return [name for n, name in enumerate(names) if n == 0 or name != names[n - 1]]


def _listed(words: Sequence[object]) -> str:
    return ", ".join(str(word) for word in words) or "nothing"
