"""The one engine: guards, lock, second look, audit, steps, undo, audit. Every front goes through here.

`Execution` carries out one plan that is locked and written down; `Engine` decides whether there is one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

from iamops.engine.account import OnProgress, RunAccount, moved_vips, state_summary
from iamops.engine.observe import not_seen, observe
from iamops.engine.ports import AuditLog, CommandRunner, GapMeter, Lock, Locked, Order, StateReader, uncancelled
from iamops.engine.steps import LAST_LOOK_S, Stepper, Stopped
from iamops.judge.guards.guards import denials
from iamops.judge.run import Outcome, Phase, RestoredBy, RunReport, Stage, beyond
from iamops.model.facts import LinkState
from iamops.model.state import ClusterState
from iamops.plan.build import plan_for
from iamops.plan.check_timing import recovers_s
from iamops.plan.config.change import Side
from iamops.plan.denial import Denial, GuardContext, overridden, refused_by, remaining_denials, without_looks
from iamops.plan.expectation import StateExpectation, VipSomewhere, judge_all
from iamops.plan.observation import Judgement, Observation
from iamops.plan.predict import current_state_text, rests_on, unseen
from iamops.plan.step_builders import controls_a_unit
from iamops.plan.steps import Plan, StepKind

MeterFor = Callable[[Plan], GapMeter | None]
POLL_S = 0.1
# Whatever was done, the last word is a client's.
ASKED_LAST_S = 0.5
UNMEASURED = "what a client loses is not measured: none was answered at the VIP when it began"
INCOMPATIBLE = "see `iamops config diff`, then push again, or go back with `iamops config rollback`"


class Execution:
    """`run` ends with an outcome in the account, whatever happens; an undo is not interrupted."""

    def __init__(
        self,
        plan: Plan,
        commands: CommandRunner,
        reader: StateReader,
        lock: Lock,
        account: RunAccount,
        meter_for: MeterFor,
    ) -> None:
        self._plan, self._commands, self._reader = plan, commands, reader
        self._account, self._meter_for = account, meter_for
        self._stepper = Stepper(plan, commands, reader, lock, account.update, self._client_loss)
        self._undoing = self._stepper.undoing
        account.stepper = self._stepper

    async def run(self) -> None:
        account, action = self._account, self._account.order.action.sentence
        try:
            await account.note(self._commands, self._plan.nodes, f"{action} begins")
            account.update(phase=Phase.ACTING, plan=self._plan)
            account.meter = self._started_meter()
            await self._stepper.forward()
            observed = await self._observe(self._plan.steady_state, self._plan.settle_s)
        except Stopped as stop:
            await uncancelled(self._take_back(str(stop), stop))
        except asyncio.CancelledError:
            await uncancelled(self._take_back("interrupted", None, interrupted=True))
        except Exception as error:
            # A bug of ours, or a front that failed on a report: the nodes must not pay for it.
            await uncancelled(self._take_back(f"an error of our own: {error!r}", None))
            raise
        else:
            await self._judge(observed)
        finally:
            if account.meter is not None:
                await uncancelled(asyncio.to_thread(account.meter.stop))
            account.record_outcome()
            await uncancelled(
                account.note(self._commands, self._plan.nodes, f"{action}: {account.report.outcome}")
            )

    def _started_meter(self) -> GapMeter | None:
        """Only what changes something is measured; a meter that cannot start is no reason to stop."""
        if not any(step.kind is StepKind.DO for step in self._plan.steps):
            return None
        meter = self._meter_for(self._plan)
        if meter is None:
            self._account.update(notes=[UNMEASURED])
            return None
        try:
            meter.start()
        except OSError as failure:
            self._account.update(notes=[f"the gap is not measured: {failure}"])
            return None
        return meter

    def _client_loss(self) -> str | None:
        """What a client has lost so far beyond the forecast, as a sentence."""
        meter, forecast = self._account.meter, self._plan.forecast
        gap = meter.report() if meter is not None else None
        return beyond(gap, forecast) if gap is not None and forecast is not None else None

    async def _observe(self, expected: Sequence[StateExpectation], within_s: float) -> Observation:
        """By evidence that is newer than now."""
        deadline = self._reader.now() + within_s
        return await observe(expected, self._commands, self._reader, deadline=deadline, tick=self._account.update)

    # --- every step is done ---

    async def _judge(self, observed: Observation) -> None:
        """It has succeeded once its effects can no longer show and clients were served."""
        loss = None
        if observed.holds:
            try:
                observed = await self._watch_effects()
            except asyncio.CancelledError:
                await uncancelled(self._interrupted_when_done())
                return
            if self._account.meter is not None and self._plan.forecast is not None:
                await uncancelled(asyncio.to_thread(self._account.meter.stop))
            loss = self._client_loss()
        if observed.holds and not loss:
            self._account.finished(Outcome.SUCCEEDED, observed.text)
            return
        text = f"{observed.text}; but {loss}" if loss else observed.text
        unknown = not loss and not_seen(observed, self._reader)
        await uncancelled(self._did_not_end_well(text, unknown=unknown))

    async def _watch_effects(self) -> Observation:
        """The steady state once more, and who was well, once effects of the last change cannot show any more."""
        plan, reader = self._plan, self._reader
        lasts_s = plan.forecast.lasts_s if plan.forecast is not None else 0.0
        until = reader.now() + ASKED_LAST_S
        for report in self._stepper.steps:
            if report.step.kind is StepKind.DO and controls_a_unit(report.step) and report.ended is not None:
                until = max(until, report.ended + lasts_s)
        while reader.now() < until:
            self._account.update()
            await reader.changed(min(POLL_S, max(0.001, until - reader.now())))
        observed = judge_all(plan.steady_state, reader.state, float("-inf"), reader.now())
        if not observed.holds or not plan.watched:
            return observed
        # A FAULT may be an earlier change's, already cured: keepalived sees that when its check has run again.
        well = await self._observe(plan.watched, LAST_LOOK_S + recovers_s(reader.state, plan.watched))
        return observed if well.holds else well

    async def _did_not_end_well(self, text: str, *, unknown: bool) -> None:
        """What was stopped for good is started again; files stay as they are now."""
        if self._undoing.kept:
            self._account.update(phase=Phase.UNDOING)
            restored = RestoredBy.CONSOLE if await self._undoing.not_kept() else RestoredBy.NOBODY
            await self._finish_as_seen(text, unknown=unknown, interrupted=False, restored=restored)
            return
        files = await self._undoing.files_left()
        self._account.finished(
            Outcome.UNKNOWN if unknown else Outcome.FAILED,
            "; ".join([text, *(found.text for found in files)]),
            restored_by=RestoredBy.NOBODY if any(found.side is not Side.OLD for found in files) else None,
            files={found.files.node: str(found.side) for found in files},
        )

    async def _interrupted_when_done(self) -> None:
        """There is nothing that could be undone."""
        deadline = self._reader.now() + LAST_LOOK_S
        observed = await observe(self._plan.steady_state, self._commands, self._reader, deadline=deadline)
        watched = any(step.kind is StepKind.WATCH for step in self._plan.steps)
        unwatched = "" if watched else ", before its effects were watched to the end"
        sentence = f"interrupted when every step was done{unwatched}; now: {observed.text}"
        outcome = Outcome.SUCCEEDED if observed.holds and watched else Outcome.UNKNOWN
        self._account.finished(outcome, sentence, interrupted=True)

    # --- back ---

    async def _take_back(self, why: str, stop: Stopped | None, *, interrupted: bool = False) -> None:
        """Undoes, waits for the nodes' timers where that was not possible, and says what is true now."""
        account, undoing = self._account, self._undoing
        account.update(phase=Phase.UNDOING)
        if stop is not None and stop.refusing is not None:
            refusal = refused_by(self._plan, stop.refusing, why)
            if not self._stepper.touched:
                await undoing.back()
                account.refused(refusal)
                return
            why = f"{why}{refusal.insist}"
        spoiled = bool(undoing.spoiled)
        await undoing.back()
        restored, blind = None, False
        if spoiled:
            restored = RestoredBy.DEAD_MAN if undoing.by_timer else RestoredBy.CONSOLE
        if undoing.spoiled:
            account.update(phase=Phase.WATCHING)
            seen = await undoing.watch()
            restored = RestoredBy.DEAD_MAN if seen is Judgement.HOLDS else RestoredBy.NOBODY
            blind = seen is Judgement.UNKNOWN
        if interrupted and not spoiled and all(step.stage is Stage.DONE for step in self._stepper.steps):
            await self._interrupted_when_done()
            return
        unknown = blind or (stop is not None and stop.unknown)
        await self._finish_as_seen(why, unknown=unknown, interrupted=interrupted, restored=restored)

    async def _finish_as_seen(
        self, why: str, *, unknown: bool, interrupted: bool, restored: RestoredBy | None
    ) -> None:
        """Only what is seen now. A node that something was done to and that is not seen leaves it unknown."""
        account, reader = self._account, self._reader
        nodes = tuple(reader.state.nodes)
        up = [name for name in nodes if reader.state.nodes[name].link.state is LinkState.UP]
        await reader.fresh(up, LAST_LOOK_S)
        state, now = reader.state, reader.now()
        not_seen_now = unseen(state, nodes, now)

        files = await self._undoing.files_left()
        sides = {found.side for found in files}
        differ = len(sides) > 1 or bool(sides & {Side.NEITHER, Side.UNSEEN})
        if differ or Side.NEW in sides:
            restored = RestoredBy.NOBODY
        if differ or any(node in not_seen_now for node in self._stepper.touched_nodes):
            unknown = True

        # What a person asks first afterwards: where are the VIPs, and does what we undid run again?
        undone = [expected for report in self._undoing.undone for expected in report.undo.expect]
        asked = [*(VipSomewhere(name) for name in state.profile.vrrp), *dict.fromkeys(undone)]
        seen = current_state_text(asked, state, not_seen_now, account.report.began, now)
        sentence = f"{why}; now: {'; '.join([seen, *(found.text for found in files)])}"
        moved = moved_vips(account.before, state_summary(state, now), not_seen_now)
        if account.report.stays or moved:
            sentence = f"{sentence}; not undone: {', '.join([*account.report.stays, *moved])}"
        if differ or Side.NEW in sides:
            sentence = f"{sentence}; {INCOMPATIBLE}"
        account.finished(
            Outcome.UNKNOWN if unknown else Outcome.FAILED,
            sentence,
            interrupted=interrupted,
            restored_by=restored,
            files={found.files.node: str(found.side) for found in files},
            moved_vips=moved,
        )


