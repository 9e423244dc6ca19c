"""Text made harmless and cut to size, and numbers, times and states in words."""

from __future__ import annotations

import pytest

from iamops.model.text import (
    being,
    counted,
    cut_to,
    day_of,
    is_safe,
    lasting,
    one_line,
    safe,
    safe_bytes,
    safe_lines,
    shares,
)
from tests.support.hostile import SEQUENCES, raw

LINES = b"one\ntwo\nthree\n"


def test_what_fits_is_left_alone():
    assert cut_to(LINES, len(LINES), keeps_end=True) == (LINES, 0)


def test_a_log_keeps_its_end_from_the_beginning_of_a_line_on():
    assert cut_to(LINES, 11, keeps_end=True) == (b"two\nthree\n", 4)
    assert cut_to(LINES, 10, keeps_end=True) == (b"two\nthree\n", 4)
    assert cut_to(LINES, 9, keeps_end=True) == (b"three\n", 8)


def test_a_configuration_keeps_its_beginning_up_to_the_end_of_a_line():
    assert cut_to(LINES, 9, keeps_end=False) == (b"one\ntwo\n", 6)


def test_a_single_line_that_is_too_long_is_left_out_as_a_whole():
    assert cut_to(b"x" * 100, 10, keeps_end=True) == (b"", 100)
    assert cut_to(b"x" * 100, 10, keeps_end=False) == (b"", 100)


def test_small_files_are_kept_whole_and_large_ones_share_the_rest():
    assert shares([10, 1000, 20, 1000], 430) == [10, 200, 20, 200]
    assert shares([10, 20], 100) == [10, 20]
    assert shares([], 100) == []


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
        ("\x1b]52;c;cm0gLXJm\x07", "\\x1b]52;c;cm0gLXJm\\x07"),
        ("a\rb\nc", "a\\x0db\\x0ac"),
        ("\x9b31m", "\\x9b31m"),
        ("user\u202etxt.exe", "user\\u202etxt.exe"),
        ("zero\u200bwidth", "zero\\u200bwidth"),
        ("\U000e0041", "\\U000e0041"),
        ("soft\u00adhyphen\ufe0f\u3164", "soft\\xadhyphen\\ufe0f\\u3164"),
        ("two\u2028lines", "two\\u2028lines"),
        ("tab\there", "tab here"),
        ("[bold red]markup stays text[/]", "[bold red]markup stays text[/]"),
        ("ünïcode 中文 ok", "ünïcode 中文 ok"),
        ("e\u0301\u0302 ก็ नि ཨོཾ", "e\u0301\u0302 ก็ नि ཨོཾ"),
        ("e" + "\u0301" * 300, "e" + "\u0301" * 4 + "(+296 marks)"),
        ("\u1100" + "\u1161" * 30, "\u1100" + "\u1161" * 4 + "(+26 marks)"),
        ("wide\U0001f3fb", "wide\\U0001f3fb"),
    ],
)
def test_controls_become_visible_and_text_stays(hostile, shown):
    assert safe(hostile) == shown


def test_a_very_long_text_is_cut_and_says_so():
    assert safe("x" * 5000, 10) == "xxxxxxxxxx… (+4990 characters)"


def test_bytes_that_are_not_utf8_become_visible():
    assert safe_bytes(b"ok \xff\x00") == "ok \\xff\\x00"


def test_no_character_of_the_controls_survives():
    everything = "".join(map(chr, range(0x110000)))
    kept = safe(everything, len(everything))
    assert not any(ord(c) < 32 or 127 <= ord(c) < 160 for c in kept)


@pytest.mark.parametrize("text", SEQUENCES)
def test_what_is_shown_needs_no_second_look(text: str):
    assert safe(safe(text)) == safe(text) == one_line(text)
    assert safe_lines(safe_lines(text)) == safe_lines(text)
    assert is_safe(one_line(text))
    assert raw(one_line(text), allowed="") == raw(safe_lines(text)) == []


def test_lines_keep_their_newlines_and_tabs_and_nothing_else():
    assert safe_lines("a\tb\r\nc\x1b\u2028\n") == "a\tb\\x0d\nc\\x1b\\u2028\n"


def test_every_character_that_unicode_calls_a_control_or_a_format_is_harmful():
    everything = "".join(map(chr, range(0x110000)))
    assert raw(safe_lines(everything)) == []


def test_a_command_is_not_cut():
    assert one_line("x" * 5000) == "x" * 5000


@pytest.mark.parametrize(("number", "said"), [(0, "0 files"), (1, "1 file"), (2, "2 files")])
def test_one_is_not_several(number: int, said: str):
    assert counted(number, "file") == said


def test_a_span_is_said_in_the_unit_that_fits_it():
    spans = {
        0.04: "40 ms",
        12.4: "12 s",
        119.4: "119 s",
        119.6: "2 min",
        7100: "118 min",
        11_000: "3 h",
        4e5: "5 days",
    }
    assert {seconds: lasting(seconds) for seconds in spans} == spans


def test_a_unit_has_failed_and_is_inactive():
    assert (being("failed"), being("inactive")) == ("has failed", "is inactive")


def test_a_day_beyond_every_calendar_is_said_in_words():
    assert day_of(0.0) == "1970-01-01"
    assert day_of(1e18) == "a day beyond the calendar"
