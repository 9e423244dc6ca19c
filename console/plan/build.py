"""An action and the observed state give a plan: the one door into this floor. Pure."""

from __future__ import annotations

from dataclasses import replace

from console.model.state import ClusterState
from console.plan.action import (
    Action,
    ConfigPush,
    DrainedRestart,
    DrillAction,
    RollingRestart,
    ServiceAction,
    Switchover,
)
from console.plan.config_push import push_plan
from console.plan.drained_restart import drained_plan
from console.plan.drill_plan import drill_plan
from console.plan.fingerprint import fingerprint
from console.plan.known import NotKnown
from console.plan.service import rolling_plan, service_plan
from console.plan.steps import Impact, Plan
from console.plan.switchover import switchover_plan
from console.plan.unknowns import unknown_notes


def plan_for(action: Action, state: ClusterState, now: float, *, checked: bool = True) -> Plan:
    """Raises NoSuchTarget for a node, unit or instance that the profile does not have.

    Where something would have to be known and is not, the plan says so and has no steps.
    """
    try:
        plan = _planned(action, state, now, checked=checked)
    except NotKnown as missing:
        impact = Impact(
            touches=(action.node,) if isinstance(action, ServiceAction) else tuple(state.profile.nodes)
        )
        mark = fingerprint(action, impact, state, now)
        return Plan(action, f"cannot be planned: {missing}", (), (), impact, mark, unknown=str(missing))
    return replace(plan, notes=(*plan.notes, *unknown_notes(plan, state, now)))


def _planned(action: Action, state: ClusterState, now: float, *, checked: bool) -> Plan:
    match action:
        case ServiceAction():
            return service_plan(action, state, now, checked=checked)
        case RollingRestart():
            return rolling_plan(action, state, now, checked=checked)
        case Switchover():
            return switchover_plan(action, state, now)
        case DrillAction():
            return drill_plan(action, state, now)
        case ConfigPush():
            return push_plan(action, state, now)
        case DrainedRestart():
            return drained_plan(action, state, now)
