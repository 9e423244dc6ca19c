"""The cluster as observed: what is promised, what was seen, and times of a node's clock on ours."""

from __future__ import annotations

from iamops.model.events import HostReported, LinkChanged, RequestsCounted
from iamops.model.facts import HostReport, Link, LinkState, RequestCount, Severity
from iamops.model.observed import Freshness, Unknown
from iamops.model.state import ClusterState, Notice, client_views, on_our_clock, pending
from tests.support.cluster_states import NOW, fed, healthy
from tests.support.profiles import pair


def clock(offset_ms: float | None, unsure_ms: float | None) -> float | Unknown:
    state = fed(healthy(), [HostReported(NOW, "iam-a", HostReport(0.2, 31.0, 40.0, offset_ms, unsure_ms))])
    return on_our_clock(state.nodes["iam-a"], NOW)


def test_before_anything_was_observed_every_promised_value_is_pending():
    state = ClusterState.of(pair())
    promised = set(pending(state))
    assert {
        "iam-a addresses",
        "iam-b nginx",
        "iam-a iam-pump from iam-b",
        "redis from iam-a",
        "client VI_1",
    } <= promised
    assert not any(pending(healthy()))


def test_of_a_node_that_is_down_nothing_is_awaited():
    down = LinkChanged(NOW, "iam-b", Link(LinkState.DOWN, NOW))
    assert not [each for each in pending(fed(ClusterState.of(pair()), [down])) if "iam-b" in each]


def test_a_client_is_asked_at_every_vip_and_at_the_public_address_if_there_is_one():
    assert client_views(pair()) == ("VI_1",)
    assert client_views(pair(public_address="203.0.113.7"))[:1] == ("VI_1",)
    assert len(client_views(pair(public_address="203.0.113.7"))) == 2


def test_a_node_is_as_fresh_as_its_last_event_and_has_a_rate_once_it_was_counted_twice():
    node = healthy().nodes["iam-a"]
    assert [node.freshness(NOW + after_s) for after_s in (1, 8, 60)] == [
        Freshness.LIVE,
        Freshness.STALE,
        Freshness.UNKNOWN,
    ]
    counted = [RequestsCounted(NOW + n, "iam-a", RequestCount(1100 + 5 * n, {})) for n in range(1, 11)]
    assert fed(healthy(), counted).nodes["iam-a"].rate_per_s(NOW + 10) == 5.0
    assert ClusterState.of(pair()).nodes["iam-a"].rate_per_s(NOW) is None


def test_a_notice_that_comes_late_stands_at_its_time():
    state = ClusterState.of(pair())
    for at in (1.0, 3.0, 2.0):
        state = state.with_notice(Notice(at, None, Severity.INFO, f"at {at:.0f}"))
    assert [notice.at for notice in state.notices] == [1.0, 2.0, 3.0]


def test_an_offset_beyond_its_uncertainty_is_taken_off_a_nodes_time():
    assert clock(5000.0, 1.0) == NOW - 5
    assert clock(0.8, 1.0) == NOW


def test_a_node_that_does_not_tell_its_time_has_none_on_ours():
    found = clock(None, None)
    assert isinstance(found, Unknown)
    assert "does not tell its time" in found.reason
    unseen = on_our_clock(ClusterState.of(pair()).nodes["iam-a"], NOW)
    assert isinstance(unseen, Unknown)
