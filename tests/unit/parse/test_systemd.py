"""Why a service does not start, from its own words and from systemd's."""

from __future__ import annotations

import pytest

from iamops.parse.systemd import exit_story, journal_of, reason_line, reason_of_starts

T = "\t"


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
