"""One value, its own age and the freshness of its node: what may be shown."""

from __future__ import annotations

import pytest

from iamops.model.facts import Link, LinkState
from iamops.model.observed import Freshness, Known
from iamops.model.state import NodeState
from iamops.tui.toolkit.health import HOST_S, HTTP_S, STREAM_S, resolve, why_unknown

NOW = 1000.0


def node(heard_at: float | None = NOW, link: Link | None = None) -> NodeState:
    return NodeState("iam-b", link or Link(LinkState.UP, 900.0), heard_at)


@pytest.mark.parametrize(
    ("age_s", "heard_s", "cadence_s", "expected"),
    [
        (0.5, 0.5, HTTP_S, Freshness.LIVE),
        (5.9, 0.5, HTTP_S, Freshness.LIVE),
        (6.5, 0.5, HTTP_S, Freshness.STALE),
        (14.5, 0.5, HTTP_S, Freshness.UNKNOWN),
        (13.5, 0.5, HOST_S, Freshness.LIVE),
        (1.0, 4.5, HTTP_S, Freshness.STALE),
        (1.0, 12.5, HTTP_S, Freshness.UNKNOWN),
        (9000.0, 0.5, STREAM_S, Freshness.LIVE),
        (9000.0, 5.0, STREAM_S, Freshness.STALE),
        (9000.0, 13.0, STREAM_S, Freshness.UNKNOWN),
    ],
)
def test_the_worse_of_own_age_and_node_silence_counts(
    age_s: float, heard_s: float, cadence_s: float, expected: Freshness
) -> None:
    seen = Known("x", NOW - age_s)
    assert resolve(seen, NOW, witness=node(NOW - heard_s), cadence_s=cadence_s).freshness is expected


def test_a_stream_is_as_old_as_the_silence_of_its_node() -> None:
    assert resolve(Known("x", 1.0), NOW, witness=node(NOW - 5)).age_s == 5


def test_a_value_of_an_unknown_node_is_not_shown_and_the_link_says_why() -> None:
    lost = node(NOW - 30, Link(LinkState.DOWN, 970.0, "refused", "connection refused"))
    shown = resolve(Known("x", NOW - 1), NOW, witness=lost, cadence_s=HTTP_S)
    assert (shown.value, shown.reason) == (None, "connection refused")


def test_a_lost_source_keeps_its_own_reason_while_the_node_is_heard() -> None:
    shown = resolve(Known("x", NOW).lost("keepalived has no JSON dump"), NOW, witness=node())
    assert (shown.freshness, shown.reason) == (Freshness.UNKNOWN, "keepalived has no JSON dump")


def test_what_the_operators_own_machine_saw_has_no_node_to_wait_for() -> None:
    assert resolve(Known("x", NOW - 2), NOW, witness=None, cadence_s=1).live


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (node(None, Link()), "connecting"),
        (node(None), "nothing heard yet"),
        (node(NOW - 20), "nothing heard for 20s"),
        (node(NOW - 20, Link(LinkState.DOWN, 1.0, "auth-failed", "permission denied")), "permission denied"),
    ],
)
def test_unknown_always_has_a_reason(state: NodeState, reason: str) -> None:
    assert why_unknown(state, NOW) == reason


def test_a_value_is_live_for_as_long_as_the_next_look_was_promised():
    seen = Known("x", NOW - 25, every_s=30.0)
    assert resolve(seen, NOW, witness=node(), cadence_s=HTTP_S).live
    assert resolve(seen, NOW + 10, witness=node(NOW + 10), cadence_s=HTTP_S).freshness is Freshness.STALE
    assert resolve(seen, NOW + 20, witness=node(NOW + 20), cadence_s=HTTP_S).unknown
