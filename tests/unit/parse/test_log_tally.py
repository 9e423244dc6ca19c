"""From counted tables to numbers by time: attempts, escapes, and what a format does not tell."""

from __future__ import annotations

from iamops.accesslog.aggregate import tallied
from iamops.accesslog.count import CountQuery, counted
from iamops.accesslog.format import named_format
from iamops.accesslog.values import NO_TIME, Resolution

AT = 1795542360  # 2026-11-24T17:46:00Z


def line(
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
    assert set(slots(line(), line(at="24/Nov/2026:23:16:01 +0530"))) == {AT}
    assert set(slots(line(), grain=Resolution.TEN_SECONDS)) == {AT + 20}


def test_a_time_nobody_understands_is_told_apart():
    assert set(slots(line(at="24/Foo/2026:17:46:29 +0000"))) == {NO_TIME}


def test_every_attempt_is_its_backends():
    asked = "upstream=10.0.4.20:8080, 10.0.4.21:8080 upstream_status=502, 200"
    traffic = slots(line(tail=f"{asked} request_time=0.2 upstream_time=0.001, 0.199"))[AT]
    first, second = traffic.backends["10.0.4.20:8080"], traffic.backends["10.0.4.21:8080"]
    assert (first.requests, first.errors, second.requests, second.errors) == (1, 1, 1, 0)
    assert (first.latency.quantile(1), second.latency.buckets) == (1.0, {198: 1})
    assert traffic.total == 1


def test_an_attempt_without_an_answer_is_an_error():
    tail = "upstream=10.0.4.20:8080 upstream_status=- request_time=0.2 upstream_time=-"
    assert slots(line(tail=tail, status="504"))[AT].backends["10.0.4.20:8080"].errors == 1


def test_a_request_that_nginx_answered_itself_has_no_backend():
    tail = "upstream=- upstream_status=- request_time=0.000 upstream_time=-"
    traffic = slots(line(tail=tail, status="404"))[AT]
    assert traffic.backends == {}
    assert traffic.latency.buckets == {0: 1}


def test_escaped_names_are_told_as_the_client_sent_them():
    traffic = slots(line(path="/\\xC3\\xBC\\x22"))[AT]
    assert list(traffic.paths) == [('/ü"', "2xx")]


def test_main_tells_no_host_no_backend_and_no_time_taken():
    traffic = slots(line().partition(b" host=")[0], form="main")[AT]
    assert (traffic.total, traffic.sent, dict(traffic.methods)) == (1, 100, {"GET": 1})
    assert not traffic.hosts
    assert not traffic.backends
    assert traffic.latency.count == 0


def test_main_and_iamops_agree_where_both_tell():
    lines = [line(path=f"/u/{n}", status="200" if n % 3 else "502") for n in range(50)]
    full = slots(*lines)[AT]
    plain = slots(*(each.partition(b" host=")[0] for each in lines), form="main")[AT]
    for name in ("statuses", "methods", "paths", "clients", "sent"):
        assert getattr(full, name) == getattr(plain, name)
