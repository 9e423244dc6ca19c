"""Runs drills: reads what the nodes are running with, records, has the engine act, and has the result judged."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from console.engine.drill_progress import DrillProgress
from console.engine.order import Order
from console.engine.ports import GapMeter
from console.engine.report import Outcome, RestoredBy, RunReport, Stage, StepReport
from console.judge.drill_document import drill_document, exit_code
from console.judge.drill_evidence import AddressSeen, Evidence, LegRun
from console.judge.drill_report import (
    ClientView,
    DrillReport,
    Failure,
    FailureKind,
    Invariant,
    NodeFacts,
    StepLine,
    Verdict,
)
from console.judge.drill_verdict import Course, failures, invariants, measures, notes
from console.model.drill import Drill
from console.model.drill import Verb as DrillVerb
from console.model.gap import Gap, GapReport
from console.model.live import LiveVrrp
from console.nodes.drill_notes import LogMark, notify_mark, notify_words, versions
from console.plan.action import ALLOWANCE_S, DrillAction
from console.plan.drill_plan import live_of
from console.plan.impact import instance_of, preferred_of
from console.plan.legs import Leg, legs
from console.plan.steps import Kind, Plan, document
from console.session.cluster import Cluster
from console.session.recorder import ClockOffset, Recorder, client_entries

Tell = Callable[[DrillProgress], None]
# Events that were on their way when the last step was over.
AFTERMATH_S = 0.3
GAPS_SHOWN = 20


@dataclass(frozen=True, slots=True)
class _Before:
    """What was read from the nodes before anything was done."""

    live: Mapping[str, LiveVrrp]
    versions: Mapping[str, Mapping[str, str | None]]
    offsets: Mapping[str, ClockOffset]
    marks: Mapping[str, LogMark]


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

    async def through(self) -> DrillReport:
        before = await self._look()
        self._recorder = Recorder(self._cluster.store, self._instance, self._began, before.offsets)
        self._recorder.start()
        try:
            run = await self._bounded()
            await asyncio.sleep(AFTERMATH_S)
        finally:
            self._recorder.stop()
        report = await self._judged(run, before)
        self._tell(self._progress(run, report))
        return report

    async def _look(self) -> _Before:
        nodes = self._cluster.profile.nodes
        transports = {name: self._cluster.transport(name) for name in nodes}
        up = {name: transport for name, transport in transports.items() if transport is not None}
        told = await asyncio.gather(*(versions(transport) for transport in up.values()))
        marks = await asyncio.gather(*(notify_mark(t, self._cluster.profile) for t in up.values()))
        return _Before(
            self._action.live,
            dict(zip(up, told, strict=True)),
            await self._cluster.clock_offsets(),
            {**{name: LogMark(None, "not connected") for name in nodes}, **dict(zip(up, marks, strict=True))},
        )

    async def _bounded(self) -> RunReport:
        """The engine's run; past the drill's maximum it is cancelled, and cancelling undoes."""
        task = asyncio.ensure_future(self._driller.carry_out(self._order, self._heard))
        try:
            done, _ = await asyncio.wait({task}, timeout=self._drill.max_duration_s)
            self._timed_out = not done
            if not done:
                task.cancel()
            return await task
        except asyncio.CancelledError:
            # The operator's own wish: the engine has undone, or does so now.
            if not task.done():
                task.cancel()
            return await task

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
        if self._told.get(number) == step.stage or step.step.kind in (Kind.ARM, Kind.DISARM):
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
        return DrillProgress(self._drill, run, timeline, meter.samples() if meter else (), report)

    # --- afterwards ---

    async def _judged(self, run: RunReport, before: _Before) -> DrillReport:
        owner = self._owner or next(iter(self._cluster.profile.nodes))
        course = self._course(run.plan, owner)
        gaps = self._gaps(run.gap)
        evidence = await self._evidence(run, before, course, owner, gaps)
        acted = run.outcome not in (Outcome.REFUSED, None) and run.steps
        measured = measures(course, evidence) if acted else ()
        found = [*(failures(course, evidence, measured) if acted else ()), *self._own_failures(run)]
        verdict = _verdict(run, found)
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
            sentence=_sentence(verdict, run, found, measured_outage(gaps)),
            failures=tuple(found),
            denials=run.denials,
            steady=self._steady(run),
            measures=measured,
            invariants=invariants(course, evidence) if acted else (),
            steps=tuple(_line(step, self._began) for step in run.steps),
            timeline=self._timeline(evidence, gaps),
            client=_client(run.gap, gaps, replace(evidence, addresses=self._heard_addresses), self._began),
            nodes=tuple(self._facts(name, before) for name in state.profile.nodes),
            splits=_splits(evidence),
            restored_by=run.restored_by,
            interrupted=run.interrupted and not self._timed_out,
            notes=(*run.notes, *(run.plan.notes if run.plan else ()), *(notes(course, evidence) if acted else ())),
            plan=document(run.plan) if run.plan else None,
        )

    def _course(self, plan: Plan | None, owner: str) -> Course:
        state = self._cluster.store.state
        taker = plan.impact.taker if plan is not None else None
        others = [name for name in state.profile.nodes if name != owner]
        taker = taker or (others[0] if others else owner)
        best = preferred_of(state.profile, self._instance, owner, taker)
        course = legs(self._drill, owner, taker, best)
        live = {name: live_of(self._action, state, self._instance, name) for name in state.profile.nodes}
        return Course(course, live, self._action.allowance_s)

    async def _evidence(
        self, run: RunReport, before: _Before, course: Course, owner: str, gaps: tuple[Gap, ...]
    ) -> Evidence:
        assert self._recorder is not None  # noqa: S101 - made before the run
        words = await self._notify(before) if run.outcome is not Outcome.REFUSED else {}
        return Evidence(
            owner=owner,
            began=self._began,
            ended=run.ended or self._cluster.now(),
            legs=tuple(_leg_run(leg, run.steps) for leg in course.legs),
            addresses=(*self._recorder.addresses, *_taken_away(course, run.steps)),
            states=tuple(self._recorder.states),
            gaps=gaps,
            measured=run.gap is not None,
            notify={name: found for name, (found, _) in words.items()},
            notify_reason={name: why for name, (_, why) in words.items()},
            live_after=await self._cluster.live_config(self._instance),
        )

    async def _notify(self, before: _Before) -> dict[str, tuple[tuple[str, ...] | None, str]]:
        found: dict[str, tuple[tuple[str, ...] | None, str]] = {}
        for name, mark in before.marks.items():
            transport = self._cluster.transport(name)
            if transport is None:
                found[name] = (None, "not connected")
            else:
                found[name] = await notify_words(transport, self._cluster.profile, mark)
        return found

    def _gaps(self, gap: GapReport | None) -> tuple[Gap, ...]:
        """The probe's gaps in session time: both clocks are monotonic, so one offset serves all."""
        ahead_s = self._cluster.now() - time.monotonic()
        return tuple(
            replace(each, began=each.began + ahead_s, ended=None if each.ended is None else each.ended + ahead_s)
            for each in (gap.gaps if gap else ())
        )

    def _own_failures(self, run: RunReport) -> list[Failure]:
        """What the engine itself says: a step without its effect, a steady state that did not return."""
        if self._timed_out:
            limit = f"it took longer than {self._drill.max_duration_s:.0f} s and was undone"
            return [Failure(FailureKind.TIMEOUT, limit)]
        if run.outcome is not Outcome.FAILED:
            return []
        failed = next((step for step in run.steps if step.stage is Stage.FAILED), None)
        if failed is not None:
            return [Failure(FailureKind.STEP, f"{failed.step.title}: {failed.text}", failed.step.title)]
        return [Failure(FailureKind.STEADY_STATE, f"afterwards: {run.sentence}")]

    def _steady(self, run: RunReport) -> tuple[Invariant, ...]:
        if run.plan is None:
            return ()
        state, now = self._cluster.store.state, self._cluster.now()
        expected = run.plan.steady if run.outcome is Outcome.SUCCEEDED else run.plan.before
        readings = [(each.sentence, each.judge(state, float("-inf"), now)) for each in expected]
        return tuple(Invariant(sentence, reading.holds, reading.text) for sentence, reading in readings)

    def _timeline(self, evidence: Evidence, gaps: tuple[Gap, ...]) -> tuple[Any, ...]:
        assert self._recorder is not None  # noqa: S101 - made before the run
        clients = client_entries(((gap.began, gap.duration_ms, _what(gap)) for gap in gaps), self._began)
        return tuple(sorted((*self._recorder.entries, *clients), key=lambda entry: entry.at_s))

    @property
    def _heard_addresses(self) -> tuple[AddressSeen, ...]:
        return tuple(self._recorder.addresses if self._recorder else ())

    def _facts(self, name: str, before: _Before) -> NodeFacts:
        told, offset = before.versions.get(name, {}), before.offsets.get(name)
        live = live_of(self._action, self._cluster.store.state, self._instance, name)
        return NodeFacts(
            name=name,
            keepalived=told.get("keepalived"),
            nginx=told.get("nginx"),
            clock_offset_ms=offset.offset_ms if offset else None,
            clock_uncertainty_ms=offset.uncertainty_ms if offset else None,
            live=_live(live),
        )


