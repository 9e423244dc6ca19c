"""Which backends an access-log line names, in the formats that nginx may write."""

from __future__ import annotations

from collections import Counter

from iamops.accesslog.aggregate import upstream_attempts
from iamops.accesslog.format import named_format

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
