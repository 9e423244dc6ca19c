"""Whether a VIP would be served on the node that takes it. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from console.judge.denial import Case, Denial
from console.model.observed import Unknown
from console.model.state import NodeState
from console.model.words import being


def nginx_unfit(case: Case, node: NodeState) -> Iterator[Denial]:
    """Why clients of a VIP would not be served on this node."""
    unit = case.state.profile.nginx.unit
    runs = node.units[unit]
    # Without nginx no domain is answered: that is each of them, and whoever insists on it insists on each.
    every = tuple(node.domains) or (unit,)
    if isinstance(runs, Unknown):
        reason = f"whether {unit} runs on {node.name} is not known: {runs.reason}"
        yield Denial("standby-unhealthy", reason, True, node.name, every, known=False)
        return
    if not runs.value.running:
        yield Denial(
            "standby-unhealthy", f"{unit} {being(runs.value.active)} on {node.name}", True, node.name, every
        )
        return
    for domain, seen in node.domains.items():
        if isinstance(seen, Unknown):
            reason = f"{domain} on {node.name} is not known to answer: {seen.reason}"
            yield Denial("standby-unhealthy", reason, True, node.name, (domain,), known=False)
        elif not seen.value.ok:
            why = seen.value.detail or str(seen.value.outcome)
            yield Denial("standby-unhealthy", f"{domain} on {node.name}: {why}", True, node.name, (domain,))
