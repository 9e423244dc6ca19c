"""The one line that says why a service does not start, out of what such services write."""

from __future__ import annotations

from pathlib import Path

import pytest

from iamops.parse.systemd import Weight, exit_story, journal_of, reason_line, reason_of_starts

FIXTURES = Path(__file__).parents[2] / "fixtures" / "start"


@pytest.mark.parametrize(
    ("journal", "why", "story"),
    [
        (
            "database-away",
            "Failed to get cache instance: got nil store: dial tcp 10.0.4.20:3306: connect: connection refused",
            "exit 1, 3 times in 17 s",
        ),
        (
            "bad-value",
            'Error: invalid value "ten" for purge-delay: strconv.Atoi: parsing "ten": invalid syntax',
            "exit 1, 2 times in 17 s",
        ),
        ("port-taken-python", "OSError: [Errno 98] Address already in use", "exit 1"),
        (
            "panic",
            "panic: runtime error: invalid memory address or nil pointer dereference",
            "exit 2",
        ),
        (
            "no-binary",
            "iam-pump.service: Failed at step EXEC spawning /opt/iam/bin/iam-pump: No such file or directory",
            "exit 203 (EXEC)",
        ),
    ],
)
def test_the_reason_and_the_exits_of_a_unit_that_does_not_start(journal: str, why: str, story: str):
    read = journal_of((FIXTURES / f"journal-{journal}.txt").read_text())
    reason = reason_of_starts(read.starts)
    assert reason is not None
    assert reason.text == why
    assert exit_story(read.exits, {}, 17) == story


T = "\t"


@pytest.mark.parametrize(
    ("line", "text", "weight"),
    [
        (
            f"2026-03-05 14:07:09.1{T}\x1b[31mERROR\x1b[0m{T}pump{T}pump/x.go:9{T}no mongo",
            "no mongo",
            Weight.ERROR,
        ),
        (
            f"2026-03-05 14:07:09.1{T}\\x1b[31mERROR\\x1b[0m{T}pump{T}pump/x.go:9{T}no mongo",
            "no mongo",
            Weight.ERROR,
        ),
        (
            f'2026-03-05T14:07:09Z{T}FATAL{T}cannot start{T}{{"error": "bind: address already in use"}}',
            "cannot start: bind: address already in use",
            Weight.FATAL,
        ),
        (
            '{"level":"fatal","timestamp":"2026","message":"no store","error":"dial tcp: refused"}',
            "no store: dial tcp: refused",
            Weight.FATAL,
        ),
        (
            'time="2026-03-05T14:07:09Z" level=error msg="no \\"redis\\"" err=EOF',
            'no \\"redis\\": EOF',
            Weight.ERROR,
        ),
        ("F0305 14:07:09.123456       1 main.go:33] no configuration", "no configuration", Weight.FATAL),
        ("2026/03/05 14:07:09 listen tcp :8080: bind: permission denied", None, Weight.COMPLAINT),
        ("2026-03-05 14:07:09 [ERROR] mysqld: Can't lock aria", "mysqld: Can't lock aria", Weight.ERROR),
        ("error: unknown flag: --foo", "error: unknown flag: --foo", Weight.ERROR),
        ("*** FATAL CONFIG FILE ERROR ***", None, Weight.COMPLAINT),
        ("reading configuration from /etc/iam", "reading configuration from /etc/iam", Weight.FIRST),
    ],
)
def test_every_usual_shape_of_a_line(line: str, text: str | None, weight: Weight):
    reason = reason_line([line])
    assert reason is not None
    assert reason.weight is weight
    assert reason.text == (text or line.removeprefix("2026/03/05 14:07:09 "))


def test_the_last_error_before_the_end_counts_and_a_fatal_line_more():
    errors = [f"x{T}ERROR{T}first try failed", f"x{T}ERROR{T}giving up", f"x{T}INFO{T}error count 2"]
    assert _text(errors) == "giving up"
    assert _text([*errors, f"x{T}FATAL{T}no store", f"x{T}ERROR{T}closing"]) == "no store"


def test_without_any_complaint_it_is_the_first_line():
    assert _text(["loading", "warming up", "\tat frame"]) == "loading"
    assert reason_line(["", "   ", "goroutine 7 [select]:"]) is None


def test_a_start_that_has_only_begun_does_not_hide_the_one_before():
    found = reason_of_starts([["starting"], ["starting", "cannot bind port 8080"]])
    assert found is not None
    assert found.text == "cannot bind port 8080"


def test_the_process_that_was_replaced_gives_no_reason():
    text = "3.0 reports[8]: reading files\n2.0 reports[7]: ERROR server closed\n"
    assert journal_of(text, without=7).starts == (("reading files",),)
    found = reason_of_starts([["reading files"], ["ERROR server closed"], ["FATAL long ago"]])
    assert found is not None
    assert found.text == "server closed", "no older start than the one before counts"


def test_systemd_alone_says_how_it_ended():
    killed = {"NRestarts": "13", "ExecMainCode": "2", "ExecMainStatus": "9"}
    assert exit_story((), killed, 70) == "killed by signal 9, 13 times in 70 s"
    assert exit_story((), {"NRestarts": "0", "ExecMainCode": "1", "ExecMainStatus": "1"}, 3) == "exit 1"
    assert exit_story((), {"NRestarts": "²", "ExecMainCode": "0", "ExecMainStatus": "0"}, 3) == ""


@pytest.mark.parametrize(
    "junk", ["{" * 5000, "[" * 100_000, "\x00" * 9, '{"level": {}}', "= = =", "x\tERROR", "x\tERROR\t{", "\ud800"]
)
def test_no_line_is_too_odd(junk: str):
    reason_line([junk, junk])
    journal_of(junk)


def _text(lines: list[str]) -> str:
    reason = reason_line(lines)
    assert reason is not None
    return reason.text
