"""Numbers and JSON that somebody else wrote; and no other way of reading them in the readers."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from iamops.model.foreign import json_of, real, whole

CONSOLE = Path(__file__).parents[3] / "console" / "iamops"
ROOMS = ("accesslog", "parse", "nodes", "redact")
READERS = [path for room in ROOMS for path in sorted((CONSOLE / room).rglob("*.py"))]


@pytest.mark.parametrize("text", ["", " 1", "1 ", "+1", "-1", "1.0", "²", "٣", "1_000", "0x1", "9" * 20, "1\n"])
def test_a_whole_number_is_plain_digits_of_a_bounded_length(text: str):
    assert whole(text) is None
    assert whole(text.encode()) is None


def test_numbers_are_what_they_say():
    assert (whole("007"), whole(b"12"), whole("9" * 19)) == (7, 12, 9999999999999999999)
    assert (real("1.25"), real("-3"), real("1e9"), real("nan"), real("inf"), real(".5")) == (1.25, -3, *[None] * 4)


@pytest.mark.parametrize(
    "text",
    [
        "NaN",
        "[Infinity]",
        '{"a": -Infinity}',
        "1e999",
        "9" * 30,
        "[" * 100_000,
        '{"a":' * 100_000,
        "",
        "{",
        b"\xff",
    ],
)
def test_what_no_reader_agrees_on_is_no_json(text: str | bytes):
    with pytest.raises(ValueError, match=r".*"):
        json_of(text)


def test_a_lone_surrogate_is_a_sign_that_is_not_known():
    assert json_of(r'{"a\udc80": ["\ud83d\ude00", "\ud800x"]}') == {"a\ufffd": ["😀", "\ufffdx"]}
    assert json_of(b'{"n": 1.5, "m": -3}') == {"n": 1.5, "m": -3}


def test_readers_take_numbers_and_json_in_no_other_way():
    """`isdigit` is true for signs that `int` refuses; `\\d` takes every script's digits, any number of them."""
    found = [each for path in READERS for each in (*_calls(path), *_patterns(path))]
    assert found == []


def _calls(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Attribute):
            continue
        # Of every line of a log: it asks for ASCII first.
        digits = node.attr in ("isdigit", "isdecimal", "isnumeric") and path.name != "values.py"
        of_json = isinstance(node.value, ast.Name) and node.value.id == "json" and node.attr in ("load", "loads")
        if digits or (of_json and path.name != "foreign_json.py"):
            yield f"{path.name}:{node.lineno}: {node.attr}"


def _patterns(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        text = node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
        if re.search(r"\\d[+*]", text) and not path.name.startswith("redact"):
            yield f"{path.name}:{node.lineno}: {text[:60]}"
