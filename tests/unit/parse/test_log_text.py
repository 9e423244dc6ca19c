"""Lines from a log can be anything; what is kept of them is short and harmless."""

from __future__ import annotations

import pytest

from iamops.accesslog.line import LINE_BYTES, access_severity, error_severity, journal_severity, log_text
from iamops.model.facts import Severity


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
