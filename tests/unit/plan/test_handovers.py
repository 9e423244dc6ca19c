"""Every VIP that moves in a plan, and in which step: rolling restarts and drills of a pair with two VIPs."""

from __future__ import annotations

from typing import Any

import pytest

from iamops.judge.guards.guards import denials
from iamops.model.events import AddressesListed, Event, VrrpReported
from iamops.model.facts import VrrpReport, VrrpState
from iamops.model.observed import Unknown
from iamops.model.state import ClusterState
from iamops.plan.action import Action, DrillAction, RollingRestart, ServiceAction, Switchover, UnitVerb
from iamops.plan.build import plan_for
from iamops.plan.denial import GuardContext
from iamops.plan.expectation import VipOn
from iamops.plan.steps import Handover
from iamops.session.drills.files import load_drill
from tests.support.cluster_states import NOW, fed, healthy
from tests.support.profiles import pair
from tests.unit.plan.test_unknowns import put

AT = NOW + 1
KEEPALIVED = RollingRestart("keepalived")
BOTH = {
    "VI_1": {"virtual_router_id": 51, "vip": "10.0.4.99"},
    "VI_2": {"virtual_router_id": 52, "vip": "10.0.4.98"},
}
THREE = {
    "iam-a": {"address": "10.0.4.20", "priority": 100},
    "iam-b": {"address": "10.0.4.21", "priority": 50},
    "iam-c": {"address": "10.0.4.22", "priority": 40},
}


def vrrp(node: str, instance: str, state: VrrpState, priority: int) -> Event:
    return VrrpReported(NOW, node, instance, VrrpReport(state, "json", priority, priority, NOW - 3600))


def active_active(*events: Event, **changes: Any) -> ClusterState:
    """VI_1 is on iam-a, VI_2 on iam-b."""
    held = [
        AddressesListed(NOW, "iam-a", frozenset({"10.0.4.20", "10.0.4.99"})),
        AddressesListed(NOW, "iam-b", frozenset({"10.0.4.21", "10.0.4.98"})),
        vrrp("iam-a", "VI_2", VrrpState.BACKUP, 100),
        vrrp("iam-b", "VI_2", VrrpState.MASTER, 50),
    ]
    return fed(healthy(NOW, pair(vrrp=BOTH, **changes)), [*held, *events])


def both_on_a(*events: Event) -> ClusterState:
    held = AddressesListed(NOW, "iam-a", frozenset({"10.0.4.20", "10.0.4.98", "10.0.4.99"}))
    return fed(healthy(NOW, pair(vrrp=BOTH)), [held, *events])


def codes(action: Action, state: ClusterState) -> dict[str, bool]:
    said = denials(GuardContext(plan_for(action, state, AT), state, AT))
    return {denial.code: denial.overridable for denial in said}


def test_a_rolling_restart_hands_over_on_every_node_that_holds_a_vip():
    plan = plan_for(KEEPALIVED, active_active(), AT)
    assert plan.impact.moves == ("VI_1", "VI_2")
    assert plan.impact.handovers == (
        Handover(("VI_1",), "iam-a", "iam-b"),
        Handover(("VI_1", "VI_2"), "iam-b", "iam-a"),
    )
    assert "10.0.4.99 moves iam-a -> iam-b" in plan.prediction
    assert "then VIP 10.0.4.99 and 10.0.4.98 moves iam-b -> iam-a" in plan.prediction


def test_each_restart_expects_what_it_hands_over_and_the_end_expects_the_last_place():
    plan = plan_for(KEEPALIVED, active_active(), AT)
    first, second = (step for step in plan.steps if step.title.startswith("restart"))
    assert VipOn("VI_1", "iam-b") in first.expect
    assert {VipOn("VI_1", "iam-a"), VipOn("VI_2", "iam-a")} <= set(second.expect)
    assert plan.steady_state == (VipOn("VI_1", "iam-a"), VipOn("VI_2", "iam-a"))


def test_the_forecast_is_the_sum_of_all_moves_because_the_sum_of_all_gaps_is_judged():
    forecast = plan_for(KEEPALIVED, active_active(), AT).forecast
    assert forecast is not None
    assert forecast.gap_s == pytest.approx(206 / 256 + 156 / 256)


