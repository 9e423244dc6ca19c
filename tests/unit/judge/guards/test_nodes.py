"""Guards on the nodes: links, locks, armed undos, and evidence that is too old."""

from __future__ import annotations

from typing import Any

import pytest

from iamops.judge.guards.guards import denials
from iamops.model.events import Event, LinkChanged, SafetyReported, UnitReported
from iamops.model.facts import Link, LinkState, LockHolder, SafetyReport, UnitReport
from iamops.model.profile import Profile
from iamops.model.state import ClusterState
from iamops.plan.action import Action, RollingRestart, ServiceAction, Switchover, UnitVerb
from iamops.plan.build import plan_for
from iamops.plan.denial import GuardContext
from tests.support.cluster_states import NOW, fed, healthy, seen_on
from tests.support.denials import codes
from tests.support.profiles import pair

AT = NOW + 1
RESTART_API = ServiceAction(UnitVerb.RESTART, "iam-apiserver", "iam-a")


def test_a_node_that_cannot_be_reached_cannot_be_acted_on():
    down = LinkChanged(NOW, "iam-a", Link(LinkState.DOWN, NOW, "timeout", "no answer within 5 s", "ping it"))
    assert codes(RESTART_API, down)["node-unreachable"] is False


def test_what_was_true_a_while_ago_is_no_ground_to_act_on():
    state, now = healthy(), NOW + 6
    said = denials(GuardContext(plan_for(RESTART_API, state, now), state, now))
    assert [(each.code, each.node, each.overridable) for each in said] == [
        ("stale-evidence", "iam-a", False),
        ("stale-evidence", "iam-b", True),
    ]


def test_the_lock_of_another_operator_refuses_and_our_own_does_not():
    holder = LockHolder("bob@desk", "10.0.4.1", NOW - 12, "switchover", "run-1")
    locked = SafetyReported(NOW, "iam-b", SafetyReport((), holder))
    assert codes(RESTART_API, locked) == {"locked": False}
    assert codes(RESTART_API, locked, run="run-1") == {}


def reasons(action: Action, *events: Event, **case: Any) -> list[str]:
    state = fed(healthy(), events)
    return [denial.reason for denial in denials(GuardContext(plan_for(action, state, NOW), state, NOW, **case))]


def test_one_s_own_lock_is_told_as_one_s_own():
    holder = LockHolder("bob@desk", "10.0.4.1", NOW - 12, "switchover", "run-1")
    locked = SafetyReported(NOW, "iam-b", SafetyReport((), holder))
    (ending,) = reasons(RESTART_API, locked, own=frozenset({"run-1"}))
    assert ending == "your own switchover is just ending on iam-b: try again in a moment"
    (elsewhere,) = reasons(RESTART_API, locked, who="bob@desk")
    assert elsewhere.startswith("you hold iam-b for 12 s: switchover (another console or shell of bob@desk")
    (other,) = reasons(RESTART_API, locked, who="alice@laptop")
    assert other.startswith("bob@desk from 10.0.4.1 holds iam-b for 12 s")


def test_an_undo_of_a_run_under_way_is_told_as_that_and_with_its_own_time():
    holder = LockHolder("bob@desk", "10.0.4.1", NOW - 12, "backend drain", "run-1")
    draining = SafetyReported(NOW, "iam-a", SafetyReport(("config",), holder))
    armed = next(reason for reason in reasons(RESTART_API, draining) if "armed" in reason)
    assert armed.startswith("an undo of the running backend drain by bob@desk is armed on iam-a (config)")
    assert armed.endswith(f"fires within {healthy().profile.safety.rollback_s} s of being armed")
    left = SafetyReported(NOW, "iam-a", SafetyReport(("keepalived",)))
    (earlier,) = reasons(RESTART_API, left)
    assert earlier.startswith("an undo of an earlier run is still armed on iam-a (keepalived)")
    assert earlier.endswith(f"fires within {healthy().profile.safety.dead_man_s} s of being armed")


def test_an_armed_undo_of_an_earlier_run_refuses():
    armed = SafetyReported(NOW, "iam-a", SafetyReport(("keepalived",)))
    assert codes(RESTART_API, armed) == {"dead-man-armed": False}


def test_what_does_not_run_cannot_be_reloaded():
    stopped = UnitReported(NOW, "iam-b", "nginx", UnitReport("inactive", "dead"))
    assert codes(ServiceAction(UnitVerb.RELOAD, "nginx", "iam-b"), stopped) == {"not-running": False}


