"""A node that was not heard for a while proves nothing, although it is not the one that is touched."""

from __future__ import annotations

import pytest

from iamops.judge.guards.guards import denials
from iamops.model.events import Event, LinkChanged, SafetyReported
from iamops.model.facts import Link, LinkState, SafetyReport
from iamops.model.profile import Profile
from iamops.model.state import ClusterState
from iamops.plan.action import Action, RollingRestart, ServiceAction, Switchover, UnitVerb
from iamops.plan.build import plan_for
from iamops.plan.denial import GuardContext
from tests.support.cluster_states import NOW, fed, healthy, seen_on
from tests.support.profiles import pair

AT = NOW + 1


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
