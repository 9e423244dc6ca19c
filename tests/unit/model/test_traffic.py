"""Numbers that can be added up: latencies, tables, classes."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from iamops.accesslog.values import bucket_of
from iamops.model.traffic import (
    HOLE_S,
    OTHERS,
    Backend,
    Latency,
    NamedCount,
    Traffic,
    count_at,
    mean_rate,
    merged,
    named_counts,
)

RNG = random.Random(7)


def latency(times_ms: list[float]) -> Latency:
    return Latency(Counter(int(bucket_of(f"{ms / 1000:.3f}")) for ms in times_ms))


@pytest.mark.parametrize("share", [0.5, 0.9, 0.99, 1.0])
def test_a_quantile_is_within_a_64th_of_the_exact_one(share: float):
    times = [float(int(RNG.expovariate(1 / 80))) + 1 for _ in range(5000)]
    exact = sorted(times)[max(0, int(share * len(times) + 0.999999) - 1)]
    told = latency(times).quantile(share)
    assert told is not None
    assert abs(told - exact) <= max(0.5, exact / 64)


def test_two_halves_make_the_same_quantiles_as_the_whole():
    times = [RNG.uniform(0, 5000) for _ in range(400)]
    halves = latency(times[:150])
    halves.add(latency(times[150:]))
    assert halves == latency(times)


def test_without_answers_there_is_no_quantile():
    assert Latency().quantile(0.5) is None


def test_classes_errors_and_clients_that_left():
    traffic = Traffic(Counter({"200": 5, "204": 1, "404": 2, "499": 3, "502": 4}))
    assert traffic.classes == {"2xx": 6, "4xx": 5, "5xx": 4}
    assert (traffic.total, traffic.errors, traffic.client_closed) == (15, 4, 3)


def test_a_cut_table_keeps_its_sum_and_the_most_frequent_names():
    traffic = Traffic(paths=Counter({(f"/{n}", "2xx" if n % 2 else "5xx"): n for n in range(1, 101)}))
    traffic.keep_top(top=10)
    found = named_counts(traffic.paths)
    assert sum(row.total for row in found) == 5050
    assert [row.name for row in found[:2]] == ["/100", "/99"]
    assert found[-1] == NamedCount(OTHERS, 5050 - sum(range(91, 101)), sum(range(2, 91, 2)))


def test_methods_that_clients_made_up_are_cut_too():
    traffic = Traffic(methods=Counter({"GET": 500, "POST": 60} | {f"X{n}": 1 for n in range(100)}))
    traffic.keep_top(top=10)
    assert traffic.methods.total() == 660
    assert (traffic.methods["GET"], traffic.methods["POST"], traffic.methods[OTHERS]) == (500, 60, 92)


def test_adding_is_the_same_in_any_order():
    parts = [
        Traffic(Counter({"200": n}), backends={"a": Backend(n, 1, latency([n]))}, sent=n) for n in range(1, 6)
    ]
    assert merged(parts) == merged(reversed(parts))
    assert merged(parts).backends["a"].requests == 15


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
