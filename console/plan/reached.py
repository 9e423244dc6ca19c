"""Which nginx clients come to: one that holds a VIP, or may. Pure."""

from __future__ import annotations

from console.model.facts import LinkState
from console.model.observed import Known
from console.model.state import ClusterState


def reached(state: ClusterState, nginx: str) -> bool:
    """Clients may come to this nginx: no, where every VIP is known to be on another node, and not on this one."""
    return not all(_elsewhere(state, each.address, nginx) for each in state.profile.vrrp.values())


def _elsewhere(state: ClusterState, vip: str, nginx: str) -> bool:
    seen = {
        name: vip in node.addresses.value
        for name, node in state.nodes.items()
        if isinstance(node.addresses, Known) and node.link.state is LinkState.UP
    }
    return seen.get(nginx) is False and any(seen.values())
