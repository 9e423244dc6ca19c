"""A finished run and what was seen beside it, in the words of a drill's report."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from iamops.judge.drill.evidence import AddressSeen, DrillEvidence, DrillRunPlan, DrillStepRun
from iamops.judge.drill.report import (
    ClientView,
    DrillReport,
    DrillVerdict,
    Failure,
    FailureKind,
    StepLine,
    TimelineEntry,
)
from iamops.judge.run import Outcome, RestoredBy, RunReport, Stage, StepReport
from iamops.model.drill import Drill, DrillVerb
from iamops.model.outage import Gap, GapReport, Samples, not_measured
from iamops.model.running import LiveCheck, LiveVrrp
from iamops.plan.roles import ResolvedStep
from iamops.plan.steps import StepKind

GAPS_SHOWN = 20
# Whoever looked away for so long has not measured an outage.
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
    verdict: DrillVerdict,
    run: RunReport,
    found: Sequence[Failure],
    outage_ms: float,
    unseen: Sequence[str] = (),
) -> str:
    if verdict is DrillVerdict.PASS:
        lost = f"the longest outage a client saw was {outage_ms:.0f} ms" if outage_ms else "no request failed"
        return f"everything as theory allows; {lost}" if run.gap is not None else "everything as expected"
    if verdict is DrillVerdict.FAIL and found and found[0].kind is FailureKind.INTERRUPTED:
        return run.sentence
    if verdict is DrillVerdict.FAIL and found:
        restored = f" (restored by the {run.restored_by})" if run.restored_by is RestoredBy.DEAD_MAN else ""
        return f"{found[0].kind}: {found[0].text}{restored}"
    if verdict is DrillVerdict.UNKNOWN and run.outcome is Outcome.SUCCEEDED and unseen:
        return f"every step succeeded; {judged_in_part(unseen)}; run it again"
    if verdict is DrillVerdict.UNKNOWN and run.outcome is Outcome.SUCCEEDED:
        return f"{not_measured(_unseen_ms(run))}: what clients lost meanwhile is not known; run it again"
    return run.sentence


def judged_in_part(unseen: Sequence[str]) -> str:
    return f"judged in part: interrupted before this was read: {', '.join(unseen)}"


def _unseen_ms(run: RunReport) -> float:
    return run.gap.not_measured_ms if run.gap is not None else 0.0


def measured_outage(gaps: Sequence[Gap]) -> float:
    """The longest gap in ms."""
    return max((gap.duration_ms for gap in gaps), default=0.0)


def step_run(leg: ResolvedStep, steps: Sequence[StepReport]) -> DrillStepRun:
    own = [step for step in steps if step.step.move == leg.number]
    acts = [step for step in own if step.step.kind in (StepKind.DO, StepKind.ASK, StepKind.WATCH)]
    begun = [step for step in acts if step.began is not None]
    title = acts[0].step.title if acts else str(leg.move.verb)
    if leg.move.verb is DrillVerb.SWITCHOVER:
        title = f"switchover to {leg.standby}"
    if not begun:
        return DrillStepRun(leg.number, title, "waiting")
    worst = [step.stage for step in own if step.stage in (Stage.FAILED, Stage.UNKNOWN)]
    over = bool(own) and all(step.stage is Stage.DONE for step in own)
    ends = [step.ended for step in own if step.ended is not None]
    said: dict[str, Any] = {}
    for step in acts:
        said |= json.loads(step.output) if step.output else {}
    stage = "done" if over else str(worst[0]) if worst else "running"
    return DrillStepRun(leg.number, title, stage, begun[0].began, max(ends, default=None), said)


def step_line(step: StepReport, began: float) -> StepLine:
    took = None if step.began is None or step.ended is None else round(step.ended - step.began, 3)
    start = None if step.began is None else round(step.began - began, 3)
    return StepLine(step.step.title, step.step.node, str(step.step.kind), str(step.stage), start, took, step.text)


def client_view(
    gap: GapReport | None, gaps: Sequence[Gap], evidence: DrillEvidence, began: float
) -> ClientView | None:
    if gap is None:
        return None
    spent = [each.spent_ms for each in gaps]
    return ClientView(
        attempts=gap.attempts,
        failed=gap.refused + gap.no_answer + gap.wrong,
        longest_ms=gap.longest_ms or 0.0,
        total_ms=gap.total_ms,
        refused_ms=round(sum(each.get("refused", 0.0) for each in spent), 1),
        no_answer_ms=round(sum(each.get("dark", 0.0) for each in spent), 1),
        wrong_ms=round(sum(each.get("wrong", 0.0) for each in spent), 1),
        stale_ms=_stale_ms(gap, evidence),
        resolution_ms=gap.resolution_ms,
        not_measured_ms=gap.not_measured_ms,
        gaps=tuple(
            (round(g.began - began, 4), g.duration_ms, g.refused, g.no_answer, g.wrong) for g in gaps[:GAPS_SHOWN]
        ),
    )


def splits_of(evidence: DrillEvidence) -> dict[str, dict[str, int]]:
    return {
        domain: {node: count for node, count in said["backends"].items() if count is not None}
        for run in evidence.step_runs
        for domain, said in run.output.items()
    }


def gap_words(gap: Gap) -> str:
    kinds = ((gap.refused, "refused"), (gap.no_answer, "dark"), (gap.wrong, "wrong"))
    told = ", ".join(f"{count} {word}" for count, word in kinds if count)
    return f"{told}; then answered by {gap.to_node}" if gap.to_node else told


def live_document(live: LiveVrrp) -> dict[str, Any]:
    return {
        "source": "profile" if live.assumed else "keepalived",
        "priority": live.priority,
        "advert_interval_s": live.advert_interval_s,
        "nopreempt": live.nopreempt,
        "virtual_router_id": live.virtual_router_id,
        "checks": None if live.checks is None else [_check_document(check) for check in live.checks],
        "notify": list(live.notify),
    }


def _check_document(check: LiveCheck) -> dict[str, Any]:
    return {
        "name": check.name,
        "interval_s": check.interval_s,
        "timeout_s": check.timeout_s,
        "fall": check.fall,
        "rise": check.rise,
        "weight": check.weight,
    }


def taken_away(course: DrillRunPlan, steps: Sequence[StepReport]) -> Iterator[AddressSeen]:
    """A machine that is off or frozen answers for no address, though its kernel tells nobody."""
    for leg in course.steps:
        step = next((s for s in steps if s.step.move == leg.number and s.step.kind is StepKind.DO), None)
        at = step.began if step is not None else None
        node = leg.node(leg.move.on)
        if at is not None and leg.move.verb in (DrillVerb.POWER_OFF, DrillVerb.FREEZE) and node == leg.owner:
            yield AddressSeen(at, at, 0.0, node, present=False)
        elif at is not None and leg.move.verb is DrillVerb.THAW:
            yield AddressSeen(at, at, 0.0, node, present=True)


def _stale_ms(gap: GapReport, evidence: DrillEvidence) -> float:
    """How long a node that had let go of the VIP still answered for it: a neighbour's old ARP entry.

    A client that is answered again by the new owner right away tells nothing: only overlaps count.
    """
    ahead_s = evidence.gaps[0].began - gap.gaps[0].began if gap.gaps and evidence.gaps else None
    if ahead_s is None:
        return 0.0
    longest_s = 0.0
    for move in gap.moves:
        left = [a for a in evidence.addresses if not a.present and a.node == move.from_node]
        late = [move.at + ahead_s - a.happened - a.uncertainty_s for a in left if a.happened < move.at + ahead_s]
        dark_s = max((g.duration_ms / 1000 for g in evidence.gaps), default=0.0)
        longest_s = max(longest_s, min(late, default=0.0) - dark_s - gap.resolution_ms / 1000)
    return round(max(0.0, longest_s) * 1000, 1)


# A drill at one moment, as a front shows it.


@dataclass(frozen=True, slots=True)
class DrillProgress:
    """`timeline` are the entries so far. `samples()` gives the client's latest requests: thousands, so they
    are handed over only to who wants to see them. `report` is there when it is over.
    """

    drill: Drill
    run: RunReport
    timeline: tuple[TimelineEntry, ...] = ()
    samples: Callable[[], Samples] = Samples
    report: DrillReport | None = None
