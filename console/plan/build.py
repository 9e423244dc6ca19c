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
from console.plan.connections import cut_by_nginx
from console.plan.deciding import watched
from console.plan.drained_restart import drained_plan
from console.plan.drill_plan import drill_plan
from console.plan.expectation import EffectivePriority
from console.plan.fingerprint import with_fingerprints
from console.plan.forecast import forecast_of
from console.plan.known import NotKnown
from console.plan.measured import measured, unserved
from console.plan.needs import with_needs
from console.plan.service import rolling_plan, service_plan
from console.plan.steps import Impact, Plan
from console.plan.switchover import switchover_plan
from console.plan.unknowns import unknown_notes


def plan_for(action: Action, state: ClusterState, now: float) -> Plan:
    """Raises NoSuchTarget for a node, unit or instance that the profile does not have.

    Where something would have to be known and is not, the plan says so and has no steps.
    """
    try:
        plan = with_needs(_planned(action, state, now), state, now)
    except NotKnown as missing:
        impact = Impact(
            touches=(action.node,) if isinstance(action, ServiceAction) else tuple(state.profile.nodes)
        )
        plan = Plan(action, f"cannot be planned: {missing}", (), (), impact, unknown=str(missing))
        return with_fingerprints(plan, state, now)
    raised = any(isinstance(each, EffectivePriority) for step in plan.steps for each in step.expect)
    forecast = forecast_of(action, plan.impact, state, now, raised=raised) if plan.steps else None
    host, said = measured(plan, state)
    notes = (
        *plan.notes,
        *cut_by_nginx(plan, state, now),
        *said,
        *unserved(plan, state),
        *unknown_notes(plan, state, now),
    )
    seen_last = watched(action, state) if plan.steps else ()
    told = replace(plan, notes=notes, forecast=forecast, asked_host=host, watched=seen_last)
    return with_fingerprints(told, state, now)


def _planned(action: Action, state: ClusterState, now: float) -> Plan:
    match action:
        case ServiceAction():
            return service_plan(action, state, now)
        case RollingRestart():
            return rolling_plan(action, state, now)
        case Switchover():
            return switchover_plan(action, state, now)
        case DrillAction():
            return drill_plan(action, state, now)
        case ConfigPush():
            return push_plan(action, state, now)
        case DrainedRestart():
            return drained_plan(action, state, now)
