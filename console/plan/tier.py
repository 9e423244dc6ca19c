"""How much an operator must do to say yes: the more an action can hurt, the less can slip out. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from console.model.state import ClusterState
from console.model.vip import ownership
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
    owners = {claim.node for name in profile.vrrp for claim in ownership(state, name, now).owners}
    if not isinstance(action, ServiceAction):
        everywhere = isinstance(action, RollingRestart | ConfigPush | DrainedRestart)
        return Confirmation(profile.name, "every node is touched" if everywhere else "the VIP moves")
    if plan.impact.stops_datastore:
        return Confirmation(action.node, f"{', '.join(plan.impact.stops_datastore)} has no other node")
    if action.node in owners and action.verb is not Verb.RELOAD:
        return Confirmation(action.node, f"{action.node} owns the VIP")
    return Confirmation(None, "no VIP moves")
