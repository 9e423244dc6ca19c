"""What is true now, told after a run: only what was seen since it began, of nodes that are seen. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

from console.model.facts import LinkState
from console.model.observed import Freshness
from console.model.state import ClusterState
from console.model.vip import ownership
from console.plan.expectation import StateExpectation, VipOn, VipSomewhere


def unseen(state: ClusterState, nodes: Iterable[str], now: float) -> tuple[str, ...]:
    """The nodes of which nothing is known just now: not connected, or not heard for too long."""
    return tuple(
        name
        for name in nodes
        if state.nodes[name].link.state is not LinkState.UP
        or state.nodes[name].freshness(now) is not Freshness.LIVE
    )


def told_now(
    expected: Iterable[StateExpectation], state: ClusterState, dark: Sequence[str], since: float, now: float
) -> str:
    """What is so of all these things, whether it was expected or not.

    Nothing is said of the `dark` nodes but since when they are not seen. What was not observed after `since`
    is not repeated.
    """
    return "; ".join(dict.fromkeys(_sentences(expected, state, dark, since, now)))


def not_seen_since(state: ClusterState, node: str) -> str:
    heard_at = state.nodes[node].heard_at
    if heard_at is None:
        return f"{node} is not seen"
    return f"{node} is not seen since {datetime.fromtimestamp(heard_at, UTC):%H:%M:%S} UTC"


def _sentences(
    expected: Iterable[StateExpectation], state: ClusterState, dark: Sequence[str], since: float, now: float
) -> Iterator[str]:
    yield from (not_seen_since(state, node) for node in dark)
    for each in expected:
        if isinstance(each, VipOn | VipSomewhere):
            yield _vip(each.instance, state, dark, now)
        elif getattr(each, "node", None) not in dark:
            reading = each.judge(state, since, now)
            yield f"not seen since the run began: {each.sentence}" if reading.old else reading.text


def _vip(instance: str, state: ClusterState, dark: Sequence[str], now: float) -> str:
    address = state.profile.vrrp[instance].address
    owners = [claim.node for claim in ownership(state, instance, now).owners if claim.node not in dark]
    nobody = "no node that is seen" if dark else "no node"
    return f"VIP {address} is on {' and '.join(owners) or nobody}"
