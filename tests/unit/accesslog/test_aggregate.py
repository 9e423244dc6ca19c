"""From counted tables to numbers by time and to backends; and a day of them that does not grow."""

from __future__ import annotations

import itertools
from collections import Counter

import pytest

from iamops.accesslog.aggregate import DAY_S, TOP_FINE, TrafficTimeSeries, tallied, upstream_attempts
from iamops.accesslog.count import CountQuery, counted
from iamops.accesslog.format import LogField, named_format
from iamops.accesslog.values import NO_TIME, Resolution
from iamops.model.traffic import Backend, Traffic
from tests.support.hostile_logs import FORMS, requests

HEAD = (
    '10.0.4.30 - - [24/Nov/2026:18:29:57 +0000] "GET /healthz?iamops-0 HTTP/1.1" 200 15 "-" "iamops-probe/1" "-"'
)


def line(upstream: str) -> bytes:
    tail = f"host=h upstream={upstream} upstream_status=200 request_time=0.0 upstream_time=0.0 request_id=1"
    return f"{HEAD} {tail}".encode()


def test_the_last_one_asked_has_the_request_and_the_ones_before_were_asked_in_vain():
    lines = [line("10.0.4.21:8080"), line("10.0.4.21:8080, 127.0.0.1:8080"), line("127.0.0.1:8080")]
    found = upstream_attempts(named_format("iamops"), lines)
    assert found.last == Counter({"127.0.0.1:8080": 2, "10.0.4.21:8080": 1})
    assert found.in_vain == Counter({"10.0.4.21:8080": 1})
    assert found.unnamed == 0


def test_a_line_without_a_backend_or_in_another_format_names_nobody():
    found = upstream_attempts(named_format("iamops"), [line("-"), HEAD.encode(), b"rubbish", b'a "b'])
    assert (found.last, found.unnamed) == (Counter(), 4)


def test_json_and_ipv6_are_read_too():
    form = named_format('escape=json {"status":"$status","by":"$upstream_addr","is":"$request"}')
    found = upstream_attempts(
        form, [b'{"status":"200","by":"[fd00::21]:8080 : 10.0.4.20:1","is":"GET / HTTP/1.1"}']
    )
    assert found.last == Counter({"10.0.4.20:1": 1})
    assert found.in_vain == Counter({"[fd00::21]:8080": 1})


def test_a_hostile_name_is_made_harmless():
    (name,) = upstream_attempts(named_format("iamops"), [line("\x1b[31mred")]).last
    assert name.startswith("\\x1b")


AT = 1795542360  # 2026-11-24T17:46:00Z


def full_line(
    *, at: str = "24/Nov/2026:17:46:29 +0000", path: str = "/v1", status: str = "200", tail: str = ""
) -> bytes:
    tail = tail or "upstream=10.0.4.20:8080 upstream_status=200 request_time=0.010 upstream_time=0.008"
    return (
        f'10.0.4.1 - - [{at}] "GET {path} HTTP/1.1" {status} 100 "-" "curl" "-" host=iam.api {tail} request_id=1'
    ).encode("latin-1")


def slots(*lines: bytes, form: str = "iamops", grain: Resolution = Resolution.MINUTE):
    recipe = CountQuery(named_format(form), resolution=grain)
    return tallied(counted(recipe, lines), recipe)


def test_a_request_is_in_its_minute_or_its_ten_seconds_whatever_the_zone():
    assert set(slots(full_line(), full_line(at="24/Nov/2026:23:16:01 +0530"))) == {AT}
    assert set(slots(full_line(), grain=Resolution.TEN_SECONDS)) == {AT + 20}


def test_a_time_nobody_understands_is_told_apart():
    assert set(slots(full_line(at="24/Foo/2026:17:46:29 +0000"))) == {NO_TIME}


def test_every_attempt_is_its_backends():
    asked = "upstream=10.0.4.20:8080, 10.0.4.21:8080 upstream_status=502, 200"
    traffic = slots(full_line(tail=f"{asked} request_time=0.2 upstream_time=0.001, 0.199"))[AT]
    first, second = traffic.backends["10.0.4.20:8080"], traffic.backends["10.0.4.21:8080"]
    assert (first.requests, first.errors, second.requests, second.errors) == (1, 1, 1, 0)
    assert (first.latency.quantile(1), second.latency.buckets) == (1.0, {198: 1})
    assert traffic.total == 1


def test_an_attempt_without_an_answer_is_an_error():
    tail = "upstream=10.0.4.20:8080 upstream_status=- request_time=0.2 upstream_time=-"
    assert slots(full_line(tail=tail, status="504"))[AT].backends["10.0.4.20:8080"].errors == 1


def test_a_request_that_nginx_answered_itself_has_no_backend():
    tail = "upstream=- upstream_status=- request_time=0.000 upstream_time=-"
    traffic = slots(full_line(tail=tail, status="404"))[AT]
    assert traffic.backends == {}
    assert traffic.latency.buckets == {0: 1}


def test_escaped_names_are_told_as_the_client_sent_them():
    traffic = slots(full_line(path="/\\xC3\\xBC\\x22"))[AT]
    assert list(traffic.paths) == [('/ü"', "2xx")]


def test_main_tells_no_host_no_backend_and_no_time_taken():
    traffic = slots(full_line().partition(b" host=")[0], form="main")[AT]
    assert (traffic.total, traffic.sent, dict(traffic.methods)) == (1, 100, {"GET": 1})
    assert not traffic.hosts
    assert not traffic.backends
    assert traffic.latency.count == 0


def test_main_and_iamops_agree_where_both_tell():
    lines = [full_line(path=f"/u/{n}", status="200" if n % 3 else "502") for n in range(50)]
    full = slots(*lines)[AT]
    plain = slots(*(each.partition(b" host=")[0] for each in lines), form="main")[AT]
    for name in ("statuses", "methods", "paths", "clients", "sent"):
        assert getattr(full, name) == getattr(plain, name)


ROUNDS = 150


@pytest.mark.parametrize("name", FORMS)
def test_the_sums_are_those_of_what_nginx_did(name: str):
    form, sent = FORMS[name], requests(name)
    counts = counted(CountQuery(form), [request.line for request in sent])
    assert (counts.total, counts.unparsed) == (len(sent), 0)
    statuses = Counter(key.split("\t")[1] for key in counts.shapes.elements())
    assert statuses == Counter(request.known["status"] for request in sent)
    if form.has(LogField.UPSTREAM):
        found = upstream_attempts(form, [request.line for request in sent])
        assert not [name for name in (*found.last, *found.in_vain) if "9.9.9.9" in name]
    if form.time_format is not None:
        slots = tallied(counts, CountQuery(form))
        assert min(slots) > 1_795_000_000


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
