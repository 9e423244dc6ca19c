"""The guard on old evidence of nodes that are not touched, and that the plan rests on all the same. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from console.judge.denial import Case, Denial
from console.model.facts import LinkState, ProbeReport
from console.model.observed import STALE_AFTER_S, UNKNOWN_AFTER_S, Freshness, Known, Observed
from console.plan.rests_on import rests_on, serving


def stale_elsewhere(case: Case) -> Iterator[Denial]:
    """The standby that takes over, the backend that serves meanwhile: what they were a while ago proves nothing.

    A node whose link is down is known not to be heard: other guards and the plan's notes speak of that.
    """
    for name in rests_on(case.plan, case.state.profile):
        node = case.state.nodes[name]
        if name in case.plan.impact.touches or node.link.state is not LinkState.UP or node.heard_at is None:
            continue
        if node.freshness(case.now) is not Freshness.LIVE:
            reason = f"{name} was last heard {case.now - node.heard_at:.0f} s ago, more than {STALE_AFTER_S:.0f} s"
            insist = not case.plan.impact.planned
            yield Denial("stale-evidence", f"{reason}, and the plan rests on what it was then", insist, name)


def old_answers(case: Case) -> Iterator[Denial]:
    """A node may be heard while nobody asks its nginx and its services any more."""
    insist, nodes = not case.plan.impact.planned, case.state.nodes
    for node, what, seen in dict.fromkeys(_answers(case)):
        live = nodes[node].link.state is LinkState.UP and nodes[node].freshness(case.now) is Freshness.LIVE
        beside = live and node not in case.plan.impact.touches
        if beside and isinstance(seen, Known) and seen.value.ok:
            age_s = seen.age_s(case.now)
            if age_s > UNKNOWN_AFTER_S:
                reason = f"that {what} on {node} answers was last seen {age_s:.0f} s ago"
                yield Denial("stale-evidence", f"{reason}, more than {UNKNOWN_AFTER_S:.0f} s", insist, node)


def _answers(case: Case) -> Iterator[tuple[str, str, Observed[ProbeReport]]]:
    """What the guards take for good of those who take over, and of those who serve meanwhile."""
    for each in case.plan.impact.handovers:
        if each.taker is not None:
            yield from (
                (each.taker, domain, seen) for domain, seen in case.state.nodes[each.taker].domains.items()
            )
    for name, node in serving(case.plan, case.state.profile):
        yield node, name, case.state.nodes[node].services[name]
