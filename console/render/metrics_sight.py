"""What the metrics are read from: a state, what the rules said of it, and the time. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from console.model.facts import Severity
from console.model.observed import Freshness
from console.model.state import ClusterState, NodeState

Value = tuple[Mapping[str, str], float | None]
"""Labels and a value; None is not known."""


class Said(Protocol):
    """What a metric needs of a finding."""

    @property
    def code(self) -> str: ...
    @property
    def severity(self) -> Severity: ...
    @property
    def node(self) -> str | None: ...
    @property
    def explains(self) -> Sequence[Said]: ...


@dataclass(frozen=True, slots=True)
class Sight:
    """One look. Of a node that has not been heard for too long nothing is known any more."""

    state: ClusterState
    findings: tuple[Said, ...]
    now: float

    def hears(self, node: str) -> bool:
        return self.state.nodes[node].freshness(self.now) is not Freshness.UNKNOWN

    def heard(self) -> Iterator[NodeState]:
        return (node for node in self.state.nodes.values() if self.hears(node.name))
