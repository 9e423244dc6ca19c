"""The state before and after a run, as few words as tell it; for the audit. Pure."""

from __future__ import annotations

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