FRESH_WITHIN_S = 5.0
NOBODY_AGREED = "what stood in the way is gone by now, and nobody was asked about the plan: ask again"


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
        commands: CommandRunner,
        reader: StateReader,
        audit_log: AuditLog,
        meter: MeterFor,
        besides: Callable[[Order], tuple[Denial, ...]] = lambda order: (),
    ) -> None:
        self.commands, self.reader, self.audit_log, self.meter = commands, reader, audit_log, meter
        self._besides = besides
        self._own_runs: set[str] = set()

    def consider(self, order: Order) -> tuple[Plan, tuple[Denial, ...]]:
        """The plan as of now, and what speaks against it. Raises NoSuchTarget."""
        plan, denied, _ = self.weigh(order)
        return plan, denied

    def weigh(self, order: Order) -> Weighed:
        """The same with the denials that gave way, because the order insists. Raises NoSuchTarget."""
        state, now = self.reader.state, self.reader.now()
        plan = plan_for(order.action, state, now)
        context = GuardContext(plan, state, now, order.armed, order.run, frozenset(self._own_runs), order.who)
        found, codes = (*denials(context), *self._besides(order)), order.overrides
        given_way = overridden(found, codes, order.insisted)
        plan = without_looks(plan, codes, given_way if order.insisted is None else order.insisted)
        return Weighed(plan, remaining_denials(found, codes, order.insisted), given_way)

    async def weigh_anew(self, order: Order) -> Weighed:
        """By evidence that is newer than this call: what stands in the way may be gone. Raises NoSuchTarget."""
        await self.reader.fresh(reachable(self.reader.state), FRESH_WITHIN_S)
        return self.weigh(order)

    async def run(self, order: Order, on_progress: OnProgress, meter: MeterFor | None = None) -> RunReport:
        """Carries an order out, or says why not. Raises NoSuchTarget; cancelling it undoes first.

        `meter` measures this run in the place of the engine's own.
        """
        self._own_runs.add(order.run)
        account = RunAccount(order, self.reader, self.audit_log, on_progress)
        try:
            shown, denied, given_way = self.weigh(order)
            account.update(plan=shown)
            if denied and order.armed and order.agreed:
                # What stood in the way may be gone already: nobody is refused on old evidence.
                account.update(phase=Phase.LOOKING)
                shown, denied, given_way = await self.weigh_anew(order)
                account.update(plan=shown)
            if not denied and not order.agreed:
                denied = (Denial("not-confirmed", NOBODY_AGREED),)
            if denied:
                return account.refused(*denied)
            if order.insisted is None:
                order = account.order = replace(order, insisted=given_way)
            if unwritable := account.unwritable():
                return account.refused(unwritable, audited=False)
            if not shown.steps:
                return account.finished(Outcome.SUCCEEDED, shown.prediction)

            account.update(phase=Phase.LOCKING)
            # Every node that can be reached, in one order for everyone: one operator acts on a cluster.
            profile = self.reader.state.profile
            wanted = {*reachable(self.reader.state), *shown.nodes}
            nodes = sorted(wanted, key=lambda name: profile.nodes[name].address)
            holder = {"run": order.run, "who": order.who, "action": order.action.sentence}
            beside = [node for node in nodes if node not in shown.nodes]
            async with self.commands.lock(nodes, holder, beside) as lock:
                for node, why in lock.unlocked.items():
                    account.update(notes=[f"{node} is not locked, and not touched: {why}"])

                account.update(phase=Phase.LOOKING)
                unseen = await self._look_again(shown)
                plan, denied = self.consider(order)
                denied = (*denied, *(Denial("stale-evidence", f"could not look again: {what}") for what in unseen))
                denied = denied or _state_changed(order, shown, plan)
                if denied:
                    return account.refused(*denied)

                account.before = state_summary(self.reader.state, self.reader.now())
                if unwritable := account.intend(plan):
                    return account.refused(unwritable, audited=False)
                await Execution(plan, self.commands, self.reader, lock, account, meter or self.meter).run()
        except Locked as failure:
            return account.refused(Denial("locked", str(failure)))
        except asyncio.CancelledError:
            # Before anything was sent; what was sent is undone by now, and has its outcome.
            if account.report.outcome is None:
                account.finished(Outcome.FAILED, "interrupted before anything was changed", interrupted=True)
        return account.report

    async def _look_again(self, plan: Plan) -> tuple[str, ...]:
        """What could not be seen anew of the nodes that are touched. Those beside them the guards judge by age."""
        up, needed = reachable(self.reader.state), rests_on(plan, self.reader.state.profile)
        beside = [name for name in needed if name in up and name not in plan.nodes]
        unseen = await self.reader.fresh((*plan.nodes, *beside), FRESH_WITHIN_S)
        return await self.reader.fresh(plan.nodes, FRESH_WITHIN_S) if unseen and beside else unseen


def _state_changed(order: Order, shown: Plan, plan: Plan) -> tuple[Denial, ...]:
    """What a person read is void with any change. Where nobody read it, a VRRP state that follows the command
    before by a check's interval voids nothing, as long as the same is done by the same commands.
    """
    if order.shown is None:
        void, since = plan.fingerprint_without_vrrp != shown.fingerprint_without_vrrp, "made"
    else:
        void, since = plan.fingerprint != order.shown, f"shown ({order.shown} is now {plan.fingerprint})"
    reason = f"the state has changed since the plan was {since}: look again"
    return (Denial("state-changed", reason),) if void else ()