def test_a_rolling_restart_of_nginx_counts_each_owner():
    plan = plan_for(RollingRestart("nginx"), active_active(), AT)
    assert plan.forecast is not None
    assert plan.forecast.gap_s == 2.0
    assert [f"nginx restarts on {node}, well" in plan.prediction for node in ("iam-a", "iam-b")] == [True, True]


def test_a_rolling_restart_is_refused_where_the_first_vip_has_no_standby():
    assert codes(KEEPALIVED, active_active()) == {}
    fault = vrrp("iam-b", "VI_1", VrrpState.FAULT, 50)
    assert codes(KEEPALIVED, active_active(fault)) == {"standby-fault": True}


def test_a_vip_that_came_a_moment_ago_stops_a_rolling_restart_on_any_node():
    state = active_active()
    just = VrrpReport(VrrpState.MASTER, "json", 100, 100, NOW - 5)
    assert codes(KEEPALIVED, fed(state, [VrrpReported(NOW, "iam-a", "VI_1", just)])) == {"anti-flap": True}


def test_a_vip_that_is_taken_back_goes_and_comes():
    preempting = {name: {**each, "nopreempt": False} for name, each in BOTH.items()}
    held = AddressesListed(NOW, "iam-a", frozenset({"10.0.4.20", "10.0.4.98", "10.0.4.99"}))
    plan = plan_for(KEEPALIVED, fed(healthy(NOW, pair(vrrp=preempting)), [held]), AT)
    both = ("VI_1", "VI_2")
    assert plan.impact.handovers == (
        Handover(both, "iam-a", "iam-b"),
        Handover(both, "iam-b", "iam-a", comes=True),
    )
    assert plan.steady_state == (VipOn("VI_1", "iam-a"), VipOn("VI_2", "iam-a"))


@pytest.mark.parametrize("name", ["keepalived-stop", "switchover", "nginx-stop"])
def test_a_drill_moves_everything_that_its_owner_holds(name: str):
    fault = vrrp("iam-b", "VI_2", VrrpState.FAULT, 50)
    drill = DrillAction(load_drill(name))
    plan = plan_for(drill, both_on_a(fault), AT)
    assert plan.impact.moves == ("VI_1", "VI_2")
    assert "VIP 10.0.4.98 moves too" in plan.prediction
    assert codes(drill, both_on_a(fault)) == codes(Switchover(), both_on_a(fault)) == {"standby-fault": False}
    assert codes(drill, both_on_a()) == {}
    stopping = next(step for step in plan.steps if step.title.startswith("stop"))
    assert VipOn("VI_2", "iam-b") in stopping.expect


def test_a_drill_of_the_second_instance_is_measured_at_its_own_vip():
    plan = plan_for(DrillAction(load_drill("keepalived-stop"), instance="VI_2"), both_on_a(), AT)
    assert plan.impact.moves == ("VI_2", "VI_1")


def test_an_unseen_vip_on_a_node_that_a_drill_stops_is_no_plan():
    state = put(both_on_a(), ("nodes", "iam-b", "addresses"), Unknown("permission denied", NOW))
    state = fed(state, [AddressesListed(NOW, "iam-a", frozenset({"10.0.4.20", "10.0.4.99"}))])
    plan = plan_for(DrillAction(load_drill("switchover")), state, AT)
    assert plan.unknown is not None
    assert "whether iam-b has VIP 10.0.4.98 is not known" in plan.unknown


def test_of_three_nodes_the_one_with_the_highest_counted_priority_takes_over():
    raised = vrrp("iam-c", "VI_1", VrrpState.BACKUP, 90)
    state = fed(healthy(NOW, pair(nodes=THREE)), [raised])
    plan = plan_for(ServiceAction(UnitVerb.RESTART, "keepalived", "iam-a"), state, AT)
    assert plan.impact.taker == "iam-c"
    assert any(VipOn("VI_1", "iam-c") in step.expect for step in plan.steps)


def test_of_three_nodes_one_that_does_not_tell_is_named():
    state = put(healthy(NOW, pair(nodes=THREE)), ("nodes", "iam-c", "vrrp", "VI_1"), Unknown("no dump", NOW))
    plan = plan_for(ServiceAction(UnitVerb.RESTART, "keepalived", "iam-a"), state, AT)
    assert plan.impact.taker == "iam-b"
    assert "whether iam-c would take VI_1 is not known: no dump" in plan.notes
