"""A drill that is over, judged from its evidence alone: failures, measures, the verdict and the report. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

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
    taken_away,
)
from iamops.judge.drill.report import (
    ClientView,
    DrillReport,
    DrillVerdict,
    Failure,
    FailureKind,
    Invariant,
    Measure,
    NodeFacts,
    TimelineEntry,
)
from iamops.judge.run import Outcome, RestoredBy, RunReport, Stage
from iamops.model.drill import Bound, Drill, EvenSplit, FailedRequests, Outage, StateOf, VipMovesTo
from iamops.model.outage import Gap, GapReport, not_measured
from iamops.model.state import ClusterState
from iamops.plan.vrrp_timing import skew_of

GAPS_SHOWN = 20
# A probe that was away for so long has not measured an outage.
UNSEEN_MAX_MS = 1000.0
STOPPED = "STOP"


@dataclass(frozen=True, slots=True)
class FinishedDrill:
    """Times are session time. `state` is the cluster's at `now`, when the drill is judged; `timeline` has what was
    recorded, without the client's part. `unread`: what there was no time to look at.
    """

    drill: Drill
    who: str
    run: RunReport
    began: float
    now: float
    state: ClusterState
    course: DrillRunPlan
    evidence: DrillEvidence
    timeline: tuple[TimelineEntry, ...]
    nodes: tuple[NodeFacts, ...]
    timed_out: bool = False
    unread: tuple[str, ...] = ()

    @property
    def interrupted(self) -> bool:
        """By a person, not by the drill's own limit."""
        return self.run.interrupted and not self.timed_out


def drill_report(done: FinishedDrill) -> DrillReport:
    """Judges it. What was refused, or never came to a step, is not measured against anything."""
    run, course, seen, profile = done.run, done.course, done.evidence, done.state.profile
    acted = run.outcome not in (Outcome.REFUSED, None) and bool(run.steps)
    # A machine that was taken away holds no address, though its kernel did not say so.
    evidence = replace(seen, addresses=(*seen.addresses, *taken_away(course, run.steps)))
    measured = measures(course, evidence) if acted else ()
    found = [*_interruption(done), *(failures(course, evidence, measured) if acted else ()), *_own_failures(done)]
    verdict = verdict_of(run, found, done.unread)
    longest_ms = max((gap.duration_ms for gap in seen.gaps), default=0.0)
    timeline = [*done.timeline]
    for gap in seen.gaps:
        text = f"no good answer for {gap.duration_ms:.0f} ms: {gap_words(gap)}"
        timeline.append(TimelineEntry(round(gap.began - done.began, 4), None, "client", text))
    notes = [*run.notes, *(run.plan.notes if run.plan else ())]
    notes += notify_notes(course, evidence) if acted else ()
    notes += [judged_in_part(done.unread)] if done.unread else []
    return DrillReport(
        drill=done.drill.name,
        title=done.drill.title,
        profile=profile.name,
        environment=str(profile.environment),
        run=run.run,
        who=done.who,
        began_at=done.began,
        duration_s=round((run.ended or done.now) - done.began, 3),
        verdict=verdict,
        sentence=sentence_of(verdict, run, found, longest_ms, done.unread),
        failures=tuple(found),
        denials=run.denials,
        steady_state=tuple(_steady_state(done)),
        measures=measured,
        invariants=invariants(course, evidence) if acted else (),
        steps=run.steps,
        timeline=tuple(sorted(timeline, key=lambda entry: entry.at_s)),
        client=client_view(run.gap, seen.gaps, seen, done.began),
        nodes=done.nodes,
        splits=splits_of(evidence),
        restored_by=run.restored_by,
        interrupted=done.interrupted,
        stays=done.interrupted and not run.put_back,
        notes=tuple(notes),
        plan=run.plan,
    )


def _interruption(done: FinishedDrill) -> Iterator[Failure]:
    """Before everything else: what was not done cannot have failed."""
    run = done.run
    if done.interrupted and run.outcome is Outcome.FAILED:
        under_way = next((s.step.title for s in run.steps if s.began is not None and not s.over), "")
        finished = sum(step.stage is Stage.DONE for step in run.steps)
        where = f"in '{under_way}'" if under_way else f"when {finished} of {len(run.steps)} steps were done"
        text = f"{where}, and {'un' if run.put_back else 'not un'}done"
        yield Failure(FailureKind.INTERRUPTED, text, under_way)


def _own_failures(done: FinishedDrill) -> Iterator[Failure]:
    """What the engine itself says: a step without its effect, a steady state that did not return."""
    run = done.run
    failed = next((step for step in run.steps if step.stage is Stage.FAILED), None)
    if done.timed_out:
        limit = f"it took longer than {done.drill.max_duration_s:.0f} s and was undone"
        yield Failure(FailureKind.TIMEOUT, limit)
    elif run.outcome is not Outcome.FAILED or run.interrupted:
        return
    elif failed is not None:
        yield Failure(FailureKind.STEP, f"{failed.step.title}: {failed.text}", failed.step.title)
    else:
        yield Failure(FailureKind.STEADY_STATE, f"afterwards: {run.sentence}")


