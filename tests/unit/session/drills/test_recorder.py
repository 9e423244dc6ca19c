"""What is written down while a drill runs: on one clock, once, and of this instance and its VIP alone."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from iamops.model.events import AddressChanged, LinkChanged, UnitReported, VrrpTransition
from iamops.model.facts import Link, LinkState, UnitReport, VrrpState
from iamops.model.running import ClockOffset
from iamops.nodes.history import LogMark, NotifyLine
from iamops.session.drills.recorder import NOT_CONNECTED, UNCERTAINTY_S, DrillContext, Recorder
from iamops.session.store import Store
from tests.support.cluster_states import NOW, VIP, healthy, live
from tests.support.profiles import pair

LIVE = live(pair(), "iam-b")["VI_1"]
AHEAD = {"iam-b": ClockOffset(offset_ms=5000.0, uncertainty_ms=4.0)}


@pytest.fixture
def store() -> Store:
    return Store(healthy(), lambda: NOW)


@pytest.fixture
def recorder(store: Store) -> Recorder:
    made = Recorder(store, "VI_1", NOW, AHEAD)
    store.subscribe(made.on_event)
    return made


def told(recorder: Recorder) -> list[tuple[float, str | None, str, str]]:
    return [(entry.at_s, entry.node, entry.witness, entry.text) for entry in recorder.entries]


def test_what_a_node_dated_is_put_on_our_clock_with_how_well_that_is_known(store: Store, recorder: Recorder):
    store.apply(AddressChanged(NOW + 2, "iam-b", VIP, present=True, node_at=NOW + 6))
    assert told(recorder) == [(1.0, "iam-b", "kernel", f"holds VIP {VIP}")]
    assert recorder.entries[0].uncertainty_ms == 4.0
    assert (recorder.addresses[0].node, recorder.addresses[0].present) == ("iam-b", True)


def test_nothing_happened_after_its_report_came(store: Store, recorder: Recorder):
    store.apply(VrrpTransition(NOW + 1, "iam-b", "VI_1", VrrpState.MASTER, node_at=NOW + 60))
    assert told(recorder) == [(1.0, "iam-b", "keepalived", "entered MASTER")]


def test_without_a_compared_clock_it_happened_when_it_was_reported(store: Store, recorder: Recorder):
    store.apply(VrrpTransition(NOW + 1, "iam-a", "VI_1", VrrpState.BACKUP, node_at=NOW - 100))
    assert recorder.entries[0].at_s == 1.0
    assert recorder.entries[0].uncertainty_ms == UNCERTAINTY_S * 1000


def test_other_addresses_other_instances_and_history_are_left_out(store: Store, recorder: Recorder):
    store.apply(AddressChanged(NOW + 1, "iam-b", "10.0.4.98", present=True))
    store.apply(VrrpTransition(NOW + 1, "iam-b", "VI_2", VrrpState.MASTER))
    store.apply(VrrpTransition(NOW + 1, "iam-b", "VI_1", VrrpState.MASTER, history=True))
    assert recorder.entries == []


def test_a_unit_is_told_when_it_changes_and_not_at_every_report(store: Store, recorder: Recorder):
    for second, active in enumerate(("inactive", "inactive", "active")):
        store.apply(UnitReported(NOW + second, "iam-a", "nginx", UnitReport(active)))
    assert [(at, text) for at, _, _, text in told(recorder)] == [
        (0.0, "nginx is inactive"),
        (2.0, "nginx is active"),
    ]


def test_a_lost_link_is_told_with_its_reason(store: Store, recorder: Recorder):
    store.apply(LinkChanged(NOW + 1, "iam-b", Link(LinkState.DOWN, reason="closed by the peer")))
    store.apply(LinkChanged(NOW + 2, "iam-b", Link(LinkState.UP)))
    assert [text for *_, text in told(recorder)] == ["down: closed by the peer", "up"]


def context(**nodes: object) -> DrillContext:
    """Of a cluster with these transports; the others are not connected."""
    cluster = SimpleNamespace(profile=pair(), transport=nodes.get)
    marks = {"iam-a": NOT_CONNECTED, "iam-b": LogMark(10)}
    return DrillContext(cluster, {"iam-a": {"nginx": "1.28.0"}}, AHEAD, marks)  # type: ignore[arg-type]


async def test_a_node_without_a_connection_has_no_notify_lines_and_says_why():
    asked = context().notified()
    assert {node: await task for node, task in asked.items()} == {
        "iam-a": (None, "not connected"),
        "iam-b": (None, "not connected"),
    }
    assert all(isinstance(task, asyncio.Task) for task in asked.values())


def test_a_notify_line_is_of_the_second_that_it_names(recorder: Recorder):
    gained = {"iam-b": ((NotifyLine(NOW + 7, "MASTER"),), ""), "iam-a": (None, "not connected")}
    context().note(gained, recorder)
    assert told(recorder) == [(2.5, "iam-b", "notify", "notify_master")]
    assert recorder.entries[0].uncertainty_ms == 500.0


def test_facts_of_a_node_that_was_not_asked_are_none():
    facts = context().facts("iam-b", LIVE)
    assert (facts.keepalived, facts.nginx, facts.clock_offset_ms) == (None, None, 5000.0)
    facts = context().facts("iam-a", LIVE)
    assert (facts.nginx, facts.clock_offset_ms, facts.clock_uncertainty_ms) == ("1.28.0", None, None)
