"""Where plans and guards are made, no `x or 0` may turn what a daemon did not tell into a number, a name or none.

mypy keeps an Unknown from being read (`seen.value` on it is an error); this keeps its Optional fields from it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import iamops

ROOT = Path(iamops.__file__).parent
DECIDING = [*(ROOT / "plan").rglob("*.py"), *(ROOT / "judge" / "guards").glob("*.py"), ROOT / "model" / "vip.py"]
# A drill's step that names no unit, a file that is not there, a need that is a port: all known to be nothing.
ALLOWED = {"self.move.unit or ''", "step.refuses or ''", "node or None", "text or ''", "need.name or ''"}


def falsy_defaults(text: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or) and _falsy(node.values[-1]):
            yield ast.unparse(node)


def _falsy(node: ast.expr) -> bool:
    if isinstance(node, ast.Constant):
        return not node.value
    empty = isinstance(node, ast.Tuple | ast.List | ast.Set) and not node.elts
    return empty or (isinstance(node, ast.Dict) and not node.keys)


@pytest.mark.parametrize("path", sorted(DECIDING), ids=lambda path: path.stem)
def test_nothing_that_decides_puts_a_default_in_place_of_an_unknown(path: Path):
    assert set(falsy_defaults(path.read_text())) <= ALLOWED


def test_the_rule_itself_finds_one():
    text = "a = seen.priority or 0\nb = files or ()\nc = name or other\nd = {} or {}\n"
    assert list(falsy_defaults(text)) == ["seen.priority or 0", "files or ()", "{} or {}"]
