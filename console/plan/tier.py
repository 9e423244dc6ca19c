"""How much an operator must do to say yes: the more an action can hurt, the less can slip out. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from console.model.state import ClusterState
from console.model.vip import Contested, OwnedBy, OwnerUnknown, owner_of
from console.plan.action import ConfigPush, DrainedRestart, RollingRestart, ServiceAction, Verb
from console.plan.steps import Plan


@dataclass(frozen=True, slots=True)
class Confirmation:
    """`typed` is what must be typed, or None where a plain yes is enough. `why` says what makes it so."""

    typed: str | None
    why: str


def confirmation(plan: Plan, state: ClusterState, now: float) -> Confirmation:
    """What the operator must do. `now` in epoch seconds."""
    action, profile = plan.action, state.profile
    owners = {name: owner_of(state, name, now) for name in profile.vrrp}
    if not isinstance(action, ServiceAction):
        everywhere = isinstance(action, RollingRestart | ConfigPush | DrainedRestart)
        return Confirmation(profile.name, "every node is touched" if everywhere else "the VIP moves")
    if plan.impact.stops_datastore:
        return Confirmation(action.node, f"{', '.join(plan.impact.stops_datastore)} has no other node")
    if action.verb is Verb.RELOAD:
        return Confirmation(None, "no VIP moves")
    if any(each.comes for each in plan.impact.handovers):
        return Confirmation(action.node, f"the VIP comes to {action.node}")
    for owner in owners.values():
        match owner:
            case OwnedBy(node) if node == action.node:
                return Confirmation(action.node, f"{action.node} owns the VIP")
            case Contested(nodes) if action.node in nodes:
                return Confirmation(action.node, f"{action.node} has the VIP, and so has another node")
            case OwnerUnknown(unseen) if action.node in unseen:
                return Confirmation(action.node, f"{action.node} may own the VIP: its addresses are not known")
    return Confirmation(None, "no VIP moves")