def test_an_undo_that_would_fire_too_early_refuses():
    profile = pair(safety={"dead_man_s": 10, "anti_flap_s": 0})
    assert "dead-man-too-short" in codes(ServiceAction(UnitVerb.STOP, "nginx", "iam-a"), profile=profile)


def silent_b(ago_s: float) -> ClusterState:
    """iam-b is connected, and nothing has come from it for a while."""
    profile = pair(safety={"dead_man_s": 60, "anti_flap_s": 0})
    return fed(healthy(NOW - ago_s, profile), from_a(profile) if ago_s else seen_on(profile, "iam-b", NOW))


def from_a(profile: Profile) -> list[Event]:
    """What iam-a alone tells."""
    told = seen_on(profile, "iam-a", NOW, owner=True)
    return [each for each in told if getattr(each, "observer", "iam-a") == "iam-a"]


def stale(action: Action, state: ClusterState) -> list[tuple[str | None, bool]]:
    said = denials(GuardContext(plan_for(action, state, AT), state, AT))
    return [(each.node, each.overridable) for each in said if each.code == "stale-evidence"]


@pytest.mark.parametrize("ago_s", [8.0, 100.0])
@pytest.mark.parametrize(
    "action",
    [
        ServiceAction(UnitVerb.STOP, "keepalived", "iam-a"),
        ServiceAction(UnitVerb.STOP, "nginx", "iam-a"),
        ServiceAction(UnitVerb.RESTART, "nginx", "iam-a"),
        ServiceAction(UnitVerb.STOP, "iam-apiserver", "iam-a"),
    ],
    ids=lambda action: action.sentence,
)
def test_who_takes_over_or_serves_meanwhile_must_have_been_heard_just_now(action: Action, ago_s: float):
    assert stale(action, silent_b(ago_s)) == [("iam-b", True)]
    assert stale(action, silent_b(0.0)) == []


def test_the_reason_says_how_old_it_is():
    state = silent_b(100.0)
    action = ServiceAction(UnitVerb.STOP, "keepalived", "iam-a")
    (said,) = (
        d for d in denials(GuardContext(plan_for(action, state, AT), state, AT)) if d.code == "stale-evidence"
    )
    assert said.reason == ("iam-b was last heard 101 s ago, more than 4 s, and the plan rests on what it was then")


def test_a_touched_node_is_named_once():
    assert (
        stale(Switchover(), silent_b(8.0)) == stale(RollingRestart("nginx"), silent_b(8.0)) == [("iam-b", False)]
    )


def test_a_node_that_plays_no_part_may_be_silent():
    profile = pair(
        nodes={
            "iam-a": {"address": "10.0.4.20", "priority": 100},
            "iam-b": {"address": "10.0.4.21", "priority": 50},
        },
        services={"iam-pump": {"port": 7070, "nodes": ["iam-a"]}},
    )
    state = fed(healthy(NOW - 100, profile), from_a(profile))
    assert stale(ServiceAction(UnitVerb.RESTART, "iam-pump", "iam-a"), state) == []
    assert stale(ServiceAction(UnitVerb.RELOAD, "nginx", "iam-a"), state) == []


def test_a_link_that_is_down_is_not_told_as_old():
    down = LinkChanged(NOW, "iam-b", Link(LinkState.DOWN, NOW, "timeout", "no answer within 5 s", "ping it"))
    assert stale(ServiceAction(UnitVerb.STOP, "keepalived", "iam-a"), fed(silent_b(100.0), [down])) == []


@pytest.mark.parametrize(
    ("action", "what"),
    [
        (
            ServiceAction(UnitVerb.STOP, "keepalived", "iam-a"),
            ["iam.api.marmotedu.com", "iam.authz.marmotedu.com"],
        ),
        (ServiceAction(UnitVerb.STOP, "iam-apiserver", "iam-a"), ["iam-apiserver", "iam-authz-server"]),
    ],
    ids=lambda value: value.sentence if isinstance(value, ServiceAction) else "",
)
def test_a_node_that_is_heard_must_have_answered_lately_too(action: Action, what: list[str]):
    state = fed(silent_b(100.0), [SafetyReported(NOW, "iam-b", SafetyReport())])
    said = denials(GuardContext(plan_for(action, state, AT), state, AT))
    told = "that {} on iam-b answers was last seen 101 s ago, more than 12 s"
    assert [each.reason for each in said] == [told.format(each) for each in what]
    assert stale(action, fed(state, seen_on(state.profile, "iam-b", NOW))) == []
