"""Requests over a day: windows that are exact, a day that is kept, and memory that does not grow."""

from __future__ import annotations

import itertools
from collections import Counter

from iamops.accesslog.timeseries import DAY_S, TOP_FINE, TrafficTimeSeries
from iamops.model.traffic import Backend, Traffic

NOW = 1_795_542_005.0  # five seconds into a slot


def some(status: str, number: int = 1) -> Traffic:
    return Traffic(Counter({status: number}))


def test_a_window_holds_its_slots_and_nothing_else():
    book = TrafficTimeSeries()
    book.add("iam-a", {int(NOW) - 5: some("200", 3), int(NOW) - 65: some("502"), int(NOW) - 75: some("404")}, NOW)
    book.add("iam-b", {int(NOW) - 15: some("200")}, NOW)
    assert book.window(60, NOW).statuses == {"200": 4, "502": 1}
    assert book.window(60, NOW, "iam-b").statuses == {"200": 1}


def test_what_tells_no_time_belongs_to_now():
    book = TrafficTimeSeries()
    book.add("iam-a", {-1: some("200")}, NOW)
    assert book.window(60, NOW).total == 1


def test_times_that_are_still_to_come_grow_no_slots_and_lose_no_request():
    book = TrafficTimeSeries()
    for number in range(5000):
        book.add("iam-a", {int(NOW) + 61 + number * 10: some("200")}, NOW)
    assert book.window(60, NOW).total == 5000
    assert len(book._slots["iam-a"]) == 1
    book.add("iam-a", {int(NOW) + 30: some("404")}, NOW)
    assert book.window(60, NOW).statuses == {"200": 5000, "404": 1}


def test_backends_are_kept_by_how_often_they_were_asked():
    book = TrafficTimeSeries()
    for number in range(1000):
        traffic = some("200", number + 1)
        traffic.backends[f"10.0.{number // 250}.{number % 250}:80"] = Backend(number + 1)
        book.add("iam-a", {int(NOW): traffic}, NOW)
    found = book.window(60, NOW).backends
    assert len(found) <= TOP_FINE + 1
    assert sum(backend.requests for backend in found.values()) == 500_500
    assert found["10.0.3.249:80"].requests == 1000


def test_old_slots_become_minutes_and_a_day_later_nothing():
    book = TrafficTimeSeries()
    book.add("iam-a", {int(NOW) - at: some("200") for at in range(0, 300, 10)}, NOW)
    later = NOW + 2 * 3600
    book.add("iam-a", {-1: some("404")}, later)
    assert book.window(3 * 3600, later).statuses == {"200": 30, "404": 1}
    assert len(book._slots["iam-a"]) <= 7
    book.add("iam-a", {-1: some("404")}, NOW + DAY_S + 7200)
    assert book.window(2 * DAY_S, NOW + DAY_S + 7200).statuses == {"404": 1}


def test_lines_of_yesterday_are_not_kept():
    book = TrafficTimeSeries()
    book.add("iam-a", {int(NOW) - DAY_S - 60: some("200")}, NOW)
    assert book.window(2 * DAY_S, NOW).total == 0


def test_a_series_has_a_point_for_every_slot_and_loses_no_request():
    book = TrafficTimeSeries()
    book.add("iam-a", {int(NOW) - at: some("502" if at < 100 else "200") for at in range(0, 900, 30)}, NOW)
    points = book.series(900, NOW, "iam-a", points=30)
    assert len(points) == 30
    assert sum(point.total for point in points) == 30
    assert sum(point.by_class.get("5xx", 0) for point in points) == 4
    assert points[-1].at <= NOW < points[-1].at + points[-1].span_s
    assert {after.at - before.at for before, after in itertools.pairwise(points)} == {30}


def test_a_day_is_told_by_the_minute():
    book = TrafficTimeSeries()
    book.add("iam-a", {int(NOW) - hour * 3600: some("200") for hour in range(23)}, NOW)
    points = book.series(DAY_S, NOW, points=120)
    assert len(points) == 120
    assert sum(point.total for point in points) == 23


def test_ever_new_paths_and_clients_do_not_make_it_grow():
    book = TrafficTimeSeries()
    for batch in range(40):
        names = [f"/{batch}/{n}" for n in range(1000)]
        traffic = Traffic(
            Counter({"200": 1000}),
            paths=Counter({(name, "2xx"): 1 for name in names}),
            clients=Counter({(name, ""): 1 for name in names}),
        )
        book.add("iam-a", {int(NOW): traffic}, NOW)
    kept = book.window(60, NOW)
    assert kept.total == kept.paths.total() == kept.clients.total() == 40_000
    assert len(kept.paths) <= TOP_FINE + 1
    assert len(kept.clients) <= TOP_FINE + 1
