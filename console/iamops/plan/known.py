"""Reading what was observed into a plan: a value, or the end of planning. Pure.

A plan that rests on something nobody knows is no plan. What reads through here cannot take an unknown for
false, 0 or empty: NotKnown travels up to `plan_for`, which makes a plan without steps of it, and the guards
refuse that.
"""

from __future__ import annotations

from dataclasses import dataclass

from iamops.model.facts import ProbeReport, UnitReport, VrrpReport
from iamops.model.observed import Known, Observed, Unknown
from iamops.model.state import ClusterState
from iamops.model.vip import Contested, OwnedBy, OwnerUnknown, owner_of, why_unseen


class NotKnown(Exception):
    """What the plan would have to know, and why it is not known; one sentence."""


def unit_of(state: ClusterState, unit: str, node: str) -> UnitReport:
    """What systemd reports of a unit. Raises NotKnown."""
    seen = state.nodes[node].unit(unit)
    if isinstance(seen, Unknown):
        raise NotKnown(f"the state of {unit} on {node} is not known: {seen.reason}")
    return seen.value


def vrrp_of(state: ClusterState, instance: str, node: str) -> VrrpReport:
    """What keepalived reports of an instance. Raises NotKnown."""
    seen = state.nodes[node].vrrp[instance]
    if isinstance(seen, Unknown):
        raise NotKnown(f"the VRRP state of {instance} on {node} is not known: {seen.reason}")
    return seen.value


@dataclass(frozen=True, slots=True)
class Holding:
    """The VIPs on one node: those that it holds alone, and those that another node holds at the same time."""

    alone: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()

    @property
    def any(self) -> bool:
        return bool(self.alone or self.shared)


def holding(state: ClusterState, node: str, now: float) -> Holding:
    """The instances whose VIP is on this node. Raises NotKnown where its addresses are not known."""
    alone, shared = list[str](), list[str]()
    for name in state.profile.vrrp:
        match owner_of(state, name, now):
            case OwnedBy(owner) if owner == node:
                alone.append(name)
            case Contested(nodes) if node in nodes:
                shared.append(name)
            case OwnerUnknown(unseen) if node in unseen:
                address = state.profile.vrrp[name].address
                raise NotKnown(f"whether {node} has VIP {address} is not known: {why_unseen(state, node, now)}")
    if isinstance(state.nodes[node].addresses, Unknown):
        raise NotKnown(f"which VIPs {node} has is not known: {why_unseen(state, node, now)}")
    return Holding(tuple(alone), tuple(shared))


def may_hold(state: ClusterState, node: str, now: float) -> int:
    """How many VIPs this node holds or may hold: for the order in which nodes are touched, owners last."""
    found = 0
    for name in state.profile.vrrp:
        match owner_of(state, name, now):
            case OwnedBy(owner):
                found += owner == node
            case Contested(nodes) | OwnerUnknown(nodes):
                found += node in nodes
            case _:
                pass
    return found


def answered(seen: Observed[ProbeReport]) -> bool:
    """A good answer is known; what is unknown stands in the notes instead."""
    return isinstance(seen, Known) and seen.value.ok
