"""How long a check takes, and whether it acts at all, is what keepalived tells of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from iamops.model.running import LiveCheck
from iamops.model.state import ClusterState
from iamops.plan.action import Action, RollingRestart, ServiceAction, Switchover, UnitVerb
from iamops.plan.build import plan_for
from iamops.plan.expectation import VipOn, VipSomewhere
from iamops.plan.steps import Plan
from tests.support.cluster_states import NOW, fed, healthy, silent, tells
from tests.support.profiles import pair

PROFILE = pair()
SLOW = LiveCheck("slow", 20.0, 3.0, 2, 3)
QUICK = LiveCheck("quick", 1.0, 1.0, 1, 1)
STOP = ServiceAction(UnitVerb.STOP, "nginx", "iam-a")
RESTART = ServiceAction(UnitVerb.RESTART, "nginx", "iam-a")


def told(*checks: LiveCheck, **changes: object) -> ClusterState:
    return fed(healthy(), [tells(PROFILE, node, checks=checks, **changes) for node in PROFILE.nodes])


def planned(action: Action, state: ClusterState) -> Plan:
    return plan_for(action, state, NOW + 1)


def test_a_slow_check_is_waited_for_as_long_as_it_takes():
    plan = planned(STOP, told(SLOW))
    assert plan.prediction.startswith("clients are refused for 40 to 60 s until the check notices, then VIP")
    assert plan.forecast is not None
    assert plan.forecast.gap_s == pytest.approx(60.8, abs=0.05)
    (stop,) = (step for step in plan.steps if step.title == "stop nginx on iam-a")
    assert stop.needs_s == stop.within_s == pytest.approx(64.8, abs=0.05)


def test_of_several_checks_the_window_reaches_from_the_quickest_to_the_slowest():
    assert "refused for 0 to 60 s" in planned(STOP, told(SLOW, QUICK)).prediction


def test_a_check_that_nobody_tells_is_the_profiles_and_the_prediction_says_so():
    plan = planned(STOP, fed(healthy(), [silent(PROFILE, "iam-a")]))
    assert (
        "refused for 5 to 10 s until the check notices, if the check runs as the profile says: " in plan.prediction
    )
    assert "keepalived on iam-a does not tell" in plan.prediction
    assert "does not tell" in planned(RESTART, fed(healthy(), [silent(PROFILE, "iam-a")])).prediction
    assert "does not tell" not in planned(RESTART, healthy()).prediction


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


def test_the_standby_is_waited_for_as_long_as_its_check_takes_to_rise():
    plan = planned(RollingRestart("nginx"), told(SLOW))
    (waited,) = (step for step in plan.steps if step.title.endswith("has seen that nginx is back"))
    assert waited.within_s == 12.0 + 2 * 20.0 + 3.0


def test_the_skew_is_that_of_the_version_and_interval_that_run():
    state = fed(healthy(), [tells(PROFILE, "iam-b", version=3, advert_interval_s=4.0)])
    assert "about 3.22 s (skew at priority 50)" in planned(Switchover(), state).prediction
    stop = ServiceAction(UnitVerb.STOP, "keepalived", "iam-a")
    (step,) = (step for step in planned(stop, state).steps if step.title == "stop keepalived on iam-a")
    assert step.needs_s == pytest.approx(1 + 3 * 4.0 + 3.22, abs=0.01)


def test_a_check_that_leaves_the_vip_is_not_said_to_move_it():
    check = replace(SLOW, weight=-10)
    plan = planned(STOP, told(check, nopreempt=False))
    assert "then VIP 10.0.4.99 would stay on iam-a, where nobody answers: slow has weight -10" in plan.prediction


def test_a_weight_leaves_the_owner_master_until_the_taker_preempts():
    plan = planned(STOP, told(replace(SLOW, weight=-60), nopreempt=False, preempt_delay_s=10.0))
    # The delay begins with the first advert of a lower priority, and then three are missed.
    preempts_s = 10.0 + 1.0 + 3.805
    assert (
        f"until the check notices and iam-b preempts, {preempts_s:.1f} s later at most, then VIP"
        in plan.prediction
    )
    assert plan.forecast is not None
    assert plan.forecast.gap_s == pytest.approx(60.0 + preempts_s + 0.805, abs=0.01)
    (stop,) = (step for step in plan.steps if step.title == "stop nginx on iam-a")
    assert stop.needs_s == pytest.approx(1.0 + 60.0 + preempts_s + 3.805, abs=0.01)


def test_a_keepalived_without_a_check_notices_nothing():
    plan = planned(STOP, told())
    assert plan.prediction == (
        "VIP 10.0.4.99 would stay on iam-a, where nobody answers: keepalived on iam-a tracks no check for VI_1"
    )
