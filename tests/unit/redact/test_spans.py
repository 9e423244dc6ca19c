"""The places of secrets in a text, and the small walks to where a value begins and ends."""

from __future__ import annotations

import re

import pytest

from iamops.redact.spans import (
    KNOWN,
    SecretSpan,
    hits,
    indented_end,
    is_mixed,
    line_end,
    lines_with,
    looks_made,
    match_end,
    secrets_in,
    value_at,
    value_begin,
)


def test_a_marker_names_the_kind_and_is_a_string_where_it_must_be_one():
    assert SecretSpan(0, 3, "jwt").marker == b"[redacted jwt]"
    assert SecretSpan(0, 3, "jwt", quoted=True).marker == b'"[redacted jwt]"'


def test_of_two_that_overlap_any_name_is_better_than_known():
    joined = SecretSpan(2, 8, KNOWN).joined(SecretSpan(4, 12, "password"))
    assert (joined.start, joined.end, joined.kind) == (2, 12, "password")
    assert SecretSpan(2, 8, "jwt").joined(SecretSpan(4, 12, "password")).kind == "jwt"


def test_a_span_over_several_lines_leaves_line_ends_and_indentation():
    text = b"key: |\n  one\n\n  two \n"
    pieces = SecretSpan(7, len(text), "password").by_line(text)
    assert [text[each.start : each.end] for each in pieces] == [b"one", b"two"]


def test_needles_are_found_wherever_they_begin():
    assert list(hits(b"pass word pass", (b"pass", b"word"))) == [0, 10, 5]
    assert list(lines_with(b"a pass pass\nb pass\n", (b"pass",))) == [(2, 11), (14, 18)]


def test_a_carriage_return_is_no_part_of_its_line():
    assert line_end(b"one\r\ntwo", 0) == 3
    assert line_end(b"one\r\ntwo", 5) == 8


def test_a_pattern_gives_the_group_that_is_secret_and_the_end_of_what_it_matches():
    pattern = re.compile(rb"pin (?P<secret>\d+)")
    assert list(secrets_in(pattern, b"pin 12 pin 345", "pin")) == [
        SecretSpan(4, 6, "pin"),
        SecretSpan(11, 14, "pin"),
    ]
    assert match_end(pattern, b"pin 12 x", 0) == 6
    assert match_end(pattern, b"pin 12 x", 3) == 3


@pytest.mark.parametrize("word", [b"gpio12", b"v1.8.0-3", b"10.0.4.20", b"0x9f86d081", b"2026-11-24T10:00:00Z"])
def test_a_usual_name_with_a_number_is_not_mixed(word: bytes):
    assert not is_mixed(word)


def test_a_word_that_a_machine_made_has_both_cases_digits_and_some_length():
    assert looks_made(b"aB3dE6gH")
    assert not looks_made(b"aB3dE6g")
    assert not looks_made(b"ab3de6gh")


@pytest.mark.parametrize("between", [b"=", b": ", b" => ", b'": ', b" := "])
def test_a_value_begins_behind_whatever_joins_it_to_its_name(between: bytes):
    assert value_begin(b"password" + between + b"x", 8) == 8 + len(between)


def test_a_space_alone_joins_only_where_that_is_allowed():
    assert value_begin(b"password x", 8) is None
    assert value_begin(b"password x", 8, spaced=True) == 9


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b"abc next", b"abc"),
        (b"abc, n: 1", b"abc"),
        (b'"a b" next', b"a b"),
        (b'"a\\"b" next', b'a\\"b'),
        (b"'open\nnext", b"open"),
        (b"'it''s' next", b"it''s"),
        (b"\"a\"'b' next", b"a\"'b"),
        (b"", b""),
    ],
)
def test_a_value_ends_with_its_quote_or_before_the_next_field(text: bytes, value: bytes):
    found = value_at(text, 0)
    assert text[found.start : found.end] == value


def test_behind_a_quote_that_never_closes_nothing_is_skipped():
    found = value_at(b"'open\nnext", 0)
    assert (found.end, found.after) == (5, 5)
    closed = value_at(b"'open' next", 0)
    assert (closed.end, closed.after) == (5, 6)


def test_what_was_taken_out_already_is_an_empty_value():
    found = value_at(b"[redacted password] next", 0)
    assert (found.start, found.end, found.after) == (0, 0, 19)


def test_a_block_ends_where_a_line_is_not_indented_deeper():
    text = b"  one\n\n  two\nnext\n"
    assert text[indented_end(text, 0, 0) :] == b"next\n"
