"""Runs drills: reads what the nodes are running with, records, has the engine act, and has the result judged."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from iamops.engine.order import Order
from iamops.engine.ports import GapMeter
from iamops.judge.drill.account import (
    DrillProgress,
    client_view,
    gap_words,
    judged_in_part,
    measured_outage,
    sentence_of,
    splits_of,
    step_run,
    taken_away,
    verdict_of,
)
from iamops.judge.drill.evidence import AddressSeen, DrillEvidence, DrillRunPlan, invariants
from iamops.judge.drill.report import DrillReport, Failure, FailureKind, Invariant
from iamops.judge.drill.verdict import failures, measures, notify_notes
from iamops.judge.run import Outcome, RunReport, Stage, StepReport
from iamops.model.drill import Drill
from iamops.model.outage import Gap, GapReport, Samples
from iamops.model.running import LiveVrrp
from iamops.nodes.history import NotifyLine
from iamops.plan.action import ALLOWANCE_S, DrillAction, instance_of
from iamops.plan.drill import live_of
from iamops.plan.impact import preferred_of
from iamops.plan.roles import resolved_steps
from iamops.plan.steps import Plan, StepKind
from iamops.report.drill import drill_document
from iamops.report.run import exit_code, plan_document
from iamops.session.cluster import Cluster
from iamops.session.drills.recorder import DrillContext, Notified, Recorder, client_entries
from iamops.session.patience import WaitThrough

Tell = Callable[[DrillProgress], None]
# Events that were on their way when the last step was over.
AFTERMATH_S = 0.3
# Whoever presses Ctrl-C when all is done waits no longer for the verdict.
JUDGED_WITHIN_S = 3.0
# How often, and how far apart, a node that does not tell what it runs with is asked again.
LIVE_LOOKS, LIVE_LOOK_S = 2, 1.0


class Driller:
    """Drills on one cluster. `run` is the engine's; `meter` gives the gap meter of the run under way."""

    def __init__(
        self,
        cluster: Cluster,
        run: Callable[[Order, Callable[[RunReport], None]], Any],
        meter: Callable[[], GapMeter | None],
    ) -> None:
        self._cluster = cluster
        self._run = run
        self._meter = meter

    async def action(
        self,
        drill: Drill,
        *,
        instance: str | None = None,
        allowance_s: float = ALLOWANCE_S,
        disruptive: bool = False,
    ) -> DrillAction:
        """The drill with budgets from what the nodes are running with now. Raises NoSuchTarget."""
        name = instance_of(self._cluster.profile, instance)
        live = await self._cluster.live_config(name)
        return DrillAction(drill, live, instance, allowance_s, disruptive)

    async def run(self, order: Order, tell: Tell) -> DrillReport:
        """Carries it out and judges it. Longer than the drill's maximum, it is undone. Cancelling undoes."""
        assert isinstance(order.action, DrillAction)  # noqa: S101 - the caller made it so
        return await _Drilling(self, self._cluster, order, order.action, tell).through()

    async def carry_out(self, order: Order, tell: Callable[[RunReport], None]) -> RunReport:
        report: RunReport = await self._run(order, tell)
        return report

    @property
    def meter(self) -> GapMeter | None:
        return self._meter()


