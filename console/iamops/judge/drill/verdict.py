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
    invariants,
    silent_now,
    step_windows,
)
from iamops.judge.drill.report import Failure, FailureKind, Measure
from iamops.model.drill import Bound, EvenSplit, FailedRequests, Outage, StateOf, VipMovesTo
from iamops.plan.vrrp_timing import skew_of

STOPPED = "STOP"


def failures(plan: DrillRunPlan, evidence: DrillEvidence, measured: Sequence[Measure]) -> tuple[Failure, ...]:
    """Everything that was not as expected, what is wrong before what is merely slow."""
    windows = tuple(step_windows(plan, evidence))
    found = [failure for window in windows for failure in _wrong_transitions(evidence, window)]
    kinds = {VIP_WAY: FailureKind.WRONG_TRANSITION, SAME_CONFIG: FailureKind.CONFIG}
    broken = (invariant for invariant in invariants(plan, evidence) if invariant.holds is False)
    found += (Failure(kinds.get(each.name, FailureKind.INVARIANT), each.text) for each in broken)
    found += (Failure(FailureKind.CONFIG, text) for text in silent_now(plan, evidence.live_after))
    found += (failure for window in windows for failure in _client_failures(evidence, window))
    found += (failure for window in windows for failure in _split_failures(window))
    found += _notify_failures(plan, evidence)
    found += (_measure_failure(measure) for measure in measured if not measure.holds)
    return tuple(dict.fromkeys(found))


def _wrong_transitions(evidence: DrillEvidence, window: StepWindow) -> Iterator[Failure]:
    wanted = [(window.step.node(each.who), each.state) for each in window.step.move.transitions]
    changes = sorted(evidence.states, key=lambda change: change.happened)
    found = [(change.node, change.state) for change in changes if window.has(change.happened)]
    for node in dict.fromkeys(name for name, _ in (*wanted, *found)):
        expected = [state for name, state in wanted if name == node]
        entered = [state for name, state in found if name == node]
        if expected != entered:
            text = f"{node} should have entered {_listed(expected)} and entered {_listed(entered)}"
            yield Failure(FailureKind.WRONG_TRANSITION, f"after '{window.title}' {text}", window.title)


def _client_failures(evidence: DrillEvidence, window: StepWindow) -> Iterator[Failure]:
    for expected in window.step.move.expect:
        if not isinstance(expected, FailedRequests):
            continue
        failed = sum(gap.refused + gap.no_answer + gap.wrong for gap in window.gaps(evidence))
        failed += sum(int(domain["failed"]) for domain in window.run.output.values())
        if failed > expected.at_most:
            text = f"{failed} requests failed after '{window.title}'; {expected.at_most} may"
            yield Failure(FailureKind.CLIENT, text, window.title)


def _split_failures(window: StepWindow) -> Iterator[Failure]:
    if not any(isinstance(expected, EvenSplit) for expected in window.step.move.expect):
        return
    for domain, found in window.run.output.items():
        sent, counts = found["sent"], found["backends"]
        verdict = split_verdict(
            sent, counts, others=int(found["others"]), unread=found["unread"], answered=sent - found["failed"]
        )
        if verdict.even is None:
            text = f"{domain}: where its requests went {verdict.text}"
        elif verdict.even:
            continue
        else:
            where = ", ".join(f"{count} on {node}" for node, count in counts.items())
            text = f"{domain}: of {sent} requests {where}"
        yield Failure(FailureKind.SPLIT, text, window.title)


def _measure_failure(measure: Measure) -> Failure:
    where = f"{measure.what} after '{measure.step}'"
    if measure.measured_ms is None:
        return Failure(FailureKind.WRONG_TRANSITION, f"{where} never came", measure.step)
    allowed = f"{measure.upper_ms:.0f} ms allowed by {measure.rule}, and {measure.allowance_ms:.0f} ms for the way"
    return Failure(FailureKind.OVER_BUDGET, f"{where}: {measure.measured_ms:.0f} ms; {allowed}", measure.step)


