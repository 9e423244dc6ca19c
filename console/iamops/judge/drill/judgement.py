"""What is known of a drill when it is over, and the report that is made from that alone. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from iamops.judge.drill.account import (
    client_view,
    gap_words,
    judged_in_part,
    sentence_of,
    splits_of,
    taken_away,
    verdict_of,
)
from iamops.judge.drill.evidence import DrillEvidence, DrillRunPlan, invariants
from iamops.judge.drill.report import DrillReport, Failure, FailureKind, Invariant, NodeFacts, TimelineEntry
from iamops.judge.drill.verdict import failures, measures, notify_notes
from iamops.judge.run import Outcome, RunReport, Stage
from iamops.model.drill import Drill
from iamops.model.state import ClusterState


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
