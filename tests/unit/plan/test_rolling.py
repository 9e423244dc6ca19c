"""A rolling restart of a pair with two VIPs: every handover, and in which step."""

from __future__ import annotations

import pytest

from iamops.model.events import AddressesListed, VrrpReported
from iamops.model.facts import VrrpReport, VrrpState
from iamops.plan.action import RollingRestart
from iamops.plan.build import plan_for
from iamops.plan.expectation import VipOn
from iamops.plan.steps import Handover
from tests.support.cluster_states import NOW, fed, healthy
from tests.support.handovers import BOTH, active_active, codes, vrrp
from tests.support.profiles import pair

AT = NOW + 1
KEEPALIVED = RollingRestart("keepalived")


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
