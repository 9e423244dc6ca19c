"""Who owns a VIP: the kernels' claims compared on one clock."""

from __future__ import annotations

from dataclasses import dataclass

from console.model.facts import VrrpState
from console.model.observed import Freshness
from console.model.state import ClusterState, NodeState


@dataclass(frozen=True, slots=True)
class Claim:
    """A node whose kernel holds the VIP, as last heard. `since`: when the address was first seen there;
    `found`: it was there when we first looked, and nobody knows since when.
    """

    node: str
    since: float
    heard_at: float
    found: bool = False


@dataclass(frozen=True, slots=True)
class Ownership:
    """`owners`: claims that hold now. `outdated`: claims of nodes not heard since someone else took over,
    or not heard for too long. `unseen`: nodes whose addresses are not known at all.
    """

    owners: tuple[Claim, ...]
    outdated: tuple[Claim, ...]
    unseen: tuple[str, ...]


def ownership(state: ClusterState, instance: str, now: float) -> Ownership:
    """Compares all claims on an instance's VIP.

    A claim only counts while its node is heard. A dead owner's last words must not look like a split
    brain: its claim is outdated as soon as another node took the address after it was last heard.
    """
    address = state.profile.vrrp[instance].address
    claims = [c for node in state.nodes.values() if (c := _claim(node, address))]
    current: list[Claim] = []
    outdated: list[Claim] = []
    for claim in claims:
        (current if _holds(claim, claims, state, now) else outdated).append(claim)
    unseen = tuple(
        node.name
        for node in state.nodes.values()
        if not node.addresses.known or node.freshness(now) is Freshness.UNKNOWN
    )
    return Ownership(tuple(current), tuple(outdated), unseen)


def owned_since(state: ClusterState, instance: str, claim: Claim) -> float:
    """When the owner got the VIP: keepalived's own word where it says MASTER, else when we first saw it.

    A console that has just started saw the address only a moment ago; keepalived knows the real time.
    """
    report = state.nodes[claim.node].vrrp[instance].value
    if report is None or report.state is not VrrpState.MASTER or report.last_transition is None:
        return claim.since
    return min(claim.since, report.last_transition)


def _claim(node: NodeState, address: str) -> Claim | None:
    held = node.addresses.value
    if held is None or address not in held or node.heard_at is None:
        return None
    return Claim(node.name, held[address], node.heard_at, found=held[address] == node.listed_at)


def _holds(claim: Claim, claims: list[Claim], state: ClusterState, now: float) -> bool:
    if state.nodes[claim.node].freshness(now) is Freshness.UNKNOWN:
        return False
    return not any(o.node != claim.node and not o.found and o.since > claim.heard_at for o in claims)