def measured_outage(gaps: Sequence[Gap]) -> float:
    """The longest gap in ms."""
    return max((gap.duration_ms for gap in gaps), default=0.0)


def record_body(report: DrillReport) -> dict[str, Any]:
    """What the ledger keeps of a drill. The plan stands in the run's own intent already."""
    body = drill_document(replace(report, plan=None), exit_code(report))
    return {"run": report.run, "action": f"drill {report.drill}", "who": report.who, "drill_report": body}


def _verdict(run: RunReport, found: Sequence[Failure]) -> Verdict:
    if run.outcome is Outcome.REFUSED:
        return Verdict.REFUSED
    if run.outcome in (Outcome.UNKNOWN, None):
        return Verdict.UNKNOWN
    return Verdict.FAIL if found or run.outcome is Outcome.FAILED else Verdict.PASS


def _sentence(verdict: Verdict, run: RunReport, found: Sequence[Failure], outage_ms: float) -> str:
    if verdict is Verdict.PASS:
        lost = f"the longest outage a client saw was {outage_ms:.0f} ms" if outage_ms else "no request failed"
        return f"everything as theory allows; {lost}" if run.gap is not None else "everything as expected"
    if verdict is Verdict.FAIL and found:
        restored = f" (restored by the {run.restored_by})" if run.restored_by is RestoredBy.DEAD_MAN else ""
        return f"{found[0].kind}: {found[0].text}{restored}"
    return run.sentence


