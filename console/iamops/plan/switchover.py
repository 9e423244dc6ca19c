"""The plan of a planned VIP move: raise the standby, let the owner go, bring it back as standby. Pure.

The gap a client sees is the taker's skew time. At priority 254 that is 8 ms instead of 609 or 805.
"""

from __future__ import annotations

from collections.abc import Iterator

from iamops.model.facts import VrrpState
from iamops.model.observed import Unknown
from iamops.model.state import ClusterState
from iamops.model.vip import OwnedBy, owner_of
from iamops.plan.action import Switchover, instance_of
from iamops.plan.expectation import (
    ClientAnswered,
    EffectivePriority,
    StateExpectation,
    UnitRuns,
    UnitStopped,
    VipOn,
    VrrpIn,
)
from iamops.plan.impact import elected_s, move_s, successors
from iamops.plan.known import NotKnown, answered, holding, vrrp_of
from iamops.plan.predict import of_move, open_connections
from iamops.plan.step_builders import (
    SHORT_TIMEOUT_S,
    arm,
    checked_first,
    control,
    disarm,
    do,
    lower_again,
    moved,
    resigning,
    start_again,
)
from iamops.plan.steps import SUDO, Forecast, Handover, Impact, Plan, Planner, Step
from iamops.plan.vrrp_timing import HIGHEST_PRIORITY
from iamops.render import privileges


class SwitchoverPlanner(Planner[Switchover]):
    """Stopping keepalived on the owner moves everything it owns, so all of that is in the plan."""

    # Whether the plan that was made raises the taker's priority first.
    _raised = False

    def impact(self) -> Impact:
        asked = instance_of(self.profile, self.action.instance)
        match owner_of(self.state, asked, self.now):
            case OwnedBy(owner):
                pass
            case _:
                return Impact(touches=tuple(self.profile.nodes), moves=(asked,), planned=True, needs_owner=True)
        taker = self.action.to or next(iter(successors(self.state, asked, owner)), None)
        touches = (owner,) if taker is None or taker == owner else (owner, taker)
        moves = holding(self.state, owner, self.now).alone
        handovers = (Handover(moves, owner, taker),)
        return Impact(touches, moves, owner, taker, planned=True, needs_owner=True, handovers=handovers)

    def plan(self) -> Plan:
        """No steps where the VIP already is where it is wanted, or where its owner is not known."""
        action, state, impact = self.action, self.state, self.impact()
        if impact.owner is None or impact.taker is None:
            return Plan(action, "nobody is known to own the VIP, or to take it", (), (), impact)
        if impact.taker == impact.owner:
            vips = " and ".join(self.profile.vrrp[name].address for name in impact.moves)
            return Plan(action, f"{impact.owner} already owns VIP {vips}: nothing to do", (), (), impact)
        why_plain = None if action.plain else why_not_raised(state, impact.moves, impact.taker)
        self._raised = not action.plain and why_plain is None
        answered_at = (name for name in impact.moves if answered(state.client[name]))
        plan = Plan(
            action,
            of_move(state, impact, self.now, raised=self._raised),
            tuple(moving_steps(state, impact.moves, impact.owner, impact.taker, raised=self._raised)),
            (*moved(state, impact), *map(ClientAnswered, answered_at)),
            impact,
            (*((f"the plain way: {why_plain}",) if why_plain else ()), *open_connections(impact)),
            resigning(state, impact),
        )
        return checked_first(plan, state)

    def forecast(self, impact: Impact) -> Forecast:
        return Forecast(move_s(impact, self.state, raised=self._raised), elected_s(self.state))

    def watched_nodes(self) -> tuple[str, ...]:
        return tuple(self.profile.nodes)


def moving_steps(
    state: ClusterState, names: tuple[str, ...], owner: str, taker: str, *, raised: bool
) -> Iterator[Step]:
    """From owner to taker, wherever the VIPs of these instances are now: a drill moves them several times.

    Raises NotKnown where a priority is to be raised that keepalived does not tell.
    """
    bases: dict[str, int] = {}
    for name in names if raised else ():
        base_priority = vrrp_of(state, name, taker).priority
        if base_priority is None:
            missing = f"the base priority of {name} on {taker} is not known"
            raise NotKnown(f"{missing}: keepalived does not tell it")
        bases[name] = base_priority
    lowers = [lower_again(name, taker, base) for name, base in bases.items()]
    for (name, base), undo in zip(bases.items(), lowers, strict=True):
        yield arm(undo, state)
        yield do(
            f"raise the priority of {name} on {taker} from {base} to {HIGHEST_PRIORITY}",
            taker,
            (*SUDO, *privileges.set_priority(name)),
            (EffectivePriority(taker, name, HIGHEST_PRIORITY),),
            within_s=SHORT_TIMEOUT_S,
            stdin=f"{HIGHEST_PRIORITY - base}\n",
            requires_undo=undo.name,
        )
    unit = state.profile.keepalived.unit
    back: tuple[StateExpectation, ...] = (
        UnitRuns(owner, unit),
        *(VrrpIn(owner, name, (VrrpState.BACKUP, VrrpState.MASTER)) for name in names),
    )
    undo = start_again(unit, owner, back)
    yield arm(undo, state)
    resigned: tuple[StateExpectation, ...] = (UnitStopped(owner, unit), *(VipOn(name, taker) for name in names))
    yield do(f"stop {unit} on {owner}", owner, control("stop", unit), resigned, requires_undo=undo.name)
    yield do(f"start {unit} on {owner}", owner, control("start", unit), back, clears_undo=undo.name)
    yield disarm(undo)
    for lower in lowers:
        yield do(
            f"{lower.title} on {taker}", taker, lower.argv, lower.expect, within_s=5.0, clears_undo=lower.name
        )
        yield disarm(lower)


def why_not_raised(state: ClusterState, names: tuple[str, ...], taker: str) -> str | None:
    """Why the taker's priority cannot be raised first, which leaves the gap of its own skew; None: it can be.

    A raise that cannot be seen is not made: it would have to be believed.
    """
    seen, plain = state.nodes[taker], "so the gap is the skew of its own priority"
    if isinstance(seen.safety, Unknown):
        return f"whether keepalived on {taker} has a track file is not known ({seen.safety.reason}), {plain}"
    missing = [name for name in names if name not in seen.safety.value.track_files]
    if missing:
        what = f"no track file for {', '.join(missing)} (config push brings it)"
        return f"keepalived on {taker} has {what}, {plain}"
    for name in names:
        report = seen.vrrp[name]
        if isinstance(report, Unknown):
            return f"the VRRP state of {name} on {taker} is not known ({report.reason}), {plain}"
        if report.value.priority is None or report.value.effective_priority is None:
            return f"keepalived on {taker} does not tell its priority, so a raised one could not be seen, {plain}"
    return None
