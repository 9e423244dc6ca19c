"""The plan for one unit: what a stop, a start or a restart predicts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from iamops.model.running import LiveCheck
from iamops.plan.action import Action, RollingRestart, ServiceAction, UnitVerb
from iamops.plan.build import plan_for
from iamops.plan.expectation import VipOn, VipSomewhere
from tests.support.cluster_states import NOW, healthy
from tests.support.profiles import pair
from tests.support.told_timing import planned, told

PROFILE = pair()
QUICK = LiveCheck("quick", 1.0, 1.0, 1, 1)
STOP = ServiceAction(UnitVerb.STOP, "nginx", "iam-a")
RESTART = ServiceAction(UnitVerb.RESTART, "nginx", "iam-a")


@pytest.mark.parametrize("action", [RESTART, RollingRestart("nginx")], ids=lambda a: a.sentence)
def test_a_check_that_fails_at_once_may_move_the_vip_while_nginx_restarts(action: Action):
    plan = planned(action, told(QUICK))
    why = "whether VIP 10.0.4.99 stays is not known: quick on iam-a (every 1 s, fall 1) may fail in between"
    assert why in plan.prediction
    assert "no VIP moves" not in plan.prediction
    assert plan.steady_state == (VipSomewhere("VI_1"),)
    assert plan.forecast is not None
    assert plan.forecast.gap_s == pytest.approx(1.8, abs=0.05)


def test_a_check_that_needs_two_bad_looks_leaves_it_there():
    plan = planned(RESTART, told(replace(QUICK, fall=2)))
    assert plan.prediction.endswith("no VIP moves")
    assert plan.steady_state == (VipOn("VI_1", "iam-a"),)


def test_a_keepalived_without_a_check_notices_nothing():
    plan = planned(STOP, told())
    assert plan.prediction == (
        "VIP 10.0.4.99 would stay on iam-a, where nobody answers: keepalived on iam-a tracks no check for VI_1"
    )


def test_a_stopped_nginx_on_the_owner_predicts_the_refusals_before_the_move():
    plan = plan_for(ServiceAction(UnitVerb.STOP, "nginx", "iam-a"), healthy(), NOW)
    assert plan.prediction.startswith("clients are refused for 5 to 10 s until the check notices, then VIP")


def test_a_stopped_standby_moves_nothing_and_says_what_is_lost():
    plan = plan_for(ServiceAction(UnitVerb.STOP, "keepalived", "iam-b"), healthy(), NOW)
    assert plan.impact.moves == ()
    assert "no standby while it is stopped" in plan.prediction


def test_a_start_of_what_runs_has_nothing_to_do():
    plan = plan_for(ServiceAction(UnitVerb.START, "nginx", "iam-a"), healthy(), NOW)
    assert plan.steps == ()
    assert "already running" in plan.prediction
