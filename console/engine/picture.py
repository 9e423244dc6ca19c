"""The state before and after a run, as few words as tell it; for the audit. Pure."""

from __future__ import annotations

from typing import Any

from console.model.observed import Unknown
from console.model.state import ClusterState
from console.model.vip import ownership


def picture(state: ClusterState, now: float) -> dict[str, Any]:
    """Owners, VRRP states with priorities, units."""
    return {
        "owners": {name: [c.node for c in ownership(state, name, now).owners] for name in state.profile.vrrp},
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