class _Drilling:
    """One drill on its way."""

    def __init__(self, driller: Driller, cluster: Cluster, order: Order, action: DrillAction, tell: Tell) -> None:
        self._driller, self._cluster, self._order = driller, cluster, order
        self._action, self._drill, self._tell = action, action.drill, tell
        self._instance = instance_of(cluster.profile, action.instance)
        self._began = cluster.now()
        self._timed_out = False
        self._told: dict[int, str] = {}
        self._recorder: Recorder | None = None
        self._owner: str | None = None
        self._patience = WaitThrough(JUDGED_WITHIN_S)
        self._unseen: list[str] = []

    async def through(self) -> DrillReport:
        around = await DrillContext.read(self._cluster)
        self._recorder = Recorder(self._cluster.store, self._instance, self._began, around.offsets)
        self._recorder.start()
        try:
            run = await self._bounded()
            await self._patience.check(asyncio.sleep(AFTERMATH_S))
        finally:
            self._recorder.stop()
        report = await self._judged(run, around)
        self._tell(self._progress(run, report))
        return report

    async def _bounded(self) -> RunReport:
        """The engine's run; past the drill's maximum it is cancelled, and cancelling undoes."""
        task = asyncio.ensure_future(self._driller.carry_out(self._order, self._heard))
        try:
            done, _ = await asyncio.wait({task}, timeout=self._drill.max_duration_s)
            self._timed_out = not done
        except asyncio.CancelledError:  # the operator's own wish
            self._patience.tried = True
        if not task.done():
            task.cancel()
        return await self._patience.ended(task)

    # --- while it runs ---

    def _heard(self, run: RunReport) -> None:
        if run.plan is not None and run.plan.impact.owner is not None:
            self._owner = run.plan.impact.owner
        for number, step in enumerate(run.steps):
            self._step_entry(number, step)
        self._tell(self._progress(run, None))

    def _step_entry(self, number: int, step: StepReport) -> None:
        """What we did belongs on the timeline too: commands when they are sent, and how they ended."""
        assert self._recorder is not None  # noqa: S101 - made before the run
        if self._told.get(number) == step.stage or step.step.kind in (StepKind.ARM, StepKind.DISARM):
            return
        before, self._told[number] = self._told.get(number), step.stage
        if step.stage is Stage.RUNNING:
            self._recorder.note(step.began or self._cluster.now(), step.step.node, "console", step.step.title)
        elif step.stage in (Stage.FAILED, Stage.UNKNOWN) and before is not None:
            text = f"{step.step.title}: {step.stage}: {step.text}"
            self._recorder.note(step.ended or self._cluster.now(), step.step.node, "console", text)

    def _progress(self, run: RunReport, report: DrillReport | None) -> DrillProgress:
        meter = self._driller.meter
        timeline = report.timeline if report else tuple(self._recorder.entries if self._recorder else ())
        return DrillProgress(self._drill, run, timeline, meter.samples if meter else Samples, report)

    # --- afterwards ---

    async def _judged(self, run: RunReport, around: DrillContext) -> DrillReport:
        owner = self._owner or next(iter(self._cluster.profile.nodes))
        course = self._course(run.plan, owner)
        gaps = self._gaps(run.gap)
        evidence = await self._evidence(run, around, course, owner, gaps)
        acted = run.outcome not in (Outcome.REFUSED, None) and run.steps
        measured = measures(course, evidence) if acted else ()
        found = [*self._interruption(run), *(failures(course, evidence, measured) if acted else ())]
        found += self._own_failures(run)
        verdict = verdict_of(run, found, self._unseen)
        state = self._cluster.store.state
        return DrillReport(
            drill=self._drill.name,
            title=self._drill.title,
            profile=state.profile.name,
            environment=str(state.profile.environment),
            run=run.run,
            who=self._order.who,
            began_at=self._began,
            duration_s=round((run.ended or self._cluster.now()) - self._began, 3),
            verdict=verdict,
            sentence=sentence_of(verdict, run, found, measured_outage(gaps), self._unseen),
            failures=tuple(found),
            denials=run.denials,
            steady_state=self._steady(run),
            measures=measured,
            invariants=invariants(course, evidence) if acted else (),
            steps=run.steps,
            timeline=self._timeline(evidence, gaps),
            client=client_view(run.gap, gaps, replace(evidence, addresses=self._heard_addresses), self._began),
            nodes=tuple(around.facts(name, course.live[name]) for name in state.profile.nodes),
            splits=splits_of(evidence),
            restored_by=run.restored_by,
            interrupted=self._interrupted(run),
            stays=self._interrupted(run) and not run.put_back,
            notes=(
                *run.notes,
                *(run.plan.notes if run.plan else ()),
                *(notify_notes(course, evidence) if acted else ()),
                *((judged_in_part(self._unseen),) if self._unseen else ()),
            ),
            plan=plan_document(run.plan) if run.plan else None,
        )

    def _course(self, plan: Plan | None, owner: str) -> DrillRunPlan:
        state = self._cluster.store.state
        taker = plan.impact.taker if plan is not None else None
        others = [name for name in state.profile.nodes if name != owner]
        taker = taker or (others[0] if others else owner)
        best = preferred_of(state, self._instance, owner, taker)
        course = resolved_steps(self._drill, owner, taker, best)
        live = {name: live_of(self._action, state, self._instance, name) for name in state.profile.nodes}
        return DrillRunPlan(course, live, self._action.allowance_s)

    async def _evidence(
        self, run: RunReport, around: DrillContext, course: DrillRunPlan, owner: str, gaps: tuple[Gap, ...]
    ) -> DrillEvidence:
        assert self._recorder is not None  # noqa: S101 - made before the run
        lines = await self._notified(around) if run.outcome is not Outcome.REFUSED else {}
        around.note(lines, self._recorder)
        live = await self._patience.check(self._live_after(course))
        self._unseen += ["what the nodes run with"] if live is None else []
        return DrillEvidence(
            owner=owner,
            began=self._began,
            ended=run.ended or self._cluster.now(),
            step_runs=tuple(step_run(leg, run.steps) for leg in course.steps),
            addresses=(*self._recorder.addresses, *taken_away(course, run.steps)),
            states=tuple(self._recorder.states),
            gaps=gaps,
            measured=run.gap is not None,
            notify={name: states_of(found) for name, (found, _) in lines.items()},
            notify_reason={name: why for name, (_, why) in lines.items()},
            live_after=live,
        )

    async def _notified(self, around: DrillContext) -> Notified:
        """What each notify log has gained, as far as there is time to read it."""
        asked = around.notified()
        found = {name: await self._patience.check(lines) for name, lines in asked.items()}
        self._unseen += [f"the notify log of {name}" for name, lines in found.items() if lines is None]
        return {name: lines for name, lines in found.items() if lines is not None}

    async def _live_after(self, course: DrillRunPlan) -> dict[str, LiveVrrp]:
        """Who told before is asked again for a while: a keepalived that has just begun does not answer yet."""
        told = await self._cluster.live_config(self._instance)
        for _ in range(LIVE_LOOKS):
            if all(name in told or before.assumed for name, before in course.live.items()):
                break
            await asyncio.sleep(LIVE_LOOK_S)
            told |= await self._cluster.live_config(self._instance)
        return told

    def _gaps(self, gap: GapReport | None) -> tuple[Gap, ...]:
        """The probe's gaps in session time: both clocks are monotonic, so one offset serves all."""
        ahead_s = self._cluster.now() - time.monotonic()
        return tuple(
            replace(each, began=each.began + ahead_s, ended=None if each.ended is None else each.ended + ahead_s)
            for each in (gap.gaps if gap else ())
        )

    def _interrupted(self, run: RunReport) -> bool:
        """By a person, not by the drill's own limit."""
        return run.interrupted and not self._timed_out

    def _interruption(self, run: RunReport) -> list[Failure]:
        """Before everything else: what was not done cannot have failed."""
        if not self._interrupted(run) or run.outcome is not Outcome.FAILED:
            return []
        under_way = next((each.step.title for each in run.steps if each.began is not None and not each.over), "")
        done = sum(step.stage is Stage.DONE for step in run.steps)
        where = f"in '{under_way}'" if under_way else f"when {done} of {len(run.steps)} steps were done"
        return [
            Failure(FailureKind.INTERRUPTED, f"{where}, and {'un' if run.put_back else 'not un'}done", under_way)
        ]

    def _own_failures(self, run: RunReport) -> list[Failure]:
        """What the engine itself says: a step without its effect, a steady state that did not return."""
        if self._timed_out:
            limit = f"it took longer than {self._drill.max_duration_s:.0f} s and was undone"
            return [Failure(FailureKind.TIMEOUT, limit)]
        if run.outcome is not Outcome.FAILED or run.interrupted:
            return []
        failed = next((step for step in run.steps if step.stage is Stage.FAILED), None)
        if failed is not None:
            return [Failure(FailureKind.STEP, f"{failed.step.title}: {failed.text}", failed.step.title)]
        return [Failure(FailureKind.STEADY_STATE, f"afterwards: {run.sentence}")]

    def _steady(self, run: RunReport) -> tuple[Invariant, ...]:
        if run.plan is None:
            return ()
        state, now = self._cluster.store.state, self._cluster.now()
        expected = run.plan.steady_state if run.outcome is Outcome.SUCCEEDED else run.plan.before
        readings = [(each.sentence, each.judge(state, float("-inf"), now)) for each in expected]
        return tuple(Invariant(sentence, reading.holds, reading.text) for sentence, reading in readings)

    def _timeline(self, evidence: DrillEvidence, gaps: tuple[Gap, ...]) -> tuple[Any, ...]:
        assert self._recorder is not None  # noqa: S101 - made before the run
        clients = client_entries(((gap.began, gap.duration_ms, gap_words(gap)) for gap in gaps), self._began)
        return tuple(sorted((*self._recorder.entries, *clients), key=lambda entry: entry.at_s))

    @property
    def _heard_addresses(self) -> tuple[AddressSeen, ...]:
        return tuple(self._recorder.addresses if self._recorder else ())


def record_body(report: DrillReport) -> dict[str, Any]:
    """What the ledger keeps of a drill. The plan stands in the run's own intent already."""
    body = drill_document(replace(report, plan=None), exit_code(report))
    return {"run": report.run, "action": f"drill {report.drill}", "who": report.who, "drill_report": body}


def states_of(lines: Sequence[NotifyLine] | None) -> tuple[str, ...] | None:
    return None if lines is None else tuple(line.state for line in lines)
