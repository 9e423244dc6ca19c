"""An operator whose runs go on for as long as a test wants: plans and guards are the real ones."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from iamops.engine.ports import Order
from iamops.judge.config import ConfigComparison, compared_files, sorted_files
from iamops.judge.drill.report import DrillProgress, DrillReport, DrillVerdict, TimelineEntry
from iamops.judge.guards.guards import denials
from iamops.judge.lint.lint import lint
from iamops.judge.run import Outcome, Phase, RestoredBy, RunReport, Stage, StepReport, UndoReport
from iamops.ledger.record import FIRST, Record, line_of, record_of
from iamops.ledger.verify import ChainVerdict, LedgerPage
from iamops.model.config import ConfTree
from iamops.model.drill import Drill
from iamops.model.outage import ProbeResult, ProbeRow, ProbeSample, Samples, Segment, gap_report
from iamops.plan.action import Action, ConfigPush, DrillAction, command_line
from iamops.plan.build import plan_for
from iamops.plan.config.change import NodeFilesChange, node_change
from iamops.plan.config.meaning import change_summary, incompatible
from iamops.plan.denial import Denial, GuardContext
from iamops.plan.steps import Plan
from iamops.render.nodefiles import NodeFile, render_node
from iamops.session.config.configurator import as_tree
from iamops.session.drills.files import load_drill
from tests.support import scenes
from tests.support.drill_samples import LIVE, report
from tests.support.scenes import FixedCluster

ARMED_FOR_S = 600.0
# A request every 10 ms; 0.3 s of them in the dark.
FATES = (*[ProbeResult.GOOD] * 40, *[ProbeResult.DARK] * 30, *[ProbeResult.GOOD] * 90)
UNTIL_NOW_S = 1.6
TIMELINE = (
    TimelineEntry(0.104, "iam-a", "console", "stop keepalived on iam-a"),
    TimelineEntry(0.119, "iam-a", "kernel", "let go of VIP 10.0.4.99", 2.0),
    TimelineEntry(0.931, "iam-b", "keepalived", "entered MASTER", 2.0),
    TimelineEntry(0.932, "iam-b", "kernel", "holds VIP 10.0.4.99", 2.0),
    TimelineEntry(0.125, None, "client", "no good answer for 810 ms: 80 dark; then answered by iam-b"),
    TimelineEntry(1.402, "iam-a", "console", "start keepalived on iam-a"),
    TimelineEntry(1.513, "iam-a", "keepalived", "entered BACKUP", 2.0),
)
# One request in the dark while the VIP moved, as a client that asks every 10 ms sees it.
SEGMENTS = (
    Segment(ProbeResult.GOOD, "iam-a", 0.0, 0.9, 90),
    Segment(ProbeResult.DARK, None, 0.91, 0.91, 1),
    Segment(ProbeResult.GOOD, "iam-b", 0.9204, 1.6, 69),
)


class FixedOperator:
    """`runs` are the orders that were carried out; `go_on` lets the one under way come to its end."""

    def __init__(self, cluster: FixedCluster, *, armed: bool = False) -> None:
        self.cluster = cluster
        self._until = cluster.time + ARMED_FOR_S if armed else 0.0
        self.runs: list[Order] = []
        self.undone: list[Order] = []
        self.go_on = asyncio.Event()
        self.records: tuple[Record, ...] = ()
        self.verdict = ChainVerdict(0)
        self.looks = 0
        self.ending = report()
        self.earlier: tuple[Mapping[str, Any], ...] = ()
        self.sight = ConfigComparison()
        self.edited = ""
        self.changes: Mapping[str, NodeFilesChange] = {
            "iam-a": NodeFilesChange("iam-a"),
            "iam-b": NodeFilesChange("iam-b"),
        }

    @property
    def armed_s(self) -> float:
        return max(0.0, self._until - self.cluster.time)

    def arm(self) -> float:
        self._until = self.cluster.time + ARMED_FOR_S
        return self._until

    def disarm(self) -> None:
        self._until = 0.0

    def order(
        self,
        action: Action,
        *,
        reason: str = "",
        overrides: tuple[str, ...] = (),
        shown: str | None = None,
        insisted: tuple[Denial, ...] | None = None,
    ) -> Order:
        return Order(
            action=action,
            who="ada@desk",
            origin="local",
            command=command_line(action, "lab", reason, overrides),
            reason=reason,
            overrides=overrides,
            armed=self.armed_s > 0,
            shown=shown,
            insisted=insisted,
            run="4312230f",
        )

    def consider(self, order: Order) -> tuple[Plan, tuple[Denial, ...]]:
        state, now = self.cluster.store.state, self.cluster.now()
        plan = plan_for(order.action, state, now)
        return plan, denials(GuardContext(plan, state, now, order.armed, order.run))

    def profile_changed(self) -> str:
        return self.edited

    def refresh_nodes(self) -> None:
        self.looks += 1

    async def run(self, order: Order, tell: Callable[[RunReport], None]) -> RunReport:
        self.runs.append(order)
        report = half_way(self.consider(order)[0], self.cluster.now(), order.run)
        tell(report)
        try:
            await self.go_on.wait()
        except asyncio.CancelledError:
            self.undone.append(order)
            over = undone(report)
        else:
            over = finished(report)
        tell(over)
        return over

    @property
    def drills(self) -> SimpleNamespace:
        return SimpleNamespace(
            available=self.known_drills, action=self.drill_action, run=self.run_drill, reports=lambda: self.earlier
        )

    def known_drills(self) -> tuple[Drill, ...]:
        return tuple(load_drill(name) for name in ("keepalived-stop", "power-off", "seed"))

    async def drill_action(self, drill: Drill) -> DrillAction:
        return DrillAction(drill, LIVE)

    async def run_drill(self, order: Order, tell: Callable[[DrillProgress], None]) -> DrillReport:
        """`ending` is how it ends when it may go on."""
        self.runs.append(order)
        began, plan = self.cluster.now(), self.consider(order)[0]
        self.cluster.time += UNTIL_NOW_S
        run = half_way(plan, self.cluster.now(), order.run)
        # On another clock than the session's, as a probe's are.
        row = tuple(
            ProbeSample(0.01 * n, fate, 0.8 + n * 7 % 9 / 5 if fate is ProbeResult.GOOD else None)
            for n, fate in enumerate(FATES)
        )
        progress = DrillProgress(order.action.drill, run, TIMELINE, lambda: Samples(row, ahead_s=began))
        tell(progress)
        try:
            await self.go_on.wait()
        except asyncio.CancelledError:
            self.undone.append(order)
            made = report(verdict=DrillVerdict.FAIL, restored_by="console", interrupted=True)
            run = undone(run)
        else:
            made, run = self.ending, finished(run)
        tell(replace(progress, run=run, report=made))
        return made

    async def config(self) -> ConfigComparison:
        return self.sight

    async def push_action(self) -> ConfigPush:
        return ConfigPush("20261123T203500Z-4f1a2b", ("config", "push"), self.changes)

    def audit(self) -> LedgerPage:
        return LedgerPage(self.records, self.verdict)


def half_way(plan: Plan, now: float, run: str = "4312230f") -> RunReport:
    """A run whose next thing is to see its first change."""
    began = now - 1.6
    stages = [Stage.DONE, Stage.DONE, Stage.DONE, Stage.OBSERVING]
    steps = tuple(
        StepReport(
            step,
            stage,
            began=began + 0.3 * n if stage is not Stage.WAITING else None,
            ended=began + 0.3 * n + 0.1 if stage is Stage.DONE else None,
        )
        for n, (step, stage) in enumerate(itertools.zip_longest(plan.steps, stages, fillvalue=Stage.WAITING))
        if not isinstance(step, Stage)
    )
    return RunReport(
        run=run,
        action=plan.action,
        began=began,
        phase=Phase.ACTING,
        plan=plan,
        steps=steps,
        gap=gap_report([ProbeRow(tuple(SEGMENTS), 0.0112)]),
    )


def finished(report: RunReport) -> RunReport:
    steps = tuple(
        replace(step, stage=Stage.DONE, began=step.began or report.began + 1, ended=step.ended or report.began + 2)
        for step in report.steps
    )
    return replace(
        report,
        steps=steps,
        phase=Phase.OVER,
        outcome=Outcome.SUCCEEDED,
        sentence="VIP 10.0.4.99 is on iam-b",
        ended=report.began + 2.8,
    )


def undone(report: RunReport) -> RunReport:
    """The step under way did not do what it should, and everything was put back."""
    steps = tuple(
        replace(step, stage=Stage.FAILED, ended=report.began + 6, text="VIP 10.0.4.99 is on nobody, not on iam-b")
        if step.stage is Stage.OBSERVING
        else step
        for step in report.steps
    )
    undos = [each.step.undo for each in report.steps if each.step.undo is not None]
    return replace(
        report,
        steps=steps,
        undone=tuple(UndoReport(undo, Stage.DONE, f"{undo.title}: seen") for undo in reversed(undos)),
        phase=Phase.OVER,
        outcome=Outcome.FAILED,
        sentence="stop keepalived on iam-a: VIP 10.0.4.99 is on nobody; now: VIP 10.0.4.99 is on iam-a",
        restored_by=RestoredBy.CONSOLE,
        interrupted=True,
        ended=report.began + 8.2,
    )


def record(n: int, kind: str, **body: object) -> Record:
    """One record of a ledger; its hash is right, its place in a chain is not looked at."""
    made = record_of(line_of(n, f"2026-11-23T20:{n:02}:07.120Z", kind, FIRST, None, body)[:-1])
    assert made is not None
    return made


def audited() -> FixedOperator:
    """Two runs: a switchover that worked, and a restart that never came to its end."""
    made = FixedOperator(FixedCluster(scenes.healthy()))
    who = {"who": "ada@desk", "from": "local"}
    owners, moved = ({"owners": {"VI_1": [node]}} for node in ("iam-a", "iam-b"))
    switchover = {"run": "aaaa", "action": "switchover", "command": "iamops --profile lab switchover", **who}
    restart = {"run": "bbbb", "action": "restart nginx on iam-b", "reason": "new [bold]cert\x1b[31m", **who}
    steps = [{"stage": "done", "took_s": 0.4, "title": "stop keepalived on iam-a"}]
    made.records = (
        record(1, "intent", before=owners, **switchover),
        record(2, "outcome", outcome="succeeded", steps=steps, after=moved, **switchover),
        record(3, "intent", **restart),
    )
    made.verdict = ChainVerdict(3)
    return made


def drifted() -> FixedOperator:
    """A line added by hand on iam-b, and a fall of 1 beside it."""
    made = FixedOperator(FixedCluster(scenes.healthy()), armed=True)
    profile = made.cluster.store.state.profile
    wanted = {node: render_node(profile, node, {}) for node in profile.nodes}
    trees = {node: as_tree(node, files) for node, files in wanted.items()}
    live = {**trees["iam-b"].files}
    nginx, keepalived = "/etc/nginx/nginx.conf", "/etc/keepalived/keepalived.conf"
    by_hand = live[nginx].content.replace("keepalive_timeout   65;", "keepalive_timeout   5;   # [b]mine\x1b[31m")
    live[nginx] = replace(live[nginx], content=by_hand)
    live[keepalived] = replace(live[keepalived], content=live[keepalived].content.replace("fall 2", "fall 1"))
    trees["iam-b"] = replace(trees["iam-b"], files=live)
    return _compared(made, trees, wanted)


def renamed() -> FixedOperator:
    """The nodes have what a profile asks for that has another name and is otherwise the same."""
    made = FixedOperator(FixedCluster(scenes.healthy()), armed=True)
    profile = made.cluster.store.state.profile
    wanted = {node: render_node(profile, node, {}) for node in profile.nodes}
    other = profile.model_copy(update={"name": "of-somebody-else"})
    asked = {node: {each.path: each.content for each in files} for node, files in wanted.items()}
    there = {node: as_tree(node, render_node(other, node, {})) for node in profile.nodes}
    trees = {node: replace(tree, rendered=asked[node]) for node, tree in there.items()}
    assert any(tree.files != as_tree(node, wanted[node]).files for node, tree in trees.items())
    return _compared(made, trees, wanted)


def _compared(
    made: FixedOperator, trees: Mapping[str, ConfTree], wanted: Mapping[str, Sequence[NodeFile]]
) -> FixedOperator:
    """What lint says of the nodes' files beside those that are wanted, and what a push would change."""
    made.changes = {node: node_change(tree, wanted[node]) for node, tree in trees.items()}
    report = lint(list(trees.values()), made.cluster.store.state.profile)
    files = [
        file
        for node, change in made.changes.items()
        for file in compared_files(change, tuple(each.path for each in wanted[node]), report)
    ]
    made.sight = ConfigComparison(
        sorted_files(files), {}, report, (*change_summary(made.changes), *incompatible(made.changes))
    )
    return made
