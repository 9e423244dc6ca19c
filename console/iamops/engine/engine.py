"""The one engine: guards, lock, second look, audit, steps, undo, audit. Every front goes through here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from iamops.engine.account import OnProgress, RunAccount, state_summary
from iamops.engine.execution import Execution, MeterFor
from iamops.engine.ports import AuditLog, CommandRunner, Locked, Order, StateReader
from iamops.judge.guards.guards import denials
from iamops.judge.run import Outcome, Phase, RunReport
from iamops.model.facts import LinkState
from iamops.model.state import ClusterState
from iamops.plan.build import plan_for
from iamops.plan.denial import Denial, GuardContext, overridden, remaining_denials, without_looks
from iamops.plan.predict import rests_on
from iamops.plan.steps import Plan

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
