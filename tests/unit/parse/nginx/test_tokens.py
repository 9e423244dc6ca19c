"""nginx's files as words and signs."""

from __future__ import annotations

import time

import pytest

from iamops.parse.nginx.tokens import tokens


def read(text: str) -> tuple[list[str], list[int]]:
    wrong: list[tuple[int, str]] = []
    words = [token.text for token in tokens(text, wrong)]
    return words, [line for line, _ in wrong]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a b;", ["a", "b", ";"]),
        ("a ${b}c{d}", ["a", "${b}c", "{", "d}"]),
        ("a b#c; # d;\ne;", ["a", "b#c", ";", "e", ";"]),
        ("a 'b\\'c;' \"d}\";", ["a", "b'c;", "d}", ";"]),
        ('if ($a = "b") {}', ["if", "($a", "=", "b", ")", "{", "}"]),
        ("a b\\;c\\ d;", ["a", "b\\;c\\ d", ";"]),
        ("a '\\t\\x';", ["a", "\t\\x", ";"]),
        ("a b\r\nc;\r\n", ["a", "b", "c", ";"]),
        ("a b}c;", ["a", "b}c", ";"]),
        ("x_by_lua_block { '}' [[ } ]] -- }\n { } } y;", ["x_by_lua_block", "{", "}", "y", ";"]),
        ("a \\", ["a", "\\"]),
        ("", []),
    ],
)
def test_words_end_where_nginx_ends_them(text: str, words: list[str]):
    assert read(text) == (words, [])


def test_every_word_has_the_line_where_it_begins():
    lines = [token.line for token in tokens("a\n 'b\nc'\n# d\n;x_by_lua_block {\n\n}\ny;", [])]
    assert lines == [1, 2, 5, 5, 5, 7, 8, 8]


def test_what_is_wrong_with_a_quote_is_told_at_its_line():
    assert read("a;\nb 'c'd;\n")[1] == [2]
    assert read("a;\nb 'c;\nd;\n") == (["a", ";", "b"], [2])


def test_quotes_without_end_are_read_in_time_that_grows_with_the_text():
    before = time.perf_counter()
    read("a " + "\\" * 100_000 + "'" + "b\\" * 100_000)
    assert time.perf_counter() - before < 1.0
