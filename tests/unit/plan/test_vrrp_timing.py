"""VRRP's times by what keepalived tells of itself; the profile's word stands in, and is marked as such."""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path

import pytest

import iamops
from iamops.model.drill import Bound, TimeTerm
from iamops.model.events import FilesExamined, VrrpReported
from iamops.model.facts import VrrpReport, VrrpState
from iamops.model.running import LiveCheck
from iamops.plan.action import RollingRestart, ServiceAction, Switchover, UnitVerb
from iamops.plan.vrrp_timing import (
    Pair,
    base_priority,
    check_window_s,
    counted_priority,
    master_down_s,
    reports_checks,
    reports_preemption,
    skew_s,
    vrrp_on,
    window,
)
from tests.support.cluster_states import NOW, fed, healthy, live, silent, tells
from tests.support.live_vrrp import live_vrrp
from tests.support.profiles import pair
from tests.support.told_timing import planned, told

PROFILE = pair()
SLOW = (LiveCheck("slow", 20.0, 3.0, 1, 3),)


# What a profile's VRRP instance says of timing and elections.
SETTINGS = {"advert_interval_s", "nopreempt", "version", "check"}


def test_what_is_told_comes_before_the_profile():
    state = fed(healthy(), [tells(PROFILE, "iam-a", nopreempt=False, checks=SLOW, advert_interval_s=3.0)])
    live = vrrp_on(state, "iam-a", "VI_1")
    assert (live.nopreempt, live.checks, live.advert_interval_s, live.assumed) == (False, SLOW, 3.0, False)


def test_a_node_that_tells_nothing_is_taken_for_what_the_profile_says_and_that_is_marked():
    state = fed(healthy(), [silent(PROFILE, "iam-a")])
    live = vrrp_on(state, "iam-a", "VI_1")
    assert (live.nopreempt, live.assumed) == (True, True)
    assert not reports_preemption(state, "iam-a", "VI_1")
    assert not reports_checks(state, "iam-a", "VI_1")


def test_files_that_nobody_has_read_tell_nothing():
    state = fed(healthy(), [FilesExamined(NOW, "iam-a", None, "permission denied")])
    assert vrrp_on(state, "iam-a", "VI_1").assumed


@pytest.mark.parametrize("changes", [{"nopreempt": None}, {"checks": None}], ids=["preemption", "checks"])
def test_of_what_is_told_in_part_the_rest_is_assumed(changes: dict[str, None]):
    state = fed(healthy(), [tells(PROFILE, "iam-a", advert_interval_s=3.0, **changes)])
    live = vrrp_on(state, "iam-a", "VI_1")
    assert (live.advert_interval_s, live.nopreempt, live.assumed) == (3.0, True, True)
    assert live.checks is not None
    assert reports_preemption(state, "iam-a", "VI_1") is ("checks" in changes)
    assert reports_checks(state, "iam-a", "VI_1") is ("nopreempt" in changes)


def test_an_election_goes_by_what_is_counted_then_by_what_is_told():
    untold = VrrpReported(NOW, "iam-b", "VI_1", VrrpReport(VrrpState.BACKUP, "journal", None, None, NOW - 9))
    state = fed(healthy(), [tells(PROFILE, "iam-b", priority=120), untold])
    assert (base_priority(state, "VI_1", "iam-b"), counted_priority(state, "VI_1", "iam-b")) == (120, 120)
    counted = VrrpReported(NOW, "iam-b", "VI_1", VrrpReport(VrrpState.BACKUP, "json", 130, 90, NOW - 9))
    state = fed(state, [counted])
    assert (base_priority(state, "VI_1", "iam-b"), counted_priority(state, "VI_1", "iam-b")) == (130, 90)


def test_no_plan_and_no_guard_takes_these_settings_from_the_profile():
    """They are asked of `plan/vrrp_timing.py`."""
    root = Path(iamops.__file__).parent
    found = [
        f"{path.relative_to(root)}:{each.lineno}: {ast.unparse(each)}"
        for floor in ("plan", "judge")
        for path in sorted((root / floor).rglob("*.py"))
        if "lint" not in path.parts  # it compares files with files
        for each in ast.walk(ast.parse(path.read_text()))
        if isinstance(each, ast.Attribute) and _of_profile(each)
    ]
    assert found == []


def _of_profile(each: ast.Attribute) -> bool:
    of = ast.unparse(each.value)
    return each.attr == "priority_of" or (each.attr in SETTINGS and (".vrrp" in of or of == "vrrp"))


CHECK = LiveCheck("check_nginx", interval_s=5, timeout_s=3, rise=1, fall=2)
A, B = live_vrrp(100), live_vrrp(50)


def bound(*terms: TimeTerm) -> Bound:
    return Bound("", terms)


