"""Resolves one observed value to what may be shown of it: the value, its staleness, or why it is unknown.

The only place where a value's own age and the freshness of the node that told us meet.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from console.model.facts import LinkState
from console.model.observed import Freshness, Observed, Unknown, freshness
from console.model.state import NodeState
from console.tui.view.amounts import age

T = TypeVar("T")

STREAM_S = 0.0
"""Streams (addresses, VRRP, units, requests) confirm their values for as long as the node is heard."""
HTTP_S = 2.0
PEER_S = 5.0
DATASTORE_S = 5.0
HOST_S = 10.0
CLIENT_S = 1.0


@dataclass(frozen=True, slots=True)
class Shown(Generic[T]):
    """What may be shown. `value` is None exactly when unknown, and then `reason` says why."""

    freshness: Freshness
    value: T | None
    age_s: float | None
    reason: str = ""

    @property
    def live(self) -> bool:
        return self.freshness is Freshness.LIVE

    @property
    def unknown(self) -> bool:
        return self.freshness is Freshness.UNKNOWN


def resolve(
    observed: Observed[T], now: float, *, witness: NodeState | None, cadence_s: float = STREAM_S
) -> Shown[T]:
    """What may be shown of `observed` now.

    `witness` is the node the value was seen from: a probe made by a peer is as fresh as the peer.
    None stands for the operator's own machine. The worse of both ages counts.
    """
    if witness is not None and witness.freshness(now) is Freshness.UNKNOWN:
        return Shown(Freshness.UNKNOWN, None, observed.age_s(now), why_unknown(witness, now))
    if isinstance(observed, Unknown):
        return Shown(Freshness.UNKNOWN, None, observed.age_s(now), observed.reason or "not observed yet")
    # A stream's value is confirmed whenever its node is heard, so it is as old as the node's silence.
    at = witness.heard_at if cadence_s == STREAM_S and witness is not None else observed.at
    age_s = None if at is None else max(0.0, now - at)
    own = freshness(at, now, max(cadence_s, observed.every_s))
    if own is Freshness.UNKNOWN:
        return Shown(own, None, age_s, f"last answer {age(age_s)} ago")
    stale = own is Freshness.STALE or (witness is not None and witness.freshness(now) is Freshness.STALE)
    return Shown(Freshness.STALE if stale else Freshness.LIVE, observed.value, age_s)


def why_unknown(node: NodeState, now: float) -> str:
    """Why nothing can be said about a node."""
    if node.link.state is not LinkState.UP and node.link.reason:
        return node.link.reason
    if node.heard_at is not None:
        return f"nothing heard for {age(now - node.heard_at)}"
    return "connecting" if node.link.state is LinkState.CONNECTING else "nothing heard yet"
