"""An action and the observed state give a plan: the one door into this floor. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import replace

from iamops.model.facts import LinkState
from iamops.model.observed import Known
from iamops.model.state import ClusterState
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
from iamops.plan.config.drained import DrainedPlanner
from iamops.plan.config.push import PushPlanner
from iamops.plan.drill import DrillPlanner
from iamops.plan.impact import measured, unserved
from iamops.plan.known import NotKnown
from iamops.plan.needs import with_needs
from iamops.plan.predict import cut_by_nginx
from iamops.plan.rolling import RollingPlanner
from iamops.plan.service import ServicePlanner
from iamops.plan.step_builders import control, out_of_fault
from iamops.plan.steps import Impact, Plan, Planner, Step, StepKind
from iamops.plan.switchover import SwitchoverPlanner
from iamops.plan.unknowns import unknown_notes

# Each action with the planner that makes a plan of it.
PLANNERS: Mapping[type[Action], Callable[..., Planner[Action]]] = {
    ServiceAction: ServicePlanner,
    RollingRestart: RollingPlanner,
    Switchover: SwitchoverPlanner,
    DrillAction: DrillPlanner,
    ConfigPush: PushPlanner,
    DrainedRestart: DrainedPlanner,
}
FINGERPRINT_LENGTH = 12


def planner_of(action: Action, state: ClusterState, now: float) -> Planner[Action]:
    """Raises NoSuchTarget for a node, unit or instance that the profile does not have."""
    return PLANNERS[type(action)](action, state, now)


def plan_for(action: Action, state: ClusterState, now: float) -> Plan:
    """Raises NoSuchTarget. Where something must be known and is not, the plan says so and has no steps."""
    planner = planner_of(action, state, now)
    try:
        plan = with_needs(planner.plan(), state, now)
    except NotKnown as missing:
        impact = Impact(action.nodes(state.profile))
        plan = Plan(action, f"cannot be planned: {missing}", (), (), impact, unknown=str(missing))
        return _with_fingerprints(plan, state, now)
    forecast = planner.forecast(plan.impact) if plan.steps else None
    host, measured_notes = measured(plan, state)
    notes = (
        *plan.notes,
        *cut_by_nginx(plan, state, now),
        *measured_notes,
        *unserved(plan, state),
        *unknown_notes(plan, planner),
    )
    watched = tuple(seen for node in planner.watched_nodes() for seen in out_of_fault(state, node))
    plan = replace(plan, notes=notes, forecast=forecast, asked_host=host, watched=watched if plan.steps else ())
    return _with_fingerprints(plan, state, now)


def _with_fingerprints(plan: Plan, state: ClusterState, now: float) -> Plan:
    """The plan with the names of what it rests on: when that changes, the plan that was shown is void.

    Owners, links, what moves where, the commands and the processes they are for; VRRP states and priorities where
    the plan could move a VIP. Nothing that changes anyway while a person reads: no ages or answers, no undos.
    What must not be so at all the guards ask for once more under the lock.

    Looks are left out: a person who insists against them gets a plan without them. What is only watched sends no
    command.
    """
    action, impact = plan.action, plan.impact
    acting = [step for step in plan.steps if step.kind not in (StepKind.LOOK, StepKind.WATCH)]
    facts: dict[str, object] = {
        "action": action.identity,
        "owners": {name: str(owner_of(state, name, now)) for name in state.profile.vrrp},
        "up": [name for name in impact.touches if state.nodes[name].link.state is LinkState.UP],
        "taker": impact.taker,
        "handovers": impact.handovers,
        "run": [(step.node, step.kind, step.argv, step.stdin, step.here) for step in acting],
        "processes": [process for step in acting for process in _processes(step, state)],
    }
    vrrp: dict[str, dict[str, object]] = {}
    if action.may_move_vips(state.profile):
        for node in (node for node in state.nodes.values() if node.name in impact.touches):
            vrrp[node.name] = {
                name: (seen.value.state, seen.value.effective_priority) if isinstance(seen, Known) else None
                for name, seen in node.vrrp.items()
            }
    return replace(plan, fingerprint=_short({**facts, "vrrp": vrrp}), fingerprint_without_vrrp=_short(facts))


def _processes(step: Step, state: ClusterState) -> list[tuple[str, str, int | None]]:
    """What a step replaces, or makes read its files: it is another process if somebody was quicker.

    A process counts while only a person would change it: systemd's count of its own restarts is 0 after ours.
    """
    found = []
    for unit, seen in state.nodes[step.node].units.items():
        if step.kind is StepKind.DO and step.argv in (control("restart", unit), control("reload", unit)):
            process = seen.value.main_pid if isinstance(seen, Known) and not seen.value.restarts else None
            found.append((step.node, unit, process))
    return found


def _short(facts: dict[str, object]) -> str:
    text = json.dumps(facts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:FINGERPRINT_LENGTH]
