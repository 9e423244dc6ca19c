"""The state before and after a run, as few words as tell it; for the audit. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from console.model.observed import Unknown
from console.model.state import ClusterState
from console.model.vip import OwnerUnknown, ownership


def picture(state: ClusterState, now: float) -> dict[str, Any]:
    """Owners, VRRP states with priorities, units."""
    return {
        "owners": {name: _owners(state, name, now) for name in state.profile.vrrp},
        "nodes": {
            name: {
                "link": node.link.state,
                "vrrp": {
                    instance: seen.reason
                    if isinstance(seen, Unknown)
                    else f"{seen.value.state} {seen.value.effective_priority}"
                    for instance, seen in node.vrrp.items()
                },
                "units": {
                    unit: seen.reason if isinstance(seen, Unknown) else seen.value.active
                    for unit, seen in node.units.items()
                },
            }
            for name, node in state.nodes.items()
        },
    }


def _owners(state: ClusterState, instance: str, now: float) -> list[str] | None:
    """None where nobody knows: an empty list would say that no node has it."""
    seen = ownership(state, instance, now)
    return None if isinstance(seen.owner, OwnerUnknown) else [claim.node for claim in seen.owners]


def elsewhere(before: Mapping[str, Any], after: Mapping[str, Any], dark: Collection[str]) -> tuple[str, ...]:
    """The VIPs of two pictures that are not where they were, a sentence each; what `dark` nodes say is old."""
    told = []
    for name, then in before["owners"].items():
        owners = after["owners"].get(name)
        if then is None:
            continue
        if owners is None:
            told.append(f"whether the VIP of {name} is still on {_nodes(then)} is not known")
            continue
        now = [node for node in owners if node not in dark]
        if now != then:
            told.append(f"the VIP of {name} is on {_nodes(now)} and was on {_nodes(then)}")
    return tuple(told)


def _nodes(names: Collection[str]) -> str:
    return " and ".join(names) or "no node"
