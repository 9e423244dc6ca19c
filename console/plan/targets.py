"""Whether the profile has what an action names. Pure."""

from __future__ import annotations

from console.model.profile import Profile
from console.plan.action import Action, DrainedRestart, RollingRestart, ServiceAction, Switchover


class NoSuchTarget(Exception):
    """The action names a node, unit or instance that the profile does not have; says which there are."""


def check_targets(action: Action, profile: Profile) -> None:
    """Raises NoSuchTarget."""
    match action:
        case ServiceAction():
            _check_node(profile, action.node)
            if action.unit not in (there := profile.actionable_units_on(action.node)):
                said = f"the profile has no unit {action.unit!r} on {action.node}; its units: {', '.join(there)}"
                raise NoSuchTarget(said)
        case RollingRestart() | DrainedRestart():
            if not any(action.unit in profile.actionable_units_on(node) for node in profile.nodes):
                units = dict.fromkeys(unit for node in profile.nodes for unit in profile.actionable_units_on(node))
                said = f"no node of {profile.name} has the unit {action.unit!r}"
                raise NoSuchTarget(f"{said}; its units: {', '.join(units)}")
        case Switchover():
            instance_of(profile, action.instance)
            if action.to is not None:
                _check_node(profile, action.to)
        case _:
            pass


def instance_of(profile: Profile, asked: str | None) -> str:
    """The VRRP instance that was asked for, or the first. Raises NoSuchTarget."""
    name = asked or next(iter(profile.vrrp))
    if name not in profile.vrrp:
        raise NoSuchTarget(f"no VRRP instance {name!r}; there are: {', '.join(profile.vrrp)}")
    return name


def _check_node(profile: Profile, node: str) -> None:
    if node not in profile.nodes:
        raise NoSuchTarget(f"no node {node!r}; there are: {', '.join(profile.nodes)}")
