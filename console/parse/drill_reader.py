"""Reads values out of a YAML tree and writes down what is wrong with them. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable
from typing import Any

from console.parse.words import words
from console.parse.yaml_tree import MOST_PROBLEMS, Path, Problem, Tree


class Reader:
    """Everything returns a usable value; what was wrong stands in `problems`."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self.problems: list[Problem] = []

    def wrong(self, path: Path, message: str) -> None:
        if len(self.problems) <= MOST_PROBLEMS:  # one more than are told says that there are more
            self.problems.append(self._tree.problem(path, message))

    def line(self, path: Path) -> int:
        return self._tree.line(path)

    def mapping(self, value: Any, path: Path) -> dict[str, Any]:
        if isinstance(value, dict):
            return value
        self.wrong(path, f"expected a mapping of `key: value`, found {shown(value)}")
        return {}

    def items(self, value: Any, path: Path) -> list[tuple[Path, Any]]:
        """A list's items with their paths; an absent list is an empty one."""
        if value is None:
            return []
        if not isinstance(value, list):
            self.wrong(path, f"expected a list, found {shown(value)}")
            return []
        return [((*path, number), item) for number, item in enumerate(value)]

    def text(self, value: Any, path: Path, expected: str) -> str:
        if isinstance(value, str) and value.strip():
            return value.strip()
        self.wrong(path, f"expected {expected}, found {shown(value)}")
        return ""

    def number(self, value: Any, path: Path, least: int, most: int) -> int:
        if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
            return value
        self.wrong(path, f"expected a whole number from {least} to {most}, found {shown(value)}")
        return least

    def word(self, value: Any, path: Path, known: Collection[str], what: str) -> str:
        """One of the known words, or an empty text."""
        if isinstance(value, str) and value in known:
            return value
        self.wrong(path, f"expected {what}, found {shown(value)}{nearest(value, known)}")
        return ""

    def only(self, keys: Iterable[str], path: Path, known: Collection[str]) -> None:
        """Complains about every key that means nothing here."""
        for key in keys:
            if key not in known:
                self.wrong((*path, key), f"means nothing here{nearest(key, known)}")


def nearest(found: Any, known: Collection[str]) -> str:
    """A hint for the end of a message."""
    near = difflib.get_close_matches(str(found), known, n=1)
    return f"; did you mean {near[0]}?" if near else f"; one of: {', '.join(known)}"


def shown(value: Any) -> str:
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    return "nothing" if value is None else f"`{words(str(value), 40)}`"