@pytest.mark.parametrize(
    ("name", "pair", "lower_s", "upper_s"),
    [
        ("vrrp.skew", Pair(A, B), 0.805, 0.805),
        ("vrrp.skew", Pair(B, A), 0.609, 0.609),
        ("vrrp.raised", Pair(A, B), 0.008, 0.008),
        ("vrrp.timeout", Pair(A, B), 2.805, 3.805),
        ("vrrp.timeout", Pair(B, A), 2.609, 3.609),
        ("vrrp.max", Pair(A, B), 0.0, 3.805),
        ("vrrp.advert", Pair(A, B), 0.0, 1.0),
        ("check.fault", Pair(A, B), 5.0, 10.1),
        ("check.hang", Pair(A, B), 8.0, 13.1),
        ("check.recover", Pair(A, B), 0.0, 5.1),
    ],
)
def test_named_bounds(name: str, pair: Pair, lower_s: float, upper_s: float):
    allowed = window(bound(TimeTerm(name)), pair, A)
    assert (allowed.lower_s, allowed.upper_s) == pytest.approx((lower_s, upper_s), abs=0.001)


def test_a_check_with_a_weight_decides_only_where_none_makes_a_fault():
    quick = replace(CHECK, interval_s=1, weight=-60)
    both, weighted = (replace(A, checks=checks) for checks in ((quick, CHECK), (quick,)))
    assert window(bound(TimeTerm("check.fault")), Pair(both, B), both).upper_s == pytest.approx(10.1)
    assert window(bound(TimeTerm("check.fault")), Pair(weighted, B), weighted).upper_s == pytest.approx(2.1)


def test_terms_add_up_and_factors_count():
    allowed = window(bound(TimeTerm("vrrp.max", 1.2), TimeTerm(None, seconds=0.5)), Pair(A, B), A)
    assert (allowed.lower_s, allowed.upper_s) == pytest.approx((0.0, 3.805 * 1.2 + 0.5), abs=0.001)


def test_a_slow_owner_is_waited_for_longer():
    allowed = window(bound(TimeTerm("vrrp.timeout")), Pair(live_vrrp(100, advert_s=3.0), B), A)
    assert allowed.upper_s == pytest.approx(9.805, abs=0.001)


def test_version_3_counts_its_skew_in_adverts():
    pair = Pair(live_vrrp(100, 0.1, 3), live_vrrp(50, 0.1, 3))
    assert window(bound(TimeTerm("vrrp.skew")), pair, A).upper_s == pytest.approx(0.0805, abs=0.0001)


SLOW_CHECK = LiveCheck("slow", 20.0, 3.0, 2, 3)
QUICK = LiveCheck("quick", 1.0, 1.0, 1, 1)
STOP = ServiceAction(UnitVerb.STOP, "nginx", "iam-a")
RESTART = ServiceAction(UnitVerb.RESTART, "nginx", "iam-a")


def test_a_slow_check_is_waited_for_as_long_as_it_takes():
    plan = planned(STOP, told(SLOW_CHECK))
    assert plan.prediction.startswith("clients are refused for 40 to 60 s until the check notices, then VIP")
    assert plan.forecast is not None
    assert plan.forecast.gap_s == pytest.approx(60.8, abs=0.05)
    (stop,) = (step for step in plan.steps if step.title == "stop nginx on iam-a")
    assert stop.needs_s == stop.within_s == pytest.approx(64.8, abs=0.05)


def test_of_several_checks_the_window_reaches_from_the_quickest_to_the_slowest():
    assert "refused for 0 to 60 s" in planned(STOP, told(SLOW_CHECK, QUICK)).prediction


def test_a_check_that_nobody_tells_is_the_profiles_and_the_prediction_says_so():
    plan = planned(STOP, fed(healthy(), [silent(PROFILE, "iam-a")]))
    assert (
        "refused for 5 to 10 s until the check notices, if the check runs as the profile says: " in plan.prediction
    )
    assert "keepalived on iam-a does not tell" in plan.prediction
    assert "does not tell" in planned(RESTART, fed(healthy(), [silent(PROFILE, "iam-a")])).prediction
    assert "does not tell" not in planned(RESTART, healthy()).prediction


def test_the_standby_is_waited_for_as_long_as_its_check_takes_to_rise():
    plan = planned(RollingRestart("nginx"), told(SLOW_CHECK))
    (waited,) = (step for step in plan.steps if step.title.endswith("has seen that nginx is back"))
    assert waited.within_s == 12.0 + 2 * 20.0 + 3.0


def test_the_skew_is_that_of_the_version_and_interval_that_run():
    state = fed(healthy(), [tells(PROFILE, "iam-b", version=3, advert_interval_s=4.0)])
    assert "about 3.22 s (skew at priority 50)" in planned(Switchover(), state).prediction
    stop = ServiceAction(UnitVerb.STOP, "keepalived", "iam-a")
    (step,) = (step for step in planned(stop, state).steps if step.title == "stop keepalived on iam-a")
    assert step.needs_s == pytest.approx(1 + 3 * 4.0 + 3.22, abs=0.01)


TOLD = live(pair(), "iam-a")["VI_1"]


def test_skew_and_master_down_are_those_of_the_standard():
    instance = TOLD
    assert [round(skew_s(p, instance), 3) for p in (50, 100, 254)] == [0.805, 0.609, 0.008]
    assert [round(master_down_s(p, instance), 3) for p in (50, 100)] == [3.805, 3.609]


def test_the_check_needs_fall_runs_to_notice():
    assert check_window_s(TOLD) == (5.0, 10.0)
