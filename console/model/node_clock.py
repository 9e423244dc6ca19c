"""A time by a node's clock on ours, or why that is not known."""

from __future__ import annotations

from console.model.observed import Unknown
from console.model.state import NodeState
from console.model.timestamps import moment


def on_our_clock(node: NodeState, at: float) -> float | Unknown:
    """Epoch seconds. An offset that is not larger than its own uncertainty is none."""
    if isinstance(node.host, Unknown):
        return Unknown(f"the clock of {node.name} cannot be compared with ours: {node.host.reason}")
    offset_ms, unsure_ms = node.host.value.clock_offset_ms, node.host.value.clock_uncertainty_ms
    if offset_ms is None:
        return Unknown(f"the clock of {node.name} cannot be compared with ours: the node does not tell its time")
    if unsure_ms is not None and abs(offset_ms) <= unsure_ms:
        return at
    ours = moment(at - offset_ms / 1000)
    if ours is None:
        return Unknown(f"the clock of {node.name} tells no time: it is {offset_ms / 1000:.0f} s off ours")
    return ours
