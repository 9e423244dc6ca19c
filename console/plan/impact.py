"""What an action does to the VIPs and to the service, worked out from the observed state. Pure."""

from __future__ import annotations

from dataclasses import replace

from console.model.drill import Verb as DrillVerb
from console.model.facts import LinkState, VrrpState
from console.model.observed import Known
from console.model.profile import Profile
from console.model.state import ClusterState
from console.model.vip import OwnedBy, owner_of
from console.plan.action import (
    Action,
    ConfigPush,
    DrainedRestart,
    DrillAction,
    RollingRestart,
    ServiceAction,
    Switchover,
    Verb,
)
from console.plan.known import Holding, holding, may_hold
from console.plan.legs import legs
from console.plan.steps import Impact


class NoSuchTarget(Exception):
    """The action names a node, unit or instance that the profile does not have; says which there are."""


def impact_of(action: Action, state: ClusterState, now: float) -> Impact:
    """Raises NoSuchTarget, and NotKnown where what it does to a VIP cannot be told."""
    match action:
        case ServiceAction():
            return _of_service(action, state, now)
        case RollingRestart():
            return _of_rolling(action, state, now)
        case Switchover():
            return _of_switchover(action, state, now)
        case DrillAction():
            return _of_drill(action, state, now)
        case ConfigPush():
            return _of_push(action, state, now)
        case DrainedRestart():
            return _of_rolling(RollingRestart(action.unit), state, now)


def successors(state: ClusterState, instance: str, owner: str) -> tuple[str, ...]:
    """Who would take the VIP over, the most likely first: by VRRP's order among those that can."""
    vrrp = state.profile.vrrp[instance]
    able = [node for node in state.profile.nodes.values() if node.name != owner]
    return tuple(
        node.name
        for node in sorted(able, key=lambda n: (not _stands_by(state, n.name, instance), -vrrp.priority_of(n)))
    )


def rolling_order(state: ClusterState, unit: str, now: float) -> tuple[str, ...]:
    """The nodes that have the unit, owners of a VIP last, and those that may be one."""
    nodes = [name for name in state.profile.nodes if unit in state.profile.actionable_units_on(name)]
    return tuple(sorted(nodes, key=lambda name: may_hold(state, name, now)))


def services_of(profile: Profile, unit: str) -> tuple[str, ...]:
    return tuple(service.name for service in profile.services.values() if service.unit == unit)


def datastores_of(profile: Profile, unit: str, node: str) -> tuple[str, ...]:
    return tuple(d.name for d in profile.datastores.values() if d.unit == unit and d.node == node)


def _of_service(action: ServiceAction, state: ClusterState, now: float) -> Impact:
    profile = state.profile
    _check_unit(profile, action.unit, action.node)
    calm = Impact(touches=(action.node,))
    if action.verb is Verb.START:
        return calm
    calm = replace(calm, lasting=action.verb is Verb.STOP)
    carries = action.unit in (profile.keepalived.unit, profile.nginx.unit)
    held = holding(state, action.node, now) if carries else Holding()
    if action.verb is Verb.RELOAD:
        return calm
    if action.unit == profile.keepalived.unit or (action.unit == profile.nginx.unit and calm.lasting):
        return _moving(calm, held.alone, action.node, state)
    return replace(
        calm,
        stops_service=services_of(profile, action.unit),
        stops_datastore=datastores_of(profile, action.unit, action.node),
    )


def _of_rolling(action: RollingRestart, state: ClusterState, now: float) -> Impact:
    profile = state.profile
    order = rolling_order(state, action.unit, now)
    if not order:
        raise NoSuchTarget(f"no node of {profile.name} has the unit {action.unit!r}; {_units(profile)}")
    calm = Impact(touches=order, stops_service=services_of(profile, action.unit))
    calm = replace(calm, stops_datastore=datastores_of(profile, action.unit, order[0]))
    last = order[-1]
    if action.unit != profile.keepalived.unit:
        return calm
    return _moving(calm, holding(state, last, now).alone, last, state)


