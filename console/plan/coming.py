"""VIPs that come to a node by preemption, because keepalived or nginx comes up there. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from console.model.facts import VrrpState
from console.model.observed import Known
from console.model.state import ClusterState
from console.model.vip import OwnerUnknown, Unowned, owner_of
from console.plan.known import counted_priority
from console.plan.steps import Handover, Impact
from console.plan.timing import master_down_s

CONTENT = (VrrpState.BACKUP, VrrpState.MASTER)


def takes_back(state: ClusterState, instance: str, unit: str, node: str, owner: str) -> bool:
    """Whether the node takes the VIP from its owner, once the unit (keepalived's or nginx's) runs there (anew).

    nginx brings a VIP only where its check holds keepalived back now, or is not known not to.
    """
    profile = state.profile
    if profile.vrrp[instance].nopreempt or node == owner:
        return False
    if base_priority(state, instance, node) <= counted_priority(state, instance, owner):
        return False
    return unit == profile.keepalived.unit or _held_back(state, instance, node)


def base_priority(state: ClusterState, instance: str, node: str) -> int:
    """What a keepalived counts whose check is content."""
    seen = state.nodes[node].vrrp[instance]
    if isinstance(seen, Known) and seen.value.priority is not None:
        return seen.value.priority
    return state.profile.vrrp[instance].priority_of(state.profile.nodes[node])


def comes_within_s(state: ClusterState, unit: str, impact: Impact) -> float:
    """How long after the unit's start the last of these VIPs may come; 0 where none does."""
    profile = state.profile
    return max(
        (
            _elected_s(state, name, each.taker) + (_risen_s(state, name) if unit == profile.nginx.unit else 0.0)
            for each in impact.handovers
            if each.comes and each.taker is not None
            for name in each.moves
        ),
        default=0.0,
    )


def of_coming(state: ClusterState, handover: Handover) -> str:
    """For example: VIP 10.0.4.99 comes iam-b -> iam-a: it preempts, 3.6 s after keepalived has come up."""
    addresses = " and ".join(state.profile.vrrp[name].address for name in handover.moves)
    assert handover.taker is not None  # noqa: S101 - what comes has a taker
    after_s = max(_elected_s(state, name, handover.taker) for name in handover.moves)
    why = f"{handover.taker} preempts, within {after_s:.1f} s of its check's success"
    return f"VIP {addresses} comes {handover.owner} -> {handover.taker}: {why}"


def may_come(state: ClusterState, node: str, now: float) -> Iterator[str]:
    """VIPs that nobody is seen to hold: who comes up may take them, preempting or not."""
    for name, vrrp in state.profile.vrrp.items():
        match owner_of(state, name, now):
            case Unowned():
                yield f"VIP {vrrp.address} is on no node, so {node} may take it"
            case OwnerUnknown():
                yield f"who has VIP {vrrp.address} is not known, so {node} may take it"
            case _:
                pass


def _held_back(state: ClusterState, instance: str, node: str) -> bool:
    """Whether the check of a keepalived that runs keeps it from being master; true where that is not known."""
    keepalived = state.nodes[node].units[state.profile.keepalived.unit]
    if isinstance(keepalived, Known) and not keepalived.value.running:
        return False
    seen = state.nodes[node].vrrp[instance]
    if not isinstance(seen, Known) or seen.value.state not in CONTENT:
        return True
    base, counted = seen.value.priority, seen.value.effective_priority
    return base is not None and counted is not None and counted < base


def _elected_s(state: ClusterState, instance: str, node: str) -> float:
    return master_down_s(base_priority(state, instance, node), state.profile.vrrp[instance])


def _risen_s(state: ClusterState, instance: str) -> float:
    check = state.profile.vrrp[instance].check
    return float(check.rise * check.interval_s + check.timeout_s)
