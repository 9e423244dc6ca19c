"""From counted tables to numbers by time, and to the backends that a line names."""

from __future__ import annotations

from collections import Counter

import pytest

from iamops.accesslog.aggregate import tallied, upstream_attempts
from iamops.accesslog.count import CountQuery, counted
from iamops.accesslog.format import LogField, named_format
from iamops.accesslog.values import NO_TIME, Resolution
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