def _of_switchover(action: Switchover, state: ClusterState, now: float) -> Impact:
    """Stopping keepalived on the owner moves everything it owns, so all of that is in the plan."""
    profile = state.profile
    asked = action.instance or next(iter(profile.vrrp))
    if asked not in profile.vrrp:
        raise NoSuchTarget(f"no VRRP instance {asked!r}; there are: {', '.join(profile.vrrp)}")
    if action.to is not None and action.to not in profile.nodes:
        raise NoSuchTarget(f"no node {action.to!r}; there are: {', '.join(profile.nodes)}")
    match owner_of(state, asked, now):
        case OwnedBy(owner):
            pass
        case _:
            return Impact(touches=tuple(profile.nodes), moves=(asked,), planned=True, needs_owner=True)
    taker = action.to or next(iter(successors(state, asked, owner)), None)
    touches = (owner,) if taker is None or taker == owner else (owner, taker)
    moves = holding(state, owner, now).alone
    return Impact(touches, moves, owner, taker, planned=True, needs_owner=True)


def _of_drill(action: DrillAction, state: ClusterState, now: float) -> Impact:
    """Every node is touched. The VIP moves where some step says so, or takes a machine away."""
    profile, drill = state.profile, action.drill
    name = instance_of(profile, action.instance)
    touches = tuple(profile.nodes)
    match owner_of(state, name, now):
        case OwnedBy(owner):
            pass
        case _:
            return Impact(touches, (name,), planned=True, needs_owner=True)
    taker = next(iter(successors(state, name, owner)), None)
    course = legs(drill, owner, taker, preferred_of(profile, name, owner, taker)) if taker is not None else ()
    lost = {leg.node(leg.move.on) for leg in course if leg.move.verb in (DrillVerb.POWER_OFF, DrillVerb.FREEZE)}
    stores = tuple(d.name for d in profile.datastores.values() if d.node in lost)
    moves = (name,) if any(leg.moves_vip for leg in course) else ()
    return Impact(touches, moves, owner, taker, planned=True, needs_owner=True, stops_datastore=stores)


def _of_push(action: ConfigPush, state: ClusterState, now: float) -> Impact:
    """Every node is looked at and locked, changed or not; the VIP stays, though it may be dark for a while."""
    order = sorted(state.profile.nodes, key=lambda name: may_hold(state, name, now))
    return Impact(touches=tuple(order), planned=True)


def preferred_of(profile: Profile, instance: str, *nodes: str) -> str:
    """The one with the highest priority."""
    return max(nodes, key=lambda node: profile.vrrp[instance].priority_of(profile.nodes[node]))


def instance_of(profile: Profile, asked: str | None) -> str:
    """Raises NoSuchTarget."""
    name = asked or next(iter(profile.vrrp))
    if name not in profile.vrrp:
        raise NoSuchTarget(f"no VRRP instance {name!r}; there are: {', '.join(profile.vrrp)}")
    return name


def _moving(calm: Impact, moves: tuple[str, ...], owner: str, state: ClusterState) -> Impact:
    if not moves:
        return calm
    taker = next(iter(successors(state, moves[0], owner)), None)
    return replace(calm, moves=moves, owner=owner, taker=taker)


def _stands_by(state: ClusterState, node: str, instance: str) -> bool:
    seen = state.nodes[node]
    report = seen.vrrp[instance]
    return seen.link.state is LinkState.UP and isinstance(report, Known) and report.value.state is VrrpState.BACKUP


def _check_unit(profile: Profile, unit: str, node: str) -> None:
    if node not in profile.nodes:
        raise NoSuchTarget(f"no node {node!r}; there are: {', '.join(profile.nodes)}")
    if unit not in profile.actionable_units_on(node):
        there = ", ".join(profile.actionable_units_on(node))
        raise NoSuchTarget(f"the profile has no unit {unit!r} on {node}; its units: {there}")


def _units(profile: Profile) -> str:
    return f"its units: {', '.join(profile.all_units)}"
