"""What a failing check does to a node, and when the check itself is believed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from iamops.model.running import LiveCheck, LiveVrrp
from iamops.plan.action import ServiceAction, UnitVerb
from iamops.plan.checks import CheckPasses, why_it_stays
from iamops.plan.observation import Judgement
from tests.support.live_vrrp import live_vrrp
from tests.support.profiles import pair
from tests.support.told_timing import planned, told

KNOWN = ("bash", "-c", "ask", "check_nginx.sh", "2")


def test_the_check_is_believed_by_its_exit_status():
    look = CheckPasses("iam-b", KNOWN)
    assert look.judge_output(0, "", 1.0).holds
    for status in (1, 124, None):
        assert look.judge_output(status, "", 1.0).verdict is Judgement.NOT_YET
    assert "says no (exit 1)" in look.judge_output(1, "", 1.0).text


CHECK = LiveCheck("check_nginx", interval_s=5, timeout_s=3, rise=1, fall=2)


def weighing(priority: int, weight: int, *, nopreempt: bool = False) -> LiveVrrp:
    return replace(live_vrrp(priority), nopreempt=nopreempt, checks=(replace(CHECK, weight=weight),))


@pytest.mark.parametrize(
    ("own", "other", "stays"),
    [
        (weighing(100, 0), weighing(50, 0, nopreempt=True), ""),
        (weighing(100, -60), weighing(50, -60), ""),
        (weighing(100, -60), weighing(50, -60, nopreempt=True), "with nopreempt iam-b does not take the VIP"),
        (weighing(100, -40), weighing(50, -40), "at priority 60 iam-a is still not below the 50 of iam-b"),
        (weighing(100, 20), weighing(90, 20), ""),
        (weighing(100, 20), weighing(80, 20), "at priority 100 iam-a is still not below the 100 of iam-b"),
        (weighing(200, -254), weighing(1, -10), "at priority 1 iam-a is still not below the 1 of iam-b"),
        (replace(weighing(100, 0), checks=()), weighing(50, 0), "tracks no check"),
    ],
)
def test_a_failing_check_moves_the_vip_by_a_fault_or_by_the_priority_that_is_left(own, other, stays):
    why = why_it_stays("iam-a", own, "iam-b", other)
    assert (why is not None and stays in why) if stays else why is None


PROFILE = pair()
SLOW_CHECK = LiveCheck("slow", 20.0, 3.0, 2, 3)
STOP = ServiceAction(UnitVerb.STOP, "nginx", "iam-a")


def test_a_check_that_leaves_the_vip_is_not_said_to_move_it():
    check = replace(SLOW_CHECK, weight=-10)
    plan = planned(STOP, told(check, nopreempt=False))
    assert "then VIP 10.0.4.99 would stay on iam-a, where nobody answers: slow has weight -10" in plan.prediction


def test_a_weight_leaves_the_owner_master_until_the_taker_preempts():
    plan = planned(STOP, told(replace(SLOW_CHECK, weight=-60), nopreempt=False, preempt_delay_s=10.0))
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
