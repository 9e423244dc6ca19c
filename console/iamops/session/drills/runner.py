"""Runs drills: reads what the nodes are running with, records, has the engine act, and has the result judged."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeAlias, TypeVar

from iamops.engine.account import OnProgress
from iamops.engine.engine import MeterFor
from iamops.engine.ports import GapMeter, Order
from iamops.judge.drill.evidence import DrillEvidence, DrillRunPlan, step_run
from iamops.judge.drill.judgement import FinishedDrill, drill_report
from iamops.judge.drill.report import DrillProgress, DrillReport
from iamops.judge.run import Outcome, RunReport, Stage
from iamops.model.drill import resolved_steps
from iamops.model.outage import Samples
from iamops.model.running import LiveVrrp
from iamops.plan.action import DrillAction, instance_of
from iamops.plan.drill import live_of
from iamops.plan.impact import preferred_of
from iamops.plan.steps import Plan, StepKind
from iamops.report.drill import drill_document
from iamops.session.cluster import Cluster
from iamops.session.drills.recorder import DrillContext, Recorder
from iamops.session.operator import meter_for

T = TypeVar("T")
OnDrillProgress = Callable[[DrillProgress], None]
OperatorRun: TypeAlias = Callable[[Order, OnProgress, MeterFor], Awaitable[RunReport]]
# Events that were on their way when the last step was over.
AFTERMATH_S = 0.3
# Ctrl-C when all is done shortens the wait for the verdict to this.
JUDGED_WITHIN_S = 3.0
# How often, and how far apart, a node that does not answer what it runs with is asked again.
LIVE_LOOKS, LIVE_LOOK_S = 2, 1.0


async def run_drill(
    cluster: Cluster, operator_run: OperatorRun, order: Order, on_progress: OnDrillProgress
) -> DrillReport:
    """Carries it out and judges it. Longer than the drill's maximum, it is undone. Cancelling undoes."""
    assert isinstance(order.action, DrillAction)  # noqa: S101 - the caller made it so
    began = cluster.now()
    context = await DrillContext.read(cluster)
    return await _DrillExecution(cluster, operator_run, order, order.action, on_progress, context, began).run()


