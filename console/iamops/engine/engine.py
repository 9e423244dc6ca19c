"""The one engine: guards, lock, second look, audit, steps, undo, audit. Every front goes through here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from iamops.engine.observe import moved_vips, not_seen, observe, state_summary
from iamops.engine.order import Order
from iamops.engine.ports import (
    AuditLog,
    AuditUnwritable,
    CommandRunner,
    GapMeter,
    Lock,
    Locked,
    LockNote,
    StateReader,
    uncancelled,
)
from iamops.engine.steps import LAST_LOOK_S, Stepper, Stopped
from iamops.judge.guards.guards import denials
from iamops.judge.run import (
    Outcome,
    Phase,
    RestoredBy,
    RunReport,
    Stage,
    beyond,
    gap_document,
    step_document,
    undone_document,
)
from iamops.model.facts import LinkState
from iamops.model.journal import Anchor, noted
from iamops.model.state import ClusterState
from iamops.plan.build import plan_for
from iamops.plan.check_timing import recovers_s
from iamops.plan.config.pushed import Side
from iamops.plan.denial import Denial, GuardContext, overridden, refused_by, standing, without_looks
from iamops.plan.expectation import StateExpectation, VipSomewhere, judge_all
from iamops.plan.observation import Judgement, Observation
from iamops.plan.predict import AFTERWARDS, current_state_text, rests_on, unseen
from iamops.plan.step_builders import controls_a_unit
from iamops.plan.steps import Plan, StepKind, document

Tell = Callable[[RunReport], None]
FRESH_WITHIN_S = 5.0
PATIENCE_S = 0.1
# Whatever was done, the last word is a client's.
ASKED_LAST_S = 0.5
UNMEASURED = "what a client loses is not measured: none was answered at the VIP when it began"
NOBODY_AGREED = "what stood in the way is gone by now, and nobody was asked about the plan: ask again"
UNNOTED = "no line of this run is known to be in the journal of"
APART = "see `iamops config diff`, then push again, or go back with `iamops config rollback`"


class Weighed(NamedTuple):
    """A plan, the denials that stand, and those that were overridden."""

    plan: Plan
    standing: tuple[Denial, ...]
    overridden: tuple[Denial, ...]


def reachable(state: ClusterState) -> list[str]:
    return [node.name for node in state.nodes.values() if node.link.state is LinkState.UP]


class Engine:
    """Carries out orders, one at a time. `meter` makes a gap meter for a plan, or None. `besides`: what speaks
    against an order that is not in the cluster's state.
    """

    def __init__(
        self,
        hands: CommandRunner,
        eyes: StateReader,
        audit: AuditLog,
        meter: Callable[[Plan], GapMeter | None],
        besides: Callable[[Order], tuple[Denial, ...]] = lambda order: (),
    ) -> None:
        self.hands = hands
        self.eyes = eyes
        self.audit = audit
        self.meter = meter
        self._besides = besides
        self._own: set[str] = set()

    def consider(self, order: Order) -> tuple[Plan, tuple[Denial, ...]]:
        """The plan as of now, and what speaks against it. Raises NoSuchTarget."""
        plan, denied, _ = self.weigh(order)
        return plan, denied

    def weigh(self, order: Order) -> Weighed:
        """The same with the denials that gave way, because the order insists. Raises NoSuchTarget."""
        state, now = self.eyes.state, self.eyes.now()
        plan = plan_for(order.action, state, now)
        case = GuardContext(plan, state, now, order.armed, order.run, frozenset(self._own), order.who)
        said, codes = (*denials(case), *self._besides(order)), order.overrides
        away = overridden(said, codes, order.insisted)
        looked_past = away if order.insisted is None else order.insisted
        plan = without_looks(plan, codes, looked_past)
        return Weighed(plan, standing(said, codes, order.insisted), away)

    async def weigh_anew(self, order: Order) -> Weighed:
        """By evidence that is newer than this call: what stands in the way may be gone. Raises NoSuchTarget."""
        await self.eyes.fresh(reachable(self.eyes.state), FRESH_WITHIN_S)
        return self.weigh(order)

    async def run(self, order: Order, tell: Tell) -> RunReport:
        """Carries an order out, or says why not. Raises NoSuchTarget; cancelling it undoes first."""
        self._own.add(order.run)
        run = _Run(self, order, tell)
        try:
            await run.through()
        except asyncio.CancelledError:
            run.interrupted()
        return run.report


class _Run:
    """One order on its way."""

    def __init__(self, engine: Engine, order: Order, tell: Tell) -> None:
        self._engine, self._order, self._tell_front = engine, order, tell
        self._hands, self._eyes, self._audit = engine.hands, engine.eyes, engine.audit
        self._stepper: Stepper | None = None
        self._meter: GapMeter | None = None
        self._before: dict[str, Any] = {}
        self._anchor: Anchor | None = None
        self.report = RunReport(order.run, order.action, self._eyes.now())

    async def through(self) -> None:
        plan, denied, away = self._engine.weigh(self._order)
        self._tell(plan=plan)
        if denied and self._order.armed and self._order.agreed:
            # What stood in the way may be gone already: no one is refused on old news.
            self._tell(phase=Phase.LOOKING)
            plan, denied, away = await self._engine.weigh_anew(self._order)
            self._tell(plan=plan)
        if not denied and not self._order.agreed:
            denied = (Denial("not-confirmed", NOBODY_AGREED),)
        if denied:
            self._refuse(denied)
            return
        if self._order.insisted is None:
            self._order = replace(self._order, insisted=away)
        try:
            self._audit.check()
        except AuditUnwritable as failure:
            self._refuse((Denial("audit-unwritable", str(failure)),), audited=False)
            return
        if not plan.steps:
            self._finish(Outcome.SUCCEEDED, plan.prediction)
            return
        await self._locked(plan)

    def interrupted(self) -> None:
        """Cancelled before anything was sent, or after all of it was undone."""
        if self.report.outcome is None:
            self._finish(Outcome.FAILED, "interrupted before anything was changed", interrupted=True)

    async def _locked(self, plan: Plan) -> None:
        self._tell(phase=Phase.LOCKING)
        note = LockNote(self._order.run, self._order.who, self._order.action.sentence)
        try:
            nodes = self._lockable(plan)
            beside = [node for node in nodes if node not in plan.nodes]
            async with self._hands.lock(nodes, note, beside) as lock:
                for node, why in lock.unlocked.items():
                    self._tell(notes=(*self.report.notes, f"{node} is not locked, and not touched: {why}"))
                await self._under_lock(plan, lock)
        except Locked as failure:
            self._refuse((Denial("locked", str(failure)),))

    def _lockable(self, plan: Plan) -> list[str]:
        """Every node that can be reached, in one order for everyone: one operator acts on a cluster."""
        wanted = {*reachable(self._eyes.state), *plan.nodes}
        return sorted(wanted, key=lambda name: self._eyes.state.profile.nodes[name].address)

    async def _under_lock(self, shown: Plan, lock: Lock) -> None:
        self._tell(phase=Phase.LOOKING)
        unseen = await self._looked_again(shown)
        plan, denied = self._engine.consider(self._order)
        denied = (*denied, *(Denial("stale-evidence", f"could not look again: {each}") for each in unseen))
        denied = denied or self._voided(shown, plan)
        if denied:
            self._refuse(denied)
            return
        await self._audited(plan, lock)

    def _voided(self, shown: Plan, plan: Plan) -> tuple[Denial, ...]:
        """What a person read is void with any change. Where nobody read it, a VRRP state that follows the command
        before by a check's interval voids nothing, as long as the same is done by the same commands.
        """
        read = self._order.shown
        if read is None:
            void, since = plan.unread_fingerprint != shown.unread_fingerprint, "made"
        else:
            void, since = plan.fingerprint != read, f"shown ({read} is now {plan.fingerprint})"
        reason = f"the state has changed since the plan was {since}: look again"
        return (Denial("state-changed", reason),) if void else ()

    async def _looked_again(self, shown: Plan) -> tuple[str, ...]:
        """What could not be seen anew of the nodes that are touched. Those beside them the guards judge by age."""
        up, all_of_it = reachable(self._eyes.state), rests_on(shown, self._eyes.state.profile)
        beside = [name for name in all_of_it if name in up and name not in shown.nodes]
        unseen = await self._eyes.fresh((*shown.nodes, *beside), FRESH_WITHIN_S)
        return await self._eyes.fresh(shown.nodes, FRESH_WITHIN_S) if unseen and beside else unseen

    async def _audited(self, plan: Plan, lock: Lock) -> None:
        self._before = state_summary(self._eyes.state, self._eyes.now())
        try:
            self._anchor = self._audit.append("intent", self._intent(plan))
        except AuditUnwritable as failure:
            self._refuse((Denial("audit-unwritable", str(failure)),), audited=False)
            return
        self._stepper = Stepper(plan, self._hands, self._eyes, lock, self._tell, lambda: self._harm(plan))
        try:
            await self._carried_out(plan)
        finally:
            if self._meter is not None:
                await uncancelled(asyncio.to_thread(self._meter.stop))
            self._record()
            await uncancelled(self._note(plan, f"{self._order.action.sentence}: {self.report.outcome}"))

    async def _carried_out(self, plan: Plan) -> None:
        assert self._stepper is not None  # noqa: S101 - made by the caller
        try:
            await self._note(plan, f"{self._order.action.sentence} begins")
            self._tell(phase=Phase.ACTING, plan=plan)
            self._meter = self._started(plan)
            await self._stepper.forward()
            reading = await self._steady(plan)
        except Stopped as stop:
            await uncancelled(self._back(str(stop), stop))
        except asyncio.CancelledError:
            await uncancelled(self._back("interrupted", None, interrupted=True))
        except Exception as error:
            # A bug of ours, or a front that failed while we told it: the nodes must not pay for it.
            await uncancelled(self._back(f"an error of our own: {error!r}", None))
            raise
        else:
            await self._ended(plan, reading)

    async def _ended(self, plan: Plan, reading: Observation) -> None:
        """All of it is done. It has succeeded once its effects can no longer show and clients were served."""
        lost = None
        if reading.holds:
            try:
                reading = await self._watched(plan)
            except asyncio.CancelledError:
                await uncancelled(self._done_all_the_same())
                return
            lost = await self._lost(plan)
        if reading.holds and not lost:
            self._finish(Outcome.SUCCEEDED, reading.text)
            return
        text = f"{reading.text}; but {lost}" if lost else reading.text
        unknown = not lost and not_seen(reading, self._eyes)
        await uncancelled(self._not_well(text, unknown=unknown))

    async def _not_well(self, text: str, *, unknown: bool) -> None:
        """Every step is done. What was stopped for good is started again; files stay as they are now."""
        assert self._stepper is not None  # noqa: S101 - its steps are done
        if self._stepper.undoing.kept:
            self._tell(phase=Phase.UNDOING)
            back = await self._stepper.undoing.not_kept()
            restored = RestoredBy.CONSOLE if back else RestoredBy.NOBODY
            await self._tell_truth(text, unknown=unknown, interrupted=False, restored=restored)
            return
        left = await self._stepper.undoing.files_left()
        stays = "; ".join([text, *(each.text for each in left)])
        self._finish(
            Outcome.UNKNOWN if unknown else Outcome.FAILED,
            stays,
            restored_by=RestoredBy.NOBODY if any(each.side is not Side.OLD for each in left) else None,
            files={each.files.node: str(each.side) for each in left},
        )

    def _harm(self, plan: Plan) -> str | None:
        """What a client has lost so far beyond the forecast, as a sentence."""
        gap = self._meter.report() if self._meter is not None else None
        return beyond(gap, plan.forecast) if gap is not None and plan.forecast is not None else None

    async def _steady(self, plan: Plan) -> Observation:
        return await self._seen(plan.steady_state, plan.settle_s)

    async def _watched(self, plan: Plan) -> Observation:
        """The steady state once more, and who was well, once effects of the last change cannot show any more."""
        assert self._stepper is not None  # noqa: S101 - made by the caller
        lasts_s = plan.forecast.lasts_s if plan.forecast is not None else 0.0
        units = [
            each for each in self._stepper.steps if each.step.kind is StepKind.DO and controls_a_unit(each.step)
        ]
        done = [each.ended for each in units if each.ended is not None]
        until = max([self._eyes.now() + ASKED_LAST_S, *(at + lasts_s for at in done)])
        while self._eyes.now() < until:
            self._tell()
            await self._eyes.changed(min(PATIENCE_S, max(0.001, until - self._eyes.now())))
        reading = judge_all(plan.steady_state, self._eyes.state, float("-inf"), self._eyes.now())
        if not reading.holds or not plan.watched:
            return reading
        # A FAULT may be an earlier change's, already cured: keepalived sees that when its check has run again.
        within_s = LAST_LOOK_S + recovers_s(self._eyes.state, plan.watched)
        well = await self._seen(plan.watched, within_s)
        return reading if well.holds else well

    async def _seen(self, expected: Sequence[StateExpectation], within_s: float) -> Observation:
        """By evidence that is newer than now."""
        now, until = self._eyes.now(), self._eyes.now() + within_s
        return await observe(
            expected, self._hands, self._eyes, since=now, began=now, deadline=until, tick=self._tell
        )

    async def _lost(self, plan: Plan) -> str | None:
        """What a client lost in all beyond the forecast; None: it was served as it was told."""
        if self._meter is not None and plan.forecast is not None:
            await uncancelled(asyncio.to_thread(self._meter.stop))
        return self._harm(plan)

    async def _back(self, why: str, stop: Stopped | None, *, interrupted: bool = False) -> None:
        """Undoes, waits for the nodes' timers where that was not possible, and says what is true now."""
        assert self._stepper is not None  # noqa: S101 - made before the first step
        if stop is not None and stop.refusing is not None and self.report.plan is not None:
            refusal = refused_by(self.report.plan, stop.refusing, why)
            if not self._stepper.touched:
                self._tell(phase=Phase.UNDOING)
                await self._stepper.undoing.back()
                self._refuse((refusal,))
                return
            why = f"{why}{refusal.insist}"
        spoiled = bool(self._stepper.undoing.spoiled)
        self._tell(phase=Phase.UNDOING)
        await self._stepper.undoing.back()
        restored, unseen = None, False
        if spoiled:
            restored = RestoredBy.DEAD_MAN if self._stepper.undoing.by_timer else RestoredBy.CONSOLE
        if self._stepper.undoing.spoiled:
            self._tell(phase=Phase.WATCHING)
            seen = await self._stepper.undoing.watch()
            restored = RestoredBy.DEAD_MAN if seen is Judgement.HOLDS else RestoredBy.NOBODY
            unseen = seen is Judgement.UNKNOWN
        if interrupted and not spoiled and self._all_done():
            await self._done_all_the_same()
            return
        unknown = unseen or (stop is not None and stop.unknown)
        await self._tell_truth(why, unknown=unknown, interrupted=interrupted, restored=restored)

    def _all_done(self) -> bool:
        """Interrupted while it was waited for the steady state: there is nothing that could be undone."""
        assert self._stepper is not None  # noqa: S101 - made before the first step
        return all(step.stage is Stage.DONE for step in self._stepper.steps)

    async def _done_all_the_same(self) -> None:
        plan, now = self.report.plan, self._eyes.now()
        assert plan is not None  # noqa: S101 - its steps are done
        reading = await observe(
            plan.steady_state, self._hands, self._eyes, since=now, began=now, deadline=now + LAST_LOOK_S
        )
        watched = any(step.kind is StepKind.WATCH for step in plan.steps)
        unwatched = "" if watched else ", before its effects were watched to the end"
        self._finish(
            Outcome.SUCCEEDED if reading.holds and watched else Outcome.UNKNOWN,
            f"interrupted when every step was done{unwatched}; now: {reading.text}",
            interrupted=True,
        )

    async def _tell_truth(
        self, why: str, *, unknown: bool, interrupted: bool, restored: RestoredBy | None
    ) -> None:
        """Only what is seen now. A node that something was done to and that is not seen leaves it unknown."""
        assert self._stepper is not None  # noqa: S101 - made before the first step
        nodes, state = tuple(self._eyes.state.nodes), self._eyes.state
        seen = [name for name in nodes if state.nodes[name].link.state is LinkState.UP]
        await self._eyes.fresh(seen, LAST_LOOK_S)
        state, now = self._eyes.state, self._eyes.now()
        dark = unseen(state, nodes, now)
        left = await self._stepper.undoing.files_left()
        sides = {each.side for each in left}
        apart = len(sides) > 1 or bool(sides & {Side.NEITHER, Side.UNSEEN})
        if apart or Side.NEW in sides:
            restored = RestoredBy.NOBODY
        if apart or any(node in dark for node in self._stepper.touched_nodes):
            unknown = True
        texts = [
            current_state_text(self._truth(), state, dark, self.report.began, now),
            *(each.text for each in left),
        ]
        sentence = f"{why}; now: {'; '.join(texts)}"
        moved = moved_vips(self._before, state_summary(state, now), dark)
        if self.report.stays or moved:
            sentence = f"{sentence}; not undone: {', '.join([*self.report.stays, *moved])}"
        self._finish(
            Outcome.UNKNOWN if unknown else Outcome.FAILED,
            f"{sentence}; {APART}" if apart or Side.NEW in sides else sentence,
            interrupted=interrupted,
            restored_by=restored,
            files={each.files.node: str(each.side) for each in left},
            moved_vips=moved,
        )

    def _truth(self) -> list[StateExpectation]:
        """What a person asks first afterwards: where are the VIPs, and does what we undid run again?"""
        assert self._stepper is not None  # noqa: S101 - made before the first step
        undone = [each for report in self._stepper.undoing.undone for each in report.undo.expect]
        return [*(VipSomewhere(name) for name in self._eyes.state.profile.vrrp), *dict.fromkeys(undone)]

    # --- the account ---

    def _tell(self, **changes: Any) -> None:
        if self._stepper is not None:
            changes |= {"steps": tuple(self._stepper.steps), "undone": tuple(self._stepper.undoing.undone)}
        if self._meter is not None:
            changes["gap"] = self._meter.report()
        self.report = replace(self.report, **changes)
        self._tell_front(self.report)

    def _finish(self, outcome: Outcome, sentence: str, **changes: Any) -> None:
        now = self._eyes.now()
        if self._stepper is not None and self._stepper.too_late:
            changes["notes"] = (*self.report.notes, self._stepper.too_late)
        plan = self.report.plan
        if outcome is Outcome.SUCCEEDED and plan is not None and plan.steps:
            cut = [said for note, said in AFTERWARDS.items() if note in plan.notes]
            changes["notes"] = (*changes.get("notes", self.report.notes), *cut)
        self._tell(outcome=outcome, sentence=sentence, phase=Phase.OVER, ended=now, **changes)

    def _refuse(self, denied: tuple[Denial, ...], *, audited: bool = True) -> None:
        sentence = "; ".join(denial.reason for denial in denied)
        self._finish(Outcome.REFUSED, sentence, denials=denied)
        if audited:
            try:
                self._audit.append("refused", {**self._who(), "outcome": Outcome.REFUSED, "sentence": sentence})
            except AuditUnwritable as failure:
                self._tell(notes=(*self.report.notes, str(failure)))

    def _who(self) -> dict[str, Any]:
        order, profile = self._order, self._eyes.state.profile
        return {
            "run": order.run,
            "profile": profile.name,
            "environment": profile.environment,
            "action": order.action.sentence,
            "command": order.command,
            "who": order.who,
            "from": order.origin,
            "reason": order.reason,
            "overrides": list(order.overrides),
        }

    def _intent(self, plan: Plan) -> dict[str, Any]:
        away = [f"{each.code}: {each.reason}" for each in self._order.insisted or ()]
        return {**self._who(), "overridden": away, "plan": document(plan), "before": self._before}

    def _record(self) -> None:
        report = self.report
        body = {
            **self._who(),
            "outcome": report.outcome,
            "sentence": report.sentence,
            "steps": [step_document(step, report.began) for step in report.steps],
            "undone": [undone_document(each) for each in report.undone],
            "restored_by": report.restored_by,
            "interrupted": report.interrupted,
            "not_undone": list(report.not_undone),
            "client": gap_document(report.gap),
            "files": dict(report.files),
            "after": state_summary(self._eyes.state, self._eyes.now()),
        }
        self._anchor = None
        try:
            self._anchor = self._audit.append("outcome", body)
        except AuditUnwritable as failure:
            self._tell(notes=(*report.notes, f"the outcome could not be recorded: {failure}"))

    async def _note(self, plan: Plan, text: str) -> None:
        """The run, and how far the ledger goes, in the journal of each node."""
        order = self._order
        reason = f" reason={order.reason!r}" if order.reason else ""
        line = noted(order.run, self._anchor, f"{text} by {order.who} from {order.origin}{reason}")
        why = await asyncio.gather(*(self._hands.note(node, line) for node in plan.nodes))
        failed = [f"{UNNOTED} {node}: {each}" for node, each in zip(plan.nodes, why, strict=True) if each]
        if failed:
            self._tell(notes=tuple(dict.fromkeys((*self.report.notes, *failed))))

    def _started(self, plan: Plan) -> GapMeter | None:
        """Only what changes something is measured; a meter that cannot start is no reason to stop."""
        if not any(step.kind is StepKind.DO for step in plan.steps):
            return None
        meter = self._engine.meter(plan)
        if meter is None:
            self._tell(notes=(*self.report.notes, UNMEASURED))
            return None
        try:
            meter.start()
        except OSError as failure:
            self._tell(notes=(*self.report.notes, f"the gap is not measured: {failure}"))
            return None
        return meter
