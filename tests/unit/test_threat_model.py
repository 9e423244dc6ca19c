"""docs/security.md: every row names tests that are there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
_TEST = re.compile(r"`(?P<file>tests/[\w/]+\.py)(?:::(?P<name>\w+))?`")


def rows() -> list[list[str]]:
    text = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.startswith("| ") and not line.startswith("| who |")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def test_every_row_names_what_is_tried_what_stops_it_and_a_test():
    assert len(rows()) >= 18
    for row in rows():
        assert len(row) == 4, row
        assert all(row[1:]), row
        assert _TEST.search(row[3]), row


def test_the_tests_that_it_names_are_run():
    for row in rows():
        for found in _TEST.finditer(row[3]):
            tree = ast.parse((ROOT / found["file"]).read_text(encoding="utf-8"))
            named = {
                each.name for each in ast.walk(tree) if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)
            }
            tests = {name for name in named if name.startswith("test_")}
            assert found["name"] in tests or (tests and not found["name"]), found[0]
