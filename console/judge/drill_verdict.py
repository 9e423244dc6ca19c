"""Everything about a drill that was not as expected, each with its kind. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from console.judge.drill_course import Course, Slice, gaps_of, slices
from console.judge.drill_evidence import Evidence
from console.judge.drill_invariants import SAME_CONFIG, VIP_WAY, invariants, silent_now
from console.judge.drill_notify import listed, notify_failures
from console.judge.drill_report import Failure, FailureKind, Invariant, Measure
from console.judge.split_verdict import split_verdict
from console.model.drill import EvenSplit, FailedRequests


def failures(course: Course, evidence: Evidence, measured: Sequence[Measure]) -> tuple[Failure, ...]:
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


def _client_failures(evidence: Evidence, part: Slice) -> Iterator[Failure]:
    for each in part.leg.move.expect:
        if not isinstance(each, FailedRequests):
            continue
        failed = sum(gap.refused + gap.dark + gap.wrong for gap in gaps_of(evidence, part))
        failed += sum(int(domain["failed"]) for domain in part.run.said.values())
        if failed > each.at_most:
            text = f"{failed} requests failed after '{part.title}'; {each.at_most} may"
            yield Failure(FailureKind.CLIENT, text, part.title)


def _split_failures(part: Slice) -> Iterator[Failure]:
    if not any(isinstance(each, EvenSplit) for each in part.leg.move.expect):
        return
    for domain, said in part.run.said.items():
        counts, answered = said["backends"], said["sent"] - said["failed"]
        verdict = split_verdict(
            said["sent"], counts, others=int(said["others"]), unread=said["unread"], answered=answered
        )
        if verdict.even is None:
            yield Failure(FailureKind.SPLIT, f"{domain}: where its requests went {verdict.text}", part.title)
        if verdict.even is False:
            where = ", ".join(f"{count} on {node}" for node, count in counts.items())
            yield Failure(FailureKind.SPLIT, f"{domain}: of {said['sent']} requests {where}", part.title)
