"""The reducer: what each event changes, and what it must leave alone."""

from __future__ import annotations

import functools
from dataclasses import replace

from iamops.model.events import (
    AddressChanged,
    AddressesListed,
    DatastoreProbed,
    HttpProbed,
    LinkChanged,
    PartReported,
    RequestsCounted,
    Source,
    SourceLost,
    Target,
    UnitReported,
    VrrpReported,
    VrrpTransition,
)
from iamops.model.facts import (
    Link,
    LinkState,
    ProbeOutcome,
    ProbeReport,
    RequestCount,
    Severity,
    UnitReport,
    VrrpReport,
    VrrpState,
)
from iamops.model.observed import Freshness, Known, Unknown, is_pending
from iamops.model.reduce import reduce
from iamops.model.state import ADDRESSES_MOST, NOTICES_KEPT, ClusterState, Notice, pending
from tests.support.profiles import pair

OK = ProbeReport(ProbeOutcome.OK, 1.0, 200)


def blank() -> ClusterState:
    return ClusterState.of(pair())


def test_nothing_is_known_before_the_first_event():
    state = blank()
    assert all(is_pending(node.addresses) and node.last_event_at is None for node in state.nodes.values())
    assert next(pending(state), None) is not None


def test_an_event_about_a_stranger_changes_nothing():
    state = blank()
    assert reduce(state, UnitReported(1, "iam-z", "nginx", UnitReport("active"))) is state
    assert reduce(state, SourceLost(1, "iam-z", Source.HOST, "no")) is state


def test_a_probe_from_a_peer_means_the_peer_was_heard_not_the_target():
    state = reduce(blank(), HttpProbed(5, "iam-a", "iam-b", Target.SERVICE, "iam-pump", OK))
    assert state.nodes["iam-b"].last_event_at == 5
    assert state.nodes["iam-a"].last_event_at is None
    assert state.nodes["iam-a"].from_peers["iam-pump"]["iam-b"].value is OK


def test_a_lost_source_is_unknown_with_its_reason_never_false():
    state = reduce(blank(), UnitReported(1, "iam-a", "nginx", UnitReport("active")))
    state = reduce(state, SourceLost(2, "iam-a", Source.UNITS, "systemctl: not found"))
    seen = state.nodes["iam-a"].units["nginx"]
    assert isinstance(seen, Unknown)
    assert seen.reason == "systemctl: not found"


def test_losing_a_source_does_not_count_as_hearing_the_node():
    state = reduce(blank(), SourceLost(2, "iam-a", Source.UNITS, "timeout"))
    assert state.nodes["iam-a"].freshness(2) is Freshness.UNKNOWN


def test_a_logged_transition_keeps_the_priorities_of_the_last_dump():
    report = VrrpReport(VrrpState.BACKUP, "json", 50, 50, last_transition=10.0)
    state = reduce(blank(), VrrpReported(20, "iam-b", "VI_1", report))
    state = reduce(state, VrrpTransition(30, "iam-b", "VI_1", VrrpState.MASTER, node_at=29.9))
    now = state.nodes["iam-b"].vrrp["VI_1"].value
    assert now == VrrpReport(VrrpState.MASTER, "journal", 50, 50, last_transition=29.9)


def test_why_keepalived_could_not_be_asked_is_kept_until_it_can():
    dumped = VrrpReported(20, "iam-a", "VI_1", VrrpReport(VrrpState.MASTER, "json", 100, 100))
    silent = VrrpTransition(30, "iam-a", "VI_1", VrrpState.BACKUP, node_at=1, history=True, no_dump="a fifo")
    for events in ([silent], [dumped, silent], [silent, VrrpTransition(31, "iam-a", "VI_1", VrrpState.FAULT)]):
        state = functools.reduce(reduce, events, blank())
        assert state.nodes["iam-a"].vrrp["VI_1"].value.no_dump == "a fifo"
    state = functools.reduce(reduce, [dumped, silent], blank())
    seen = state.nodes["iam-a"].vrrp["VI_1"]
    assert (seen.value.state, seen.value.source, seen.at) == (VrrpState.MASTER, "json", 20), "as old as it is"
    assert reduce(state, dumped).nodes["iam-a"].vrrp["VI_1"].value.no_dump == ""


def test_history_never_overrides_a_dump_but_a_later_line_overrides_an_earlier_one():
    state = blank()
    for at, what in ((1, VrrpState.BACKUP), (2, VrrpState.MASTER)):
        state = reduce(state, VrrpTransition(at, "iam-a", "VI_1", what, node_at=at, history=True))
    assert state.nodes["iam-a"].vrrp["VI_1"].value.state is VrrpState.MASTER
    state = reduce(state, VrrpReported(3, "iam-a", "VI_1", VrrpReport(VrrpState.FAULT, "json")))
    state = reduce(state, VrrpTransition(4, "iam-a", "VI_1", VrrpState.BACKUP, node_at=1, history=True))
    assert state.nodes["iam-a"].vrrp["VI_1"].value.state is VrrpState.FAULT


def test_rate_is_the_mean_over_the_window_and_unknown_before_there_is_one():
    state = reduce(blank(), RequestsCounted(100, "iam-a", RequestCount(1000)))
    assert state.nodes["iam-a"].rate_per_s(100.1) is None
    for second in range(1, 21):
        state = reduce(state, RequestsCounted(100 + second, "iam-a", RequestCount(1000 + 5 * second)))
    assert state.nodes["iam-a"].rate_per_s(120) == 5.0


