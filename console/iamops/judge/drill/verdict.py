"""Everything about a drill that was not as expected, each with its kind. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from iamops.judge.balance import split_verdict
from iamops.judge.drill.evidence import (
    SAME_CONFIG,
    VIP_WAY,
    DrillEvidence,
    DrillRunPlan,
    StepWindow,
    gaps_of,
    invariants,
    silent_now,
    slices,
)
from iamops.judge.drill.report import Failure, FailureKind, Invariant, Measure
from iamops.model.drill import Bound, EvenSplit, FailedRequests, Outage, StateOf, VipMovesTo
from iamops.plan.vrrp_timing import skew_of

# The notify log's part in a drill: the lines it should have gained, and those it has. Pure.
#
# Its clock counts seconds, so only its order is compared, node by node.

STOPPED = "STOP"


def notify_failures(course: DrillRunPlan, evidence: DrillEvidence) -> Iterator[Failure]:
    """What is missing from a log, or stands in it too much."""
    for node, expected, words in _notified(course, evidence):
        if words is None:
            why = evidence.notify_reason.get(node, "no reason known")
            yield Failure(FailureKind.NOTIFY, f"the notify log of {node} cannot be read: {why}")
        elif words != expected and not _only_stops_missing(expected, words):
            text = f"the notify log of {node} should say {listed(expected)} and says {listed(words)}"
            yield Failure(FailureKind.NOTIFY, text)


def notify_notes(course: DrillRunPlan, evidence: DrillEvidence) -> tuple[str, ...]:
    """What is worth knowing and proves nothing: keepalived's last script may be ended by systemd as it
    ends the unit (KillMode=control-group), before it has written notify_stop.
    """
    return tuple(
        f"notify_stop was not written on {node}: systemd may end keepalived's last script with it"
        for node, expected, words in _notified(course, evidence)
        if words is not None and words != expected and _only_stops_missing(expected, words)
    )


def _notified(course: DrillRunPlan, evidence: DrillEvidence) -> Iterator[tuple[str, list[str], list[str] | None]]:
    """Node, what its notify log should have gained, and what it has. Nothing where no log was asked about."""
    done = {run.number for run in evidence.step_runs if run.stage == "done"}
    wanted = [(leg.node(each.who), str(each.state)) for leg in course.steps for each in leg.move.notify]
    if not wanted or len(done) < len(course.steps):
        return
    for node, words in evidence.notify.items():
        expected = [state for each, state in wanted if each == node]
        yield node, expected, None if words is None else list(words)


def _only_stops_missing(expected: list[str], words: list[str]) -> bool:
    lasting = [word for word in expected if word != STOPPED]
    return [word for word in words if word != STOPPED] == lasting and words.count(STOPPED) < expected.count(
        STOPPED
    )


def listed(words: Sequence[object]) -> str:
    return ", ".join(str(word) for word in words) or "nothing"


def failures(course: DrillRunPlan, evidence: DrillEvidence, measured: Sequence[Measure]) -> tuple[Failure, ...]:
    """Everything that was not as expected, what is wrong before what is merely slow."""
    parts = slices(course, evidence)
    found = [
        *(failure for part in parts for failure in _wrong_transitions(evidence, part)),
        *(_invariant_failure(each) for each in invariants(course, evidence) if each.holds is False),
        *(Failure(FailureKind.CONFIG, text) for text in silent_now(course, evidence.live_after)),
        *(failure for part in parts for failure in _client_failures(evidence, part)),
        *(failure for part in parts for failure in _split_failures(part)),
        *notify_failures(course, evidence),
        *(_measure_failure(each) for each in measured if not each.holds),
    ]
    return tuple(dict.fromkeys(found))


def _wrong_transitions(evidence: DrillEvidence, part: StepWindow) -> Iterator[Failure]:
    wanted = [(part.step.node(each.who), each.state) for each in part.step.move.transitions]
    found = [
        (seen.node, seen.state)
        for seen in sorted(evidence.states, key=lambda s: s.happened)
        if part.has(seen.happened)
    ]
    for node in dict.fromkeys([*(n for n, _ in wanted), *(n for n, _ in found)]):
        expected = [state for each, state in wanted if each == node]
        entered = [state for each, state in found if each == node]
        if expected != entered:
            text = f"{node} should have entered {listed(expected)} and entered {listed(entered)}"
            yield Failure(FailureKind.WRONG_TRANSITION, f"after '{part.title}' {text}", part.title)


def _invariant_failure(invariant: Invariant) -> Failure:
    kinds = {VIP_WAY: FailureKind.WRONG_TRANSITION, SAME_CONFIG: FailureKind.CONFIG}
    return Failure(kinds.get(invariant.name, FailureKind.INVARIANT), invariant.text)


def _measure_failure(measure: Measure) -> Failure:
    where = f"{measure.what} after '{measure.step}'"
    if measure.measured_ms is None:
        return Failure(FailureKind.WRONG_TRANSITION, f"{where} never came", measure.step)
    allowed = f"{measure.upper_ms:.0f} ms allowed by {measure.rule}, and {measure.allowance_ms:.0f} ms for the way"
    return Failure(FailureKind.OVER_BUDGET, f"{where}: {measure.measured_ms:.0f} ms; {allowed}", measure.step)


def _client_failures(evidence: DrillEvidence, part: StepWindow) -> Iterator[Failure]:
    for each in part.step.move.expect:
        if not isinstance(each, FailedRequests):
            continue
        failed = sum(gap.refused + gap.no_answer + gap.wrong for gap in gaps_of(evidence, part))
        failed += sum(int(domain["failed"]) for domain in part.run.output.values())
        if failed > each.at_most:
            text = f"{failed} requests failed after '{part.title}'; {each.at_most} may"
            yield Failure(FailureKind.CLIENT, text, part.title)


def _split_failures(part: StepWindow) -> Iterator[Failure]:
    if not any(isinstance(each, EvenSplit) for each in part.step.move.expect):
        return
    for domain, said in part.run.output.items():
        counts, answered = said["backends"], said["sent"] - said["failed"]
        verdict = split_verdict(
            said["sent"], counts, others=int(said["others"]), unread=said["unread"], answered=answered
        )
        if verdict.even is None:
            yield Failure(FailureKind.SPLIT, f"{domain}: where its requests went {verdict.text}", part.title)
        if verdict.even is False:
            where = ", ".join(f"{count} on {node}" for node, count in counts.items())
            yield Failure(FailureKind.SPLIT, f"{domain}: of {said['sent']} requests {where}", part.title)


# The bounds of a drill beside what was measured. Pure.


def measures(course: DrillRunPlan, evidence: DrillEvidence) -> tuple[Measure, ...]:
    """Every bound of the drill beside what was measured, in the order of the steps."""
    return tuple(each for part in slices(course, evidence) for each in _measured(course, evidence, part))


def _measured(course: DrillRunPlan, evidence: DrillEvidence, part: StepWindow) -> Iterator[Measure]:
    for each in part.step.move.expect:
        match each:
            case VipMovesTo():
                node = part.step.node(each.who)
                at = next(
                    (a.at for a in evidence.addresses if a.present and a.node == node and part.has(a.happened)),
                    None,
                )
                yield _measure(course, part, f"VIP on {node}", each.within, at, _path(course, evidence, part))
            case StateOf():
                node = part.step.node(each.who)
                entered = (
                    s.at
                    for s in evidence.states
                    if (s.node, s.state) == (node, each.state) and part.has(s.happened)
                )
                yield _measure(course, part, f"{node} {each.state}", each.within, next(entered, None), "")
            case Outage() if evidence.measured:
                longest = max((gap.duration_ms for gap in gaps_of(evidence, part)), default=0.0)
                at = part.start + longest / 1000
                yield _measure(course, part, "client outage", each.at_most, at, _path(course, evidence, part))
            case _:
                continue


def _measure(
    course: DrillRunPlan, part: StepWindow, what: str, bound: Bound, at: float | None, path: str
) -> Measure:
    allowed = course.window(part.step, bound)
    return Measure(
        step=part.title,
        what=what,
        rule=bound.text,
        measured_ms=None if at is None else round((at - part.start) * 1000, 1),
        lower_ms=round(allowed.lower_s * 1000, 1),
        upper_ms=round(allowed.upper_s * 1000, 1),
        allowance_ms=round(course.allowance_of(part.step) * 1000, 1),
        path=path,
    )


def _path(course: DrillRunPlan, evidence: DrillEvidence, part: StepWindow) -> str:
    """Did the taker hear the farewell (priority 0), or did it wait until it missed the adverts?"""
    if not part.step.moves_vip:
        return ""
    own = [a for a in evidence.addresses if part.has(a.happened)]
    left = next((a.happened for a in own if not a.present and a.node == part.step.owner), None)
    came = next((a.happened for a in own if a.present and a.node == part.step.next_owner), None)
    if left is None or came is None:
        return "timeout" if came is not None else ""
    pair = course.pair(part.step)
    quick = came - left < skew_of(pair.taker) + pair.owner.advert_interval_s
    return "farewell" if quick else "timeout"