class _DrillExecution:
    """One drill on its way."""

    def __init__(
        self,
        cluster: Cluster,
        operator_run: OperatorRun,
        order: Order,
        action: DrillAction,
        on_progress: OnDrillProgress,
        context: DrillContext,
        began: float,
    ) -> None:
        self._cluster, self._operator_run, self._order, self._action = cluster, operator_run, order, action
        self._on_progress, self._context, self._began = on_progress, context, began
        self._instance = instance_of(cluster.profile, action.instance)
        self._recorder = Recorder(cluster.store, self._instance, began, context.offsets)
        self._meter: GapMeter | None = None
        self._owner = next(iter(cluster.profile.nodes))
        self._noted: dict[int, str] = {}
        self._timed_out = False
        self._patience = WaitThrough(JUDGED_WITHIN_S)
        self._unread: list[str] = []

    async def run(self) -> DrillReport:
        unsubscribe = self._cluster.store.subscribe(self._recorder.on_event)
        try:
            run = await self._bounded()
            await self._patience.check(asyncio.sleep(AFTERMATH_S))
        finally:
            unsubscribe()
        report = drill_report(await self._finished(run))
        self._publish(run, report)
        return report

    async def _bounded(self) -> RunReport:
        """The engine's run; past the drill's maximum it is cancelled, and cancelling undoes."""
        task = asyncio.ensure_future(self._operator_run(self._order, self._on_run, self._measure))
        try:
            done, _ = await asyncio.wait({task}, timeout=self._action.drill.max_duration_s)
            self._timed_out = not done
        except asyncio.CancelledError:  # the operator's own wish
            self._patience.tried = True
        if not task.done():
            task.cancel()
        return await self._patience.ended(task)

    def _measure(self, plan: Plan) -> GapMeter | None:
        self._meter = meter_for(plan, self._cluster.store.state, self._cluster.now)
        return self._meter

    def _on_run(self, run: RunReport) -> None:
        if run.plan is not None and run.plan.impact.owner is not None:
            self._owner = run.plan.impact.owner
        # What we did belongs on the timeline too: commands when they are sent, and how they ended.
        for number, report in enumerate(run.steps):
            step, before = report.step, self._noted.get(number)
            if before == report.stage or step.kind in (StepKind.ARM, StepKind.DISARM):
                continue
            self._noted[number] = report.stage
            if report.stage is Stage.RUNNING:
                self._recorder.note(report.began or self._cluster.now(), step.node, "console", step.title)
            elif report.stage in (Stage.FAILED, Stage.UNKNOWN) and before is not None:
                text = f"{step.title}: {report.stage}: {report.text}"
                self._recorder.note(report.ended or self._cluster.now(), step.node, "console", text)
        self._publish(run, None)

    def _publish(self, run: RunReport, report: DrillReport | None) -> None:
        timeline = report.timeline if report else tuple(self._recorder.entries)
        samples = self._meter.samples if self._meter else Samples
        self._on_progress(DrillProgress(self._action.drill, run, timeline, samples, report))

    async def _finished(self, run: RunReport) -> FinishedDrill:
        """What the nodes answer afterwards, beside what was recorded."""
        cluster, recorder = self._cluster, self._recorder
        course = self._course(run.plan)
        lines = {}
        if run.outcome is not Outcome.REFUSED:
            asked = self._context.notified()
            found = {name: await self._patience.check(reading) for name, reading in asked.items()}
            self._unread += [f"the notify log of {name}" for name, gained in found.items() if gained is None]
            lines = {name: gained for name, gained in found.items() if gained is not None}
        self._context.note(lines, recorder)
        live = await self._patience.check(self._live_after(course))
        self._unread += ["what the nodes run with"] if live is None else []
        # The probe's gaps in session time: both clocks are monotonic, so one offset serves all.
        ahead_s = cluster.now() - time.monotonic()
        gaps = tuple(
            replace(gap, began=gap.began + ahead_s, ended=None if gap.ended is None else gap.ended + ahead_s)
            for gap in (run.gap.gaps if run.gap else ())
        )
        evidence = DrillEvidence(
            owner=self._owner,
            began=self._began,
            ended=run.ended or cluster.now(),
            step_runs=tuple(step_run(step, run.steps) for step in course.steps),
            addresses=tuple(recorder.addresses),
            states=tuple(recorder.states),
            gaps=gaps,
            measured=run.gap is not None,
            notify={
                name: None if read is None else tuple(line.state for line in read)
                for name, (read, _) in lines.items()
            },
            notify_reason={name: why for name, (_, why) in lines.items()},
            live_after=live,
        )
        return FinishedDrill(
            drill=self._action.drill,
            who=self._order.who,
            run=run,
            began=self._began,
            now=cluster.now(),
            state=cluster.store.state,
            course=course,
            evidence=evidence,
            timeline=tuple(recorder.entries),
            nodes=tuple(self._context.facts(name, course.live[name]) for name in cluster.profile.nodes),
            timed_out=self._timed_out,
            unread=tuple(self._unread),
        )

    def _course(self, plan: Plan | None) -> DrillRunPlan:
        state, owner = self._cluster.store.state, self._owner
        taker = plan.impact.taker if plan is not None else None
        others = [name for name in state.profile.nodes if name != owner]
        taker = taker or (others[0] if others else owner)
        best = preferred_of(state, self._instance, owner, taker)
        steps = resolved_steps(self._action.drill, owner, taker, best)
        live = {name: live_of(self._action, state, self._instance, name) for name in state.profile.nodes}
        return DrillRunPlan(steps, live, self._action.allowance_s)

    async def _live_after(self, course: DrillRunPlan) -> dict[str, LiveVrrp]:
        """A node that answered before is asked again for a while: a keepalived that has just begun is late."""
        live = await self._cluster.live_config(self._instance)
        for _ in range(LIVE_LOOKS):
            if all(name in live or before.assumed for name, before in course.live.items()):
                break
            await asyncio.sleep(LIVE_LOOK_S)
            live |= await self._cluster.live_config(self._instance)
        return live


def record_body(report: DrillReport) -> dict[str, object]:
    """What the ledger keeps of a drill. The plan stands in the run's own intent already."""
    body = drill_document(replace(report, plan=None))
    return {"run": report.run, "action": f"drill {report.drill}", "who": report.who, "drill_report": body}


class WaitThrough:
    """A cancellation ends no wait here. After the first one, looks have `rest_s` seconds left, all together.

    They begin with the first look: what is being undone meanwhile takes the time it takes.
    """

    def __init__(self, rest_s: float) -> None:
        self._rest_s = rest_s
        self._until: float | None = None
        self.tried = False

    async def ended(self, task: asyncio.Future[T]) -> T:
        """What comes of it, however long that takes. Raises what it raises."""
        while not task.done():
            try:
                await asyncio.wait({task})
            except asyncio.CancelledError:
                self.tried = True
        return task.result()

    async def check(self, work: Awaitable[T]) -> T | None:
        """What it finds; None when no time was left for it. Raises what it raises."""
        task = asyncio.ensure_future(work)
        while not task.done():
            try:
                done, _ = await asyncio.wait({task}, timeout=self._left_s() if self.tried else None)
            except asyncio.CancelledError:
                self.tried = True
                continue
            if not done:
                # Nobody asks any more what came of it.
                task.add_done_callback(lambda task: task.cancelled() or task.exception())
                task.cancel()
                return None
        return task.result()

    def _left_s(self) -> float:
        now = asyncio.get_running_loop().time()
        if self._until is None:
            self._until = now + self._rest_s
        return max(0.0, self._until - now)
