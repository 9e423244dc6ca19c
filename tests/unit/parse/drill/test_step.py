"""Bounds as they are written: sums of times and of named times, or what was expected instead."""

from __future__ import annotations

import random
import re

import pytest

from iamops.model.drill import BOUND_NAMES, Bound, TimeTerm
from iamops.parse.drill.step import EXPECTED, parse_bound


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("3 s", (TimeTerm(None, seconds=3.0),)),
        ("250ms", (TimeTerm(None, seconds=0.25),)),
        ("0 s", (TimeTerm(None, seconds=0.0),)),
        ("3600 s", (TimeTerm(None, seconds=3600.0),)),
        ("3600000 ms", (TimeTerm(None, seconds=3600.0),)),
        ("1.5 s", (TimeTerm(None, seconds=1.5),)),
        ("vrrp.max * 1.2", (TimeTerm("vrrp.max", 1.2),)),
        ("vrrp.max*100", (TimeTerm("vrrp.max", 100.0),)),
        ("check.fault + vrrp.skew", (TimeTerm("check.fault"), TimeTerm("vrrp.skew"))),
        (
            "vrrp.advert+500 ms+1 s",
            (TimeTerm("vrrp.advert"), TimeTerm(None, seconds=0.5), TimeTerm(None, seconds=1.0)),
        ),
    ],
)
def test_a_bound_is_a_sum_of_terms(text: str, terms: tuple[TimeTerm, ...]):
    assert parse_bound(text) == Bound(text, terms)


@pytest.mark.parametrize("name", BOUND_NAMES)
def test_every_name_can_be_written(name: str):
    assert parse_bound(name).terms == (TimeTerm(name),)


def test_the_text_of_a_bound_is_one_tidy_line():
    assert parse_bound("  vrrp.skew\n +\t\x1c1  s ").text == "vrrp.skew + 1 s"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", f"expected {EXPECTED}, found ''"),
        ("3", f"expected {EXPECTED}, found '3'"),
        ("3 h", f"expected {EXPECTED}, found '3 h'"),
        ("-3 s", f"expected {EXPECTED}, found '-3 s'"),
        ("1e3 s", f"expected {EXPECTED}, found '1e3 s'"),
        ("nan s", f"expected {EXPECTED}, found 'nan s'"),
        ("3 s * 2", f"expected {EXPECTED}, found '3 s * 2'"),
        ("2 * vrrp.max", f"expected {EXPECTED}, found '2 * vrrp.max'"),
        ("vrrp.skew +", f"expected {EXPECTED}, found ''"),
        ("vrrp.skew - 1 s", f"expected {EXPECTED}, found 'vrrp.skew - 1 s'"),
        ("vrrp.max * -1", f"expected {EXPECTED}, found 'vrrp.max * -1'"),
        ("vrrp.skw", "no time is named 'vrrp.skw'; did you mean vrrp.skew?"),
        ("vrrp-skew", "no time is named 'vrrp-skew'; did you mean vrrp.skew?"),
        ("1 s + check.falt * 2", "no time is named 'check.falt'; did you mean check.fault?"),
        ("soon", f"no time is named 'soon'; one of: {', '.join(BOUND_NAMES)}"),
        ("3601 s", "expected at most 3600 s, found 3601 s"),
        ("3600001 ms", "expected at most 3600 s, found 3600001 ms"),
        ("vrrp.max * 0", "expected a factor above 0 and up to 100, found 0"),
        ("vrrp.max * 100.5", "expected a factor above 0 and up to 100, found 100.5"),
        ("9" * 500 + " s", "expected at most 3600 s, found inf s"),
        ("\x1b[2J", f"expected {EXPECTED}, found '\\x1b[2J'"),
    ],
)
def test_what_is_no_bound_is_told_with_what_was_expected(text: str, says: str):
    with pytest.raises(ValueError, match=f"^{re.escape(says)}$"):
        parse_bound(text)


def test_no_text_raises_anything_else():
    rng = random.Random(1124)
    pieces = [*BOUND_NAMES, "+", "*", " ", "3", "0.5", "s", "ms", ".", "-", "\x00", "\n", "é", "٣", "\ud800", "e9"]
    for _ in range(3000):
        text = "".join(rng.choices(pieces, k=rng.randint(0, 6)))
        assert told(text).isprintable(), text


def told(text: str) -> str:
    """The bound as it will be printed, or what is wrong with it."""
    try:
        return parse_bound(text).text
    except ValueError as error:
        return str(error)