def _steady_state(done: FinishedDrill) -> Iterator[Invariant]:
    run = done.run
    if run.plan is None:
        return
    for expected in run.plan.steady_state if run.outcome is Outcome.SUCCEEDED else run.plan.before:
        observed = expected.judge(done.state, float("-inf"), done.now)
        yield Invariant(expected.sentence, observed.holds, observed.text)


def verdict_of(run: RunReport, found: Sequence[Failure], unseen: Sequence[str] = ()) -> DrillVerdict:
    """`unseen`: what nobody looked at any more when it was judged. That it was well is not known."""
    if run.outcome is Outcome.REFUSED:
        return DrillVerdict.REFUSED
    if run.outcome in (Outcome.UNKNOWN, None):
        return DrillVerdict.UNKNOWN
    if found or run.outcome is Outcome.FAILED:
        return DrillVerdict.FAIL
    return DrillVerdict.UNKNOWN if unseen or _unseen_ms(run) >= UNSEEN_MAX_MS else DrillVerdict.PASS


def sentence_of(
    verdict: DrillVerdict, run: RunReport, found: Sequence[Failure], outage_ms: float, unseen: Sequence[str] = ()
) -> str:
    if verdict is DrillVerdict.PASS:
        lost = f"the longest outage a client saw was {outage_ms:.0f} ms" if outage_ms else "no request failed"
        return f"everything as theory allows; {lost}" if run.gap is not None else "everything as expected"
    if verdict is DrillVerdict.FAIL and found and found[0].kind is not FailureKind.INTERRUPTED:
        restored = f" (restored by the {run.restored_by})" if run.restored_by is RestoredBy.DEAD_MAN else ""
        return f"{found[0].kind}: {found[0].text}{restored}"
    if verdict is DrillVerdict.UNKNOWN and run.outcome is Outcome.SUCCEEDED:
        if unseen:
            return f"every step succeeded; {judged_in_part(unseen)}; run it again"
        return f"{not_measured(_unseen_ms(run))}: what clients lost meanwhile is not known; run it again"
    return run.sentence


def judged_in_part(unseen: Sequence[str]) -> str:
    return f"judged in part: interrupted before this was read: {', '.join(unseen)}"


def _unseen_ms(run: RunReport) -> float:
    return run.gap.not_measured_ms if run.gap is not None else 0.0


def client_view(
    gap: GapReport | None, gaps: Sequence[Gap], evidence: DrillEvidence, began: float
) -> ClientView | None:
    if gap is None:
        return None
    spent = [lost.spent_ms for lost in gaps]
    return ClientView(
        attempts=gap.attempts,
        failed=gap.refused + gap.no_answer + gap.wrong,
        longest_ms=gap.longest_ms or 0.0,
        total_ms=gap.total_ms,
        refused_ms=round(sum(by_kind.get("refused", 0.0) for by_kind in spent), 1),
        no_answer_ms=round(sum(by_kind.get("dark", 0.0) for by_kind in spent), 1),
        wrong_ms=round(sum(by_kind.get("wrong", 0.0) for by_kind in spent), 1),
        stale_ms=_stale_ms(gap, evidence),
        resolution_ms=gap.resolution_ms,
        not_measured_ms=gap.not_measured_ms,
        gaps=tuple(
            (round(g.began - began, 4), g.duration_ms, g.refused, g.no_answer, g.wrong) for g in gaps[:GAPS_SHOWN]
        ),
    )


def _stale_ms(gap: GapReport, evidence: DrillEvidence) -> float:
    """How long a node that had let go of the VIP still answered for it: a neighbour's old ARP entry.

    A client that is answered again by the new owner right away proves nothing: only overlaps count.
    """
    if not gap.gaps or not evidence.gaps:
        return 0.0
    ahead_s = evidence.gaps[0].began - gap.gaps[0].began
    unanswered_s = max(lost.duration_ms for lost in evidence.gaps) / 1000 + gap.resolution_ms / 1000
    longest_s = 0.0
    for move in gap.moves:
        at = move.at + ahead_s
        left = [a for a in evidence.addresses if not a.present and a.node == move.from_node and a.happened < at]
        late_s = min((at - a.happened - a.uncertainty_s for a in left), default=0.0)
        longest_s = max(longest_s, late_s - unanswered_s)
    return round(longest_s * 1000, 1)


def splits_of(evidence: DrillEvidence) -> dict[str, dict[str, int]]:
    return {
        domain: {node: count for node, count in found["backends"].items() if count is not None}
        for run in evidence.step_runs
        for domain, found in run.output.items()
    }


def gap_words(gap: Gap) -> str:
    kinds = ((gap.refused, "refused"), (gap.no_answer, "dark"), (gap.wrong, "wrong"))
    counts = ", ".join(f"{count} {word}" for count, word in kinds if count)
    return f"{counts}; then answered by {gap.to_node}" if gap.to_node else counts


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
