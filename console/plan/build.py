"""An action and the observed state give a plan: the one door into this floor. Pure."""

from __future__ import annotations

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
from console.plan.needs import with_needs
from console.plan.service import rolling_plan, service_plan
from console.plan.steps import Plan
from console.plan.switchover import switchover_plan


def plan_for(action: Action, state: ClusterState, now: float, *, checked: bool = True) -> Plan:
    """Raises NoSuchTarget for a node, unit or instance that the profile does not have."""
    return with_needs(_plan(action, state, now, checked=checked), state, now)


def _plan(action: Action, state: ClusterState, now: float, *, checked: bool) -> Plan:
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
