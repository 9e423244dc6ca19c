"""A finished run and what was seen beside it, in the words of a drill's report."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from iamops.judge.drill.evidence import AddressSeen, DrillEvidence, DrillRunPlan, DrillStepRun
from iamops.judge.drill.report import ClientView, DrillReport, DrillVerdict, Failure, FailureKind, TimelineEntry
from iamops.judge.run import Outcome, RestoredBy, RunReport, Stage, StepReport
from iamops.model.drill import Drill, DrillVerb, ResolvedStep
from iamops.model.foreign import Json
from iamops.model.outage import Gap, GapReport, Samples, not_measured
from iamops.model.running import LiveVrrp
from iamops.plan.steps import StepKind

GAPS_SHOWN = 20
# A probe that was away for so long has not measured an outage.
UNSEEN_MAX_MS = 1000.0


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


def step_run(drill_step: ResolvedStep, steps: Sequence[StepReport]) -> DrillStepRun:
    own = [step for step in steps if step.step.move == drill_step.number]
    acts = [step for step in own if step.step.kind in (StepKind.DO, StepKind.ASK, StepKind.WATCH)]
    title = acts[0].step.title if acts else str(drill_step.move.verb)
    if drill_step.move.verb is DrillVerb.SWITCHOVER:
        title = f"switchover to {drill_step.standby}"
    begun = [step.began for step in acts if step.began is not None]
    if not begun:
        return DrillStepRun(drill_step.number, title, "waiting")
    worst = [step.stage for step in own if step.stage in (Stage.FAILED, Stage.UNKNOWN)]
    stage = str(worst[0]) if worst else "running"
    if all(step.stage is Stage.DONE for step in own):
        stage = "done"
    output: Json = {}
    for step in acts:
        output |= json.loads(step.output) if step.output else {}
    ended = max((step.ended for step in own if step.ended is not None), default=None)
    return DrillStepRun(drill_step.number, title, stage, begun[0], ended, output)


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


def live_document(live: LiveVrrp) -> Json:
    keys = ("name", "interval_s", "timeout_s", "fall", "rise", "weight")
    checks = None if live.checks is None else [{key: getattr(check, key) for key in keys} for check in live.checks]
    return {
        "source": "profile" if live.assumed else "keepalived",
        "priority": live.priority,
        "advert_interval_s": live.advert_interval_s,
        "nopreempt": live.nopreempt,
        "virtual_router_id": live.virtual_router_id,
        "checks": checks,
        "notify": list(live.notify),
    }


def taken_away(plan: DrillRunPlan, steps: Sequence[StepReport]) -> Iterator[AddressSeen]:
    """A machine that is off or frozen answers for no address, though its kernel reports no change."""
    for drill_step in plan.steps:
        own = (s.began for s in steps if s.step.move == drill_step.number and s.step.kind is StepKind.DO)
        at, node, verb = next(own, None), drill_step.node(drill_step.move.on), drill_step.move.verb
        if at is None:
            continue
        if verb in (DrillVerb.POWER_OFF, DrillVerb.FREEZE) and node == drill_step.owner:
            yield AddressSeen(at, at, 0.0, node, present=False)
        elif verb is DrillVerb.THAW:
            yield AddressSeen(at, at, 0.0, node, present=True)


@dataclass(frozen=True, slots=True)
class DrillProgress:
    """A drill at one time, as a front shows it; `timeline` are the entries so far. `samples()` gives the client's
    latest requests: thousands, so only those who want to see them ask. `report` is there when it is over.
    """

    drill: Drill
    run: RunReport
    timeline: tuple[TimelineEntry, ...] = ()
    samples: Callable[[], Samples] = Samples
    report: DrillReport | None = None