def test_a_rate_falls_to_zero_when_no_request_comes():
    state = reduce(blank(), RequestsCounted(100, "iam-a", RequestCount(10)))
    state = reduce(state, RequestsCounted(101, "iam-a", RequestCount(20)))
    assert state.nodes["iam-a"].rate_per_s(200) == 0.0


def test_a_shrunken_total_is_a_new_log_and_never_a_negative_rate():
    state = reduce(blank(), RequestsCounted(100, "iam-a", RequestCount(1000)))
    state = reduce(state, RequestsCounted(105, "iam-a", RequestCount(3)))
    assert state.nodes["iam-a"].rate_per_s(110) == 0.0


def test_a_unit_that_stops_is_announced_once():
    state = blank()
    for at, active in enumerate(("active", "deactivating", "inactive", "inactive")):
        state = reduce(state, UnitReported(at, "iam-a", "nginx", UnitReport(active)))
    assert [n.text for n in state.notices] == ["iam-a: nginx is inactive"]


def test_a_reload_is_no_news():
    state = blank()
    for at, active in enumerate(("active", "reloading", "active")):
        state = reduce(state, UnitReported(at, "iam-a", "nginx", UnitReport(active)))
    assert state.notices == ()


def test_notices_are_bounded():
    state = blank()
    for at in range(NOTICES_KEPT + 50):
        active = "active" if at % 2 else "inactive"
        state = reduce(state, UnitReported(at, "iam-a", "nginx", UnitReport(active)))
    assert len(state.notices) == NOTICES_KEPT


def test_pending_is_empty_once_every_promise_was_kept_or_given_up():
    state = blank()
    down = Link(LinkState.DOWN, 1, "timeout", "no answer", "check the machine")
    for node in state.nodes:
        state = reduce(state, LinkChanged(1, node, down))
    left = set(pending(state))
    assert left == {"client VI_1"}


def test_a_datastore_seen_from_a_node_is_kept_under_both_names():
    state = reduce(blank(), DatastoreProbed(3, "iam-b", "mariadb", OK))
    assert state.datastores["mariadb"]["iam-b"].value is OK
    assert state.nodes["iam-b"].last_event_at == 3


def test_a_node_with_more_addresses_than_any_machine_has_is_not_believed_and_not_kept():
    state = reduce(blank(), AddressesListed(1.0, "iam-a", frozenset({"10.0.4.20"})))
    for number in range(ADDRESSES_MOST):
        state = reduce(state, AddressChanged(2.0, "iam-a", f"fd00::{number:x}", present=True))
    seen = state.nodes["iam-a"].addresses
    assert isinstance(seen, Unknown)
    assert "more than 1024 addresses" in seen.reason
    many = frozenset(f"fd00::{number:x}" for number in range(ADDRESSES_MOST + 1))
    assert isinstance(reduce(blank(), AddressesListed(1.0, "iam-a", many)).nodes["iam-a"].addresses, Unknown)


def test_what_one_node_sees_of_the_others_is_lost_with_its_collector_and_nothing_else():
    ok = ProbeReport(ProbeOutcome.OK)
    state = blank()
    for observer, node in (("iam-a", "iam-b"), ("iam-b", "iam-a")):
        state = reduce(state, HttpProbed(1.0, node, observer, Target.SERVICE, "iam-apiserver", ok))
    state = reduce(state, SourceLost(2.0, "iam-a", Source.PEERS, "a fault of iamops: KeyError"))
    assert isinstance(state.nodes["iam-b"].from_peers["iam-apiserver"]["iam-a"], Unknown)
    assert isinstance(state.nodes["iam-a"].from_peers["iam-apiserver"]["iam-b"], Known)
    state = reduce(state, DatastoreProbed(3.0, "iam-a", "mariadb", ok))
    state = reduce(state, SourceLost(4.0, "iam-a", Source.STORES, "a fault of iamops: KeyError"))
    assert isinstance(state.datastores["mariadb"]["iam-a"], Unknown)


def test_what_a_probe_could_not_read_is_unknown_and_no_word_of_the_node():
    lost = HttpProbed(
        3.0, "iam-a", "iam-a", Target.SERVICE, "iam-apiserver", Unknown("a fault of iamops: KeyError")
    )
    node = reduce(blank(), lost).nodes["iam-a"]
    assert node.services["iam-apiserver"] == Unknown("a fault of iamops: KeyError")
    assert node.last_event_at is None


def test_a_part_of_ours_that_fails_stands_in_the_state_until_it_is_well():
    failed = PartReported(1.0, "the dump", "iam-a", "a fault of iamops: KeyError")
    state = reduce(reduce(blank(), failed), replace(failed, at=2.0))
    fault = state.faults["the dump"]
    assert (fault.since, fault.at, fault.count, len(state.notices)) == (1.0, 2.0, 2, 1)
    assert reduce(state, replace(failed, at=3.0, reason="")).faults == {}


def test_what_is_told_late_stands_where_it_belongs_in_time():
    """That something is over is known three seconds after it was."""
    state = ClusterState.of(pair())
    for at, text in ((1.0, "first"), (5.0, "split"), (3.0, "over"), (5.0, "last")):
        state = state.with_notice(Notice(at, None, Severity.INFO, text))
    assert [each.text for each in state.notices[-4:]] == ["first", "over", "split", "last"]
