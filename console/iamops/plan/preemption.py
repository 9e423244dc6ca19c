"""VIPs that come to a node by preemption, because keepalived or nginx comes up there. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from iamops.model.facts import VrrpState
from iamops.model.observed import Known
from iamops.model.state import ClusterState
from iamops.model.vip import OwnedBy, OwnerUnknown, Unowned, owner_of
from iamops.plan.steps import Handover, Impact
from iamops.plan.vrrp_timing import (
    base_priority,
    counted_priority,
    preempted_s,
    reports_preemption,
    rises_s,
    vrrp_on,
)

CONTENT = (VrrpState.BACKUP, VrrpState.MASTER)


def takes_back(state: ClusterState, instance: str, unit: str, node: str, owner: str) -> bool:
    """Whether the node takes the VIP from its owner, once the unit (keepalived's or nginx's) runs there (anew).

    nginx brings a VIP only where its check holds keepalived back now, or is not known not to.
    """
    return not vrrp_on(state, node, instance).nopreempt and _could(state, instance, unit, node, owner)


def preemption_unknown(state: ClusterState, instance: str, unit: str, node: str, owner: str) -> bool:
    """Whether it might, and nobody tells if it preempts: then the profile's word for it is only a guess."""
    return not reports_preemption(state, node, instance) and _could(state, instance, unit, node, owner)


def comes_within_s(state: ClusterState, unit: str, impact: Impact) -> float:
    """How long after the unit's start the last of these VIPs may come; 0 where none does."""
    longest_s = 0.0
    for handover in impact.handovers:
        taker = handover.taker
        if not handover.comes or taker is None:
            continue
        for name in handover.moves:
            # nginx brings a VIP only once its check has seen it.
            seen_s = rises_s(vrrp_on(state, taker, name)) if unit == state.profile.nginx.unit else 0.0
            longest_s = max(longest_s, _elected_s(state, name, taker) + seen_s)
    return longest_s


def of_coming(state: ClusterState, handover: Handover) -> str:
    """For example: VIP 10.0.4.99 comes iam-b -> iam-a: it preempts, 3.6 s after keepalived has come up."""
    addresses = " and ".join(state.profile.vrrp[name].address for name in handover.moves)
    assert handover.taker is not None  # noqa: S101 - what comes has a taker
    taker = handover.taker
    after_s = max(_elected_s(state, name, taker) for name in handover.moves)
    delay_s = max(vrrp_on(state, taker, name).preempt_delay_s for name in handover.moves)
    delayed = f" (preempt_delay {delay_s:g} s)" if delay_s else ""
    why = f"{taker} preempts, within {after_s:.1f} s of its check's success{delayed}"
    guessed = not all(reports_preemption(state, taker, name) for name in handover.moves)
    unless = f", if it does as the profile says: keepalived on {taker} does not tell" if guessed else ""
    return f"VIP {addresses} comes {handover.owner} -> {taker}: {why}{unless}"


def may_come(state: ClusterState, unit: str, node: str, now: float) -> Iterator[str]:
    """VIPs that the node may take, and nobody can tell: nobody is seen to hold them, or whether it preempts."""
    for name, vrrp in state.profile.vrrp.items():
        match owner_of(state, name, now):
            case Unowned():
                yield f"VIP {vrrp.address} is on no node, so {node} may take it"
            case OwnerUnknown():
                yield f"who has VIP {vrrp.address} is not known, so {node} may take it"
            case OwnedBy(owner) if not takes_back(state, name, unit, node, owner):
                if preemption_unknown(state, name, unit, node, owner):
                    why = preemption_unknown_text(node)
                    yield f"whether VIP {vrrp.address} comes to {node} is not known: {why}"
            case _:
                pass


def preemption_unknown_text(node: str) -> str:
    return f"keepalived on {node} does not tell whether it preempts"


def open_vips(state: ClusterState, unit: str, node: str, now: float) -> Iterator[str]:
    """The instances whose VIP comes to the node, or does not, by nothing but the profile's word."""
    for name in state.profile.vrrp:
        match owner_of(state, name, now):
            case OwnedBy(owner) if preemption_unknown(state, name, unit, node, owner):
                yield name
            case _:
                pass


def _could(state: ClusterState, instance: str, unit: str, node: str, owner: str) -> bool:
    """Would a node that preempts take the VIP from its owner?"""
    if node == owner or base_priority(state, instance, node) <= counted_priority(state, instance, owner):
        return False
    keepalived = state.profile.keepalived.unit
    if unit == keepalived:
        return True
    # Does the check of a keepalived that runs keep it from being master? Yes, where that is not known.
    process, seen = state.nodes[node].units[keepalived], state.nodes[node].vrrp[instance]
    if isinstance(process, Known) and not process.value.running:
        return False
    if not isinstance(seen, Known) or seen.value.state not in CONTENT:
        return True
    base, counted = seen.value.priority, seen.value.effective_priority
    return base is not None and counted is not None and counted < base


def _elected_s(state: ClusterState, instance: str, node: str) -> float:
    return preempted_s(base_priority(state, instance, node), vrrp_on(state, node, instance))
