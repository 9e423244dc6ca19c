"""Remote text must reach no terminal raw."""

from __future__ import annotations

import pytest

from console.parse.safe_text import safe, safe_bytes


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
        ("tab\there", "tab here"),
        ("[bold red]markup stays text[/]", "[bold red]markup stays text[/]"),
        ("ünïcode 中文 ok", "ünïcode 中文 ok"),
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
