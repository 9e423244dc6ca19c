"""What nginx can write for a variable, and behind which text of a client a tail of the line is still sure."""

from __future__ import annotations

import re

import pytest

from iamops.accesslog.shapes import (
    ANYTHING,
    HOST,
    LOCAL,
    NUMBER,
    STATUS,
    anchored,
    literal_pattern,
    pattern,
    shape_of,
)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("status", "502"),
        ("time_local", "24/Nov/2026:17:46:29 +0000"),
        ("time_iso8601", "2026-11-24T17:46:29+00:00"),
        ("request_time", "0.132"),
        ("upstream_addr", "10.0.4.20:8080, [fd00::1]:8080 : unix:/run/x.sock"),
        ("upstream_status", "502, 200"),
        ("remote_addr", "fd00::1"),
        ("server_name", "_"),
    ],
)
def test_what_nginx_writes_fits_its_shape_and_only_its_characters(variable: str, value: str):
    shape = shape_of(variable)
    assert re.fullmatch(shape.pattern, value)
    assert set(value) <= shape.chars
    assert shape.width in (0, len(value))
    assert not shape.client


@pytest.mark.parametrize("variable", ["http_user_agent", "request", "remote_user", "no_such_variable"])
def test_a_variable_of_which_nothing_is_known_may_be_any_text_of_a_client(variable: str):
    assert shape_of(variable) is ANYTHING


def test_a_host_holds_no_slash_and_no_capital_beyond_hexadecimal():
    assert HOST.client
    assert re.fullmatch(HOST.pattern, "a b.example\\xC3")
    assert not re.fullmatch(HOST.pattern, "a/b")


def test_a_tail_of_fixed_width_is_sure_whatever_stands_before_it():
    assert anchored(['" ', STATUS, " [", LOCAL, "]"])


def test_a_tail_with_a_quote_that_no_value_of_it_holds_is_sure():
    assert anchored(['" ', STATUS, " ", NUMBER])


def test_a_tail_whose_every_character_a_value_of_it_may_hold_is_not():
    assert not anchored(["-", NUMBER])


@pytest.mark.parametrize("parts", [[], [STATUS, " "], ['" ', ANYTHING]])
def test_a_tail_that_begins_with_a_value_or_holds_any_text_is_not(parts: list):
    assert not anchored(parts)


def test_a_literal_is_taken_by_the_letter_in_a_pattern():
    text = "[a].(b)|{c}^$*+?\\"
    assert re.fullmatch(literal_pattern(text), text)
    assert re.fullmatch(pattern(["] ", STATUS]), "] 200")
    assert not re.fullmatch(pattern(["] ", STATUS]), "] 20x")
