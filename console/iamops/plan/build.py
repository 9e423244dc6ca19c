"""An action and the observed state give a plan: the one door into this floor. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from iamops.model.facts import LinkState, UnitReport
from iamops.model.observed import Known, Observed
from iamops.model.state import ClusterState, NodeState
from iamops.model.vip import owner_of
from iamops.plan.action import (
    Action,
    ConfigPush,
    DrainedRestart,
    DrillAction,
    RollingRestart,
    ServiceAction,
    Switchover,
)
from iamops.plan.check_timing import watched
from iamops.plan.config.push import drained_plan, push_plan
from iamops.plan.drill import drill_plan
from iamops.plan.expectation import EffectivePriority
from iamops.plan.forecast import forecast_of, measured, unserved
from iamops.plan.known import NotKnown
from iamops.plan.needs import with_needs
from iamops.plan.predict import cut_by_nginx
from iamops.plan.service import rolling_plan, service_plan
from iamops.plan.step_builders import control
from iamops.plan.steps import Impact, Plan, Step, StepKind
from iamops.plan.switchover import switchover_plan
from iamops.plan.unknowns import unknown_notes

# A short name for the state a plan rests on: when it changes, the plan that was shown is void. Pure.

LENGTH = 12
# What is done to one process, and not to whichever there is.
TO_A_PROCESS = ("restart", "reload")


def with_fingerprints(plan: Plan, state: ClusterState, now: float) -> Plan:
    """The plan with the names of what it rests on.

    Owners, links, what moves where, the commands and the processes they are for; VRRP states and priorities where
    the plan could move a VIP. Nothing that changes by itself while a person reads: no ages or answers, no undos.
    What must not be so at all the guards ask for once more under the lock.
    """
    facts = _facts(plan, state, now)
    touched = {name: node for name, node in state.nodes.items() if name in plan.impact.touches}
    vrrp = {name: _vrrp(node) for name, node in touched.items() if _rests_on_vrrp(plan.action, state)}
    return replace(plan, fingerprint=_short({**facts, "vrrp": vrrp}), unread_fingerprint=_short(facts))


def _short(facts: dict[str, Any]) -> str:
    text = json.dumps(facts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:LENGTH]


def _facts(plan: Plan, state: ClusterState, now: float) -> dict[str, Any]:
    """Whatever decides which commands are run has changed it with them. So have those who were quicker with a
    process that is to be replaced, or to read its files.

    Looks are left out: who insists on what they refuse leaves them out of the plan that was shown. What is only
    watched sends no command.
    """
    action, impact = plan.action, plan.impact
    acting = [step for step in plan.steps if step.kind not in (StepKind.LOOK, StepKind.WATCH)]
    return {
        "action": action.identity if isinstance(action, ConfigPush | DrainedRestart) else action.argv,
        "owners": {name: str(owner_of(state, name, now)) for name in state.profile.vrrp},
        "up": [name for name in impact.touches if state.nodes[name].link.state is LinkState.UP],
        "taker": impact.taker,
        "handovers": impact.handovers,
        "run": [(step.node, step.kind, step.argv, step.stdin, step.here) for step in acting],
        "processes": list(_processes(acting, state)),
    }


def _rests_on_vrrp(action: Action, state: ClusterState) -> bool:
    """A backend comes and goes without VRRP."""
    carriers = (state.profile.keepalived.unit, state.profile.nginx.unit)
    return not isinstance(action, ServiceAction | RollingRestart) or action.unit in carriers


def _vrrp(node: NodeState) -> dict[str, Any]:
    return {
        name: (seen.value.state, seen.value.effective_priority) if isinstance(seen, Known) else None
        for name, seen in node.vrrp.items()
    }


def _processes(steps: Iterable[Step], state: ClusterState) -> Iterator[tuple[str, str, int | None]]:
    for step in steps:
        for unit, seen in state.nodes[step.node].units.items():
            if step.kind is StepKind.DO and step.argv in [control(verb, unit) for verb in TO_A_PROCESS]:
                yield step.node, unit, _process(seen)


def _process(seen: Observed[UnitReport]) -> int | None:
    """Its number, while only a person would change it: systemd's count of its own restarts is 0 after ours."""
    return seen.value.main_pid if isinstance(seen, Known) and not seen.value.restarts else None


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
