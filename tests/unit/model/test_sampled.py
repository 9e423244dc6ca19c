"""Rates from counts: what came late is no peak, and what nobody counted is a hole."""

from __future__ import annotations

import pytest

from iamops.model.traffic import HOLE_S, count_at, mean_rate

EVEN = tuple((float(at), 60 * at) for at in range(101))
"""60 requests a second, counted every second."""


def without(first: int, last: int) -> tuple[tuple[float, int], ...]:
    """The same, but nobody counted from the one to the other: then all came at once."""
    return tuple(each for each in EVEN if not first < each[0] < last)


def at(samples, moment: float):
    return count_at(samples, [each for each, _ in samples], moment)


def test_lines_that_come_late_are_no_peak() -> None:
    late = without(80, 90)
    assert at(late, 85.0) == 60 * 85
    assert mean_rate(late, 91.0, 10.0) == pytest.approx(60.0)


def test_a_hole_stays_a_hole_and_makes_no_peak_behind_it() -> None:
    hole = without(50, 80)
    assert at(hole, 60.0) is None
    assert at(hole, 80.0) == 60 * 80
    assert mean_rate(hole, 85.0, 10.0) == pytest.approx(60.0), "of the five seconds behind it"
    assert mean_rate(hole, 100.0, 10.0) == pytest.approx(60.0)
    assert HOLE_S < 80 - 50


def test_right_behind_a_hole_and_before_the_first_count_nothing_is_known() -> None:
    assert mean_rate((*EVEN[:50], EVEN[80]), 80.1, 10.0) is None
    assert mean_rate((), 80.0, 10.0) is None
    assert at(EVEN, -1.0) is None