def _leg_run(leg: Leg, steps: Sequence[StepReport]) -> LegRun:
    own = [step for step in steps if step.step.move == leg.number]
    acts = [step for step in own if step.step.kind in (Kind.DO, Kind.ASK, Kind.WATCH)]
    begun = [step for step in acts if step.began is not None]
    title = acts[0].step.title if acts else str(leg.move.verb)
    if leg.move.verb is DrillVerb.SWITCHOVER:
        title = f"switchover to {leg.standby}"
    if not begun:
        return LegRun(leg.number, title, "waiting")
    worst = [step.stage for step in own if step.stage in (Stage.FAILED, Stage.UNKNOWN)]
    over = bool(own) and all(step.stage is Stage.DONE for step in own)
    ends = [step.ended for step in own if step.ended is not None]
    said: dict[str, Any] = {}
    for step in acts:
        said |= json.loads(step.said) if step.said else {}
    stage = "done" if over else str(worst[0]) if worst else "running"
    return LegRun(leg.number, title, stage, begun[0].began, max(ends, default=None), said)


def _taken_away(course: Course, steps: Sequence[StepReport]) -> Iterator[AddressSeen]:
    """A machine that is off or frozen answers for no address, though its kernel tells nobody."""
    for leg in course.legs:
        step = next((s for s in steps if s.step.move == leg.number and s.step.kind is Kind.DO), None)
        at = step.began if step is not None else None
        node = leg.node(leg.move.on)
        if at is not None and leg.move.verb in (DrillVerb.POWER_OFF, DrillVerb.FREEZE) and node == leg.owner:
            yield AddressSeen(at, at, 0.0, node, present=False)
        elif at is not None and leg.move.verb is DrillVerb.THAW:
            yield AddressSeen(at, at, 0.0, node, present=True)


def _line(step: StepReport, began: float) -> StepLine:
    took = None if step.began is None or step.ended is None else round(step.ended - step.began, 3)
    start = None if step.began is None else round(step.began - began, 3)
    return StepLine(step.step.title, step.step.node, str(step.step.kind), str(step.stage), start, took, step.text)


def _client(gap: GapReport | None, gaps: Sequence[Gap], evidence: Evidence, began: float) -> ClientView | None:
    if gap is None:
        return None
    spent = [each.spent_ms for each in gaps]
    return ClientView(
        attempts=gap.attempts,
        failed=gap.refused + gap.dark + gap.wrong,
        longest_ms=gap.longest_ms or 0.0,
        total_ms=gap.total_ms,
        refused_ms=round(sum(each.get("refused", 0.0) for each in spent), 1),
        dark_ms=round(sum(each.get("dark", 0.0) for each in spent), 1),
        wrong_ms=round(sum(each.get("wrong", 0.0) for each in spent), 1),
        stale_ms=_stale_ms(gap, evidence),
        resolution_ms=gap.resolution_ms,
        gaps=tuple(
            (round(g.began - began, 4), g.duration_ms, g.refused, g.dark, g.wrong) for g in gaps[:GAPS_SHOWN]
        ),
    )


def _stale_ms(gap: GapReport, evidence: Evidence) -> float:
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


def _splits(evidence: Evidence) -> dict[str, dict[str, int]]:
    return {
        domain: {node: count for node, count in said["backends"].items() if count is not None}
        for run in evidence.legs
        for domain, said in run.said.items()
    }


def _what(gap: Gap) -> str:
    kinds = ((gap.refused, "refused"), (gap.dark, "dark"), (gap.wrong, "wrong"))
    told = ", ".join(f"{count} {word}" for count, word in kinds if count)
    return f"{told}; then answered by {gap.to_node}" if gap.to_node else told


def _live(live: LiveVrrp) -> dict[str, Any]:
    return {
        "source": "profile" if live.assumed else "keepalived",
        "priority": live.priority,
        "advert_interval_s": live.advert_interval_s,
        "nopreempt": live.nopreempt,
        "virtual_router_id": live.virtual_router_id,
        "checks": [
            {"name": c.name, "interval_s": c.interval_s, "timeout_s": c.timeout_s, "fall": c.fall, "rise": c.rise}
            for c in live.checks
        ],
        "notify": list(live.notify),
    }
