"""The bounds of a drill against the table of the field: what VRRP costs at which priority."""

from __future__ import annotations

from dataclasses import replace

import pytest

from iamops.model.drill import Bound, TimeTerm
from iamops.model.running import LiveCheck, LiveVrrp
from iamops.plan.checks import why_it_stays
from iamops.plan.vrrp_timing import Pair, window

CHECK = LiveCheck("check_nginx", interval_s=5, timeout_s=3, rise=1, fall=2)


def live(priority: int, advert_s: float = 1.0, version: int = 2) -> LiveVrrp:
    return LiveVrrp("VI_1", priority, advert_s, True, 51, version, (CHECK,))


A, B = live(100), live(50)


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


def weighing(priority: int, weight: int, *, nopreempt: bool = False) -> LiveVrrp:
    return replace(live(priority), nopreempt=nopreempt, checks=(replace(CHECK, weight=weight),))


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


def test_terms_add_up_and_factors_count():
    allowed = window(bound(TimeTerm("vrrp.max", 1.2), TimeTerm(None, seconds=0.5)), Pair(A, B), A)
    assert (allowed.lower_s, allowed.upper_s) == pytest.approx((0.0, 3.805 * 1.2 + 0.5), abs=0.001)


def test_a_slow_owner_is_waited_for_longer():
    allowed = window(bound(TimeTerm("vrrp.timeout")), Pair(live(100, advert_s=3.0), B), A)
    assert allowed.upper_s == pytest.approx(9.805, abs=0.001)


def test_version_3_counts_its_skew_in_adverts():
    pair = Pair(live(100, 0.1, 3), live(50, 0.1, 3))
    assert window(bound(TimeTerm("vrrp.skew")), pair, A).upper_s == pytest.approx(0.0805, abs=0.0001)
