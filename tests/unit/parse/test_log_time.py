"""When a line was written, whatever else clients put into it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from iamops.accesslog.line import logged_at, zone_offset

AT = datetime(2026, 11, 24, 17, 46, 29, tzinfo=UTC).timestamp()
REST = b'"GET / HTTP/1.1" 200 612 "-" "curl/8.5.0" "-"'


@pytest.mark.parametrize(
    "line",
    [
        b"10.0.4.1 - - [24/Nov/2026:17:46:29 +0000] " + REST,
        b"10.0.4.1 - - [24/Nov/2026:19:46:29 +0200] " + REST,
        b"10.0.4.1 - ada [24/Nov/2026:12:16:29 -0530] " + REST,
        b"2026/11/24 17:46:29 [error] 311#311: *48 connect() failed",
        b"2026-11-24T17:46:29+00:00 GET /",
        b"2026-11-24T17:46:29Z GET /",
        b"2026-11-24 17:46:29 worker started",
        b'{"time":"2026-11-24T18:46:29+01:00","path":"/"}',
    ],
)
def test_the_times_that_nginx_and_its_formats_write(line: bytes):
    assert logged_at(line) == AT


def test_fractions_of_a_second_are_kept():
    assert logged_at(b"2026-11-24T17:46:29.250Z ok") == AT + 0.25


def test_a_time_without_a_zone_is_the_nodes_own():
    assert logged_at(b"2026/11/24 18:46:29 [warn] 1#1: x", 3600) == AT
    assert logged_at(b"2026-11-24 18:46:29 x", 3600) == AT
    assert logged_at(b"10.0.4.1 - - [24/Nov/2026:17:46:29 +0000] " + REST, 3600) == AT


@pytest.mark.parametrize(
    "line",
    [
        b"10.0.4.1 - x [01/Jan/1999:00:00:00 +0000] [24/Nov/2026:17:46:29 +0000] " + REST,
        b'10.0.4.1 - - [24/Nov/2026:17:46:29 +0000] "GET /[01/Jan/1999:00:00:00 +0000] HTTP/1.1" 404 1 "-" "-"',
        b'10.0.4.1 - - [24/Nov/2026:17:46:29 +0000] "GET /2026-01-01T00:00:00Z HTTP/1.1" 404 1 "-" "-"',
    ],
)
def test_a_time_that_a_client_wrote_is_not_believed(line: bytes):
    assert logged_at(line) == AT


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"no time at all",
        b"10.0.4.1 - - [24/Nox/2026:17:46:29 +0000] " + REST,
        b"10.0.4.1 - - [32/Nov/2026:17:46:29 +0000] " + REST,
        b"10.0.4.1 - - [24/Nov/0000:17:46:29 +0000] " + REST,
        b"10.0.4.1 - - [24/Nov/2026:17:46:29 +9999] " + REST,
        b"2026/13/24 17:46:29 [error] x",
        b"9999-99-99T99:99:99Z x",
        b"\xff\x00[" * 100_000,
        b"[24/Nov/2026:17:46:29 " * 50_000,
    ],
)
def test_what_is_no_time_is_none(line: bytes):
    assert logged_at(line) is None


def test_a_leap_second_does_not_break_it():
    assert logged_at(b"2026/11/24 17:46:60 [warn] x") == AT + 30


@pytest.mark.parametrize(
    ("text", "seconds"), [("+0000\n", 0), ("+0530\n", 19800), ("-0330", -12600), ("what?", 0)]
)
def test_what_date_says_of_the_zone(text: str, seconds: int):
    assert zone_offset(text) == seconds
