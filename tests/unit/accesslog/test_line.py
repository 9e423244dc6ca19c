"""A line made fit to be shown: harmless, bounded, dated, and as loud as it is."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from iamops.accesslog.format import named_format
from iamops.accesslog.line import (
    LINE_BYTES,
    access_line,
    access_severity,
    error_severity,
    journal_severity,
    log_text,
    logged_at,
    zone_offset,
)
from iamops.model.facts import Severity
from tests.support.hostile_logs import FORMS, requests

ISO = '$remote_addr $remote_user $time_iso8601 "$request" $status'
LOUD = {"404": Severity.WARNING, "502": Severity.CRITICAL}
AT = 1_795_542_389.0
EARLIEST, LATEST = 1_795_500_000, 1_795_600_000


@pytest.mark.parametrize("name", FORMS)
def test_no_clients_text_dates_or_colours_a_line(name: str):
    form = FORMS[name]
    for request in requests(name):
        at, severity = access_line(form, request.line)
        assert severity is LOUD.get(request.known["status"], Severity.INFO)
        assert (at is None) is (form.time_format is None)
        assert at is None or EARLIEST < at < LATEST


def test_each_clock_is_read():
    assert access_line(named_format("[$time_local] $status"), b"[24/Nov/2026:17:46:29 +0000] 200")[0] == AT
    assert access_line(named_format("$time_iso8601 $status"), b"2026-11-24T18:46:29+01:00 200")[0] == AT
    assert access_line(named_format("$msec $status"), b"1795542389.250 200")[0] == AT + 0.25
    assert access_line(named_format("$msec $status"), b"x 200")[0] is None


def test_of_two_times_nginxs_own_counts():
    line = b'10.0.4.1 2020-01-01T00:00:00+00:00 2026-11-24T17:46:29+00:00 "GET / HTTP/1.1" 200'
    assert access_line(named_format(ISO), line)[0] == AT


def test_a_line_in_another_format_is_read_as_any_log():
    assert access_line(named_format("main"), b'[24/Nov/2026:17:46:29 +0000] "GET / HTTP/1.1" 200')[0] == AT


def test_an_ordinary_line_stays_as_it_is():
    line = 'iam-a "GET /ü?q=[bold]x[/] HTTP/1.1" 200'
    assert log_text(line.encode()) == line


@pytest.mark.parametrize(
    "harm", [b"\x1b[31m", b"\x1b]0;title\x07", b"\x00\x08\r", b"\xff\xfe", b"\xc2\x9b2J", "‮".encode()]
)
def test_what_could_move_a_cursor_is_only_text(harm: bytes):
    text = log_text(b"before" + harm + b"after")
    assert text.isprintable()
    assert text.startswith("before")
    assert text.endswith("after")


@pytest.mark.parametrize("filler", [b"x", b"\x00", b"\xff", "€".encode(), b"\x1b[1A", b"[bold]"])
def test_a_megabyte_is_cut_and_says_so(filler: bytes):
    line = filler * (1_000_000 // len(filler))
    text = log_text(line)
    assert len(text) < LINE_BYTES + 40
    assert text.endswith(f"… (+{len(line) - LINE_BYTES} bytes)")
    assert text.isprintable()


def test_the_last_byte_that_fits_is_kept():
    assert log_text(b"x" * LINE_BYTES) == "x" * LINE_BYTES


@pytest.mark.parametrize(
    ("line", "severity"),
    [
        (b'x [t] "GET / HTTP/1.1" 200 1', Severity.INFO),
        (b'x [t] "GET / HTTP/1.1" 404 1', Severity.WARNING),
        (b'x [t] "GET / HTTP/1.1" 502 1', Severity.CRITICAL),
        (b"rubbish", Severity.INFO),
    ],
)
def test_an_access_line_is_as_loud_as_its_status(line: bytes, severity: Severity):
    assert access_severity(line) is severity


@pytest.mark.parametrize(
    ("level", "severity"),
    [
        ("notice", Severity.INFO),
        ("warn", Severity.WARNING),
        ("error", Severity.CRITICAL),
        ("emerg", Severity.CRITICAL),
    ],
)
def test_an_error_line_is_as_loud_as_its_level(level: str, severity: Severity):
    assert error_severity(f"2026/11/24 17:46:29 [{level}] 1#1: [emerg] x".encode()) is severity


def test_an_error_line_without_a_level_is_quiet():
    assert error_severity(b"see [error] above") is Severity.INFO


@pytest.mark.parametrize(("priority", "severity"), [(6, None), (4, "warning"), (3, "critical"), (0, "critical")])
def test_a_journal_entry_is_as_loud_as_its_priority(priority: int, severity: str | None):
    assert journal_severity(b'{"MESSAGE":"x","PRIORITY":"%d"}' % priority) == severity


def test_a_message_cannot_pass_for_the_priority():
    assert journal_severity(rb'{"MESSAGE":"\"PRIORITY\":\"0\"","PRIORITY":"6"}') is None
    assert journal_severity(b'{"MESSAGE":"x"}') is None


CLOCK = datetime(2026, 11, 24, 17, 46, 29, tzinfo=UTC).timestamp()
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
    assert logged_at(line) == CLOCK


def test_fractions_of_a_second_are_kept():
    assert logged_at(b"2026-11-24T17:46:29.250Z ok") == CLOCK + 0.25


def test_a_time_without_a_zone_is_the_nodes_own():
    assert logged_at(b"2026/11/24 18:46:29 [warn] 1#1: x", 3600) == CLOCK
    assert logged_at(b"2026-11-24 18:46:29 x", 3600) == CLOCK
    assert logged_at(b"10.0.4.1 - - [24/Nov/2026:17:46:29 +0000] " + REST, 3600) == CLOCK


@pytest.mark.parametrize(
    "line",
    [
        b"10.0.4.1 - x [01/Jan/1999:00:00:00 +0000] [24/Nov/2026:17:46:29 +0000] " + REST,
        b'10.0.4.1 - - [24/Nov/2026:17:46:29 +0000] "GET /[01/Jan/1999:00:00:00 +0000] HTTP/1.1" 404 1 "-" "-"',
        b'10.0.4.1 - - [24/Nov/2026:17:46:29 +0000] "GET /2026-01-01T00:00:00Z HTTP/1.1" 404 1 "-" "-"',
    ],
)
def test_a_time_that_a_client_wrote_is_not_believed(line: bytes):
    assert logged_at(line) == CLOCK


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
    assert logged_at(b"2026/11/24 17:46:60 [warn] x") == CLOCK + 30


@pytest.mark.parametrize(
    ("text", "seconds"), [("+0000\n", 0), ("+0530\n", 19800), ("-0330", -12600), ("what?", 0)]
)
def test_what_date_says_of_the_zone(text: str, seconds: int):
    assert zone_offset(text) == seconds
