"""Whether anything happens: what is not well, and what would be news if it changed. Pure."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass

from console.model.facts import LinkState, ProbeReport
from console.model.observed import Known, Observed
from console.model.state import ClusterState, NodeState
from console.model.vip import OwnedBy, owner_of


@dataclass(frozen=True, slots=True)
class Signs:
    """Two that are equal: nothing has happened between them that looking more often could show."""

    bad: frozenset[str]
    facts: Hashable


def signs(state: ClusterState, now: float) -> Signs:
    """Owners, states, processes and locks are facts; a probe that fails, or a node that is not reached, is bad."""
    owners = {name: owner_of(state, name, now) for name in state.profile.vrrp}
    contested = (f"vip {name}" for name, owner in owners.items() if not isinstance(owner, OwnedBy))
    facts = (tuple(owners.items()), tuple(_facts(node) for node in state.nodes.values()))
    return Signs(frozenset((*contested, *_bad(state))), facts)


def _bad(state: ClusterState) -> Iterator[str]:
    for node in state.nodes.values():
        if node.link.state is not LinkState.UP:
            yield f"link {node.name}"
        yield from (
            f"unit {node.name} {unit}"
            for unit, seen in node.units.items()
            if isinstance(seen, Known) and not seen.value.running
        )
        yield from _failing(node.name, node.ports)
        for group in (node.domains, node.services, *node.from_peers.values()):
            yield from _failing(node.name, group)
    for store, views in state.datastores.items():
        yield from _failing(store, views)
    yield from _failing("client", state.client)


def _failing(
    whose: str, probes: Mapping[str, Observed[ProbeReport]] | Mapping[int, Observed[ProbeReport]]
) -> Iterator[str]:
    return (f"{whose} {name}" for name, seen in probes.items() if isinstance(seen, Known) and not seen.value.ok)


def _facts(node: NodeState) -> Hashable:
    units = tuple((name, seen.value) for name, seen in node.units.items() if isinstance(seen, Known))
    vrrp = tuple((name, seen.value.state) for name, seen in node.vrrp.items() if isinstance(seen, Known))
    lock = node.safety.value.lock if isinstance(node.safety, Known) else None
    return node.link.state, units, vrrp, lock