def _notify_failures(plan: DrillRunPlan, evidence: DrillEvidence) -> Iterator[Failure]:
    """What is missing from a notify log, or stands in it too much."""
    for node, expected, words in _notified(plan, evidence):
        if words is None:
            why = evidence.notify_reason.get(node, "no reason known")
            yield Failure(FailureKind.NOTIFY, f"the notify log of {node} cannot be read: {why}")
        elif words != expected and not _only_stops_missing(expected, words):
            text = f"the notify log of {node} should say {_listed(expected)} and says {_listed(words)}"
            yield Failure(FailureKind.NOTIFY, text)


def notify_notes(plan: DrillRunPlan, evidence: DrillEvidence) -> tuple[str, ...]:
    """What is worth knowing and proves nothing: keepalived's last script may be ended by systemd as it
    ends the unit (KillMode=control-group), before it has written notify_stop.
    """
    return tuple(
        f"notify_stop was not written on {node}: systemd may end keepalived's last script with it"
        for node, expected, words in _notified(plan, evidence)
        if words is not None and words != expected and _only_stops_missing(expected, words)
    )


def _notified(plan: DrillRunPlan, evidence: DrillEvidence) -> Iterator[tuple[str, list[str], list[str] | None]]:
    """Node, what its notify log should have gained, and what it has. Nothing where no log was asked about.

    The log's clock counts seconds, so only its order is compared, node by node.
    """
    done = {run.number for run in evidence.step_runs if run.stage == "done"}
    wanted = [(step.node(each.who), str(each.state)) for step in plan.steps for each in step.move.notify]
    if not wanted or len(done) < len(plan.steps):
        return
    for node, words in evidence.notify.items():
        expected = [state for name, state in wanted if name == node]
        yield node, expected, None if words is None else list(words)


def _only_stops_missing(expected: list[str], words: list[str]) -> bool:
    lasting = [word for word in expected if word != STOPPED]
    return [w for w in words if w != STOPPED] == lasting and words.count(STOPPED) < expected.count(STOPPED)


def _listed(words: Sequence[object]) -> str:
    return ", ".join(str(word) for word in words) or "nothing"


def measures(plan: DrillRunPlan, evidence: DrillEvidence) -> tuple[Measure, ...]:
    """Every bound of the drill beside what was measured, in the order of the steps."""
    windows = step_windows(plan, evidence)
    return tuple(measure for window in windows for measure in _measured(plan, evidence, window))


def _measured(plan: DrillRunPlan, evidence: DrillEvidence, window: StepWindow) -> Iterator[Measure]:
    def measure(what: str, bound: Bound, at: float | None, path: str) -> Measure:
        allowed = plan.window(window.step, bound)
        return Measure(
            step=window.title,
            what=what,
            rule=bound.text,
            measured_ms=None if at is None else round((at - window.start) * 1000, 1),
            lower_ms=round(allowed.lower_s * 1000, 1),
            upper_ms=round(allowed.upper_s * 1000, 1),
            allowance_ms=round(plan.allowance_of(window.step) * 1000, 1),
            path=path,
        )

    path = _path(plan, evidence, window)
    for expected in window.step.move.expect:
        match expected:
            case VipMovesTo():
                node = window.step.node(expected.who)
                came = (
                    a.at for a in evidence.addresses if a.present and a.node == node and window.has(a.happened)
                )
                yield measure(f"VIP on {node}", expected.within, next(came, None), path)
            case StateOf():
                entered = window.step.node(expected.who), expected.state
                states = (s for s in evidence.states if window.has(s.happened))
                at = next((s.at for s in states if (s.node, s.state) == entered), None)
                yield measure(f"{entered[0]} {expected.state}", expected.within, at, "")
            case Outage() if evidence.measured:
                longest_ms = max((gap.duration_ms for gap in window.gaps(evidence)), default=0.0)
                yield measure("client outage", expected.at_most, window.start + longest_ms / 1000, path)


def _path(plan: DrillRunPlan, evidence: DrillEvidence, window: StepWindow) -> str:
    """Did the taker hear the farewell (priority 0), or did it wait until it missed the adverts?"""
    step = window.step
    own = [a for a in evidence.addresses if window.has(a.happened)]
    came = next((a.happened for a in own if a.present and a.node == step.next_owner), None)
    if not step.moves_vip or came is None:
        return ""
    left = next((a.happened for a in own if not a.present and a.node == step.owner), None)
    pair = plan.pair(step)
    quick = left is not None and came - left < skew_of(pair.taker) + pair.owner.advert_interval_s
    return "farewell" if quick else "timeout"
