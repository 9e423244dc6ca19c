"""YAML text into plain values that remember their lines. Pure.

Only what a profile or theme needs: one document, string keys, no aliases, no tags of its own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from iamops.redact.clean import clean_text

# The YAML library's complaints, in words, at the line where the mistake begins.

# What is never closed is noticed at the end of the file, or lines later: the opening is what to fix.
_OPENED = re.compile("flow mapping|flow sequence|quoted scalar|simple key")
_WORDS = {
    "could not find expected ':'": "expected `key: value` on this line",
    "did not find expected ',' or '}'": "the `{` opened here is not closed, or a comma is missing behind it",
    "did not find expected ',' or ']'": "the `[` opened here is not closed, or a comma is missing behind it",
    "did not find expected node content": "a value is missing here, or the `{` or `[` before it is not closed",
    "found unexpected end of stream": "the quote opened here is never closed",
    "did not find expected key": "expected a key in the same column as the keys around it",
    "mapping values are not allowed in this context": "a second `:` in this line, or too deep an indentation; "
    "text that holds `: ` needs quotes",
    "found character that cannot start any token": "text that begins with % @ or ` needs quotes",
}
_TAB_INDENT = re.compile(r" *\t")


def _syntax_problem(error: yaml.MarkedYAMLError, text: str) -> tuple[int, str]:
    """(line, message) for a syntax error of the YAML library."""
    mark = error.problem_mark or error.context_mark
    if error.context_mark and _OPENED.search(error.context or ""):
        mark = error.context_mark
    line, lines = mark.line + 1 if mark else 1, text.splitlines()
    if line <= len(lines) and _TAB_INDENT.match(lines[line - 1]):
        return line, "not valid YAML: expected spaces as indentation, found a tab"
    problem = error.problem or error.context or ""
    return line, f"not valid YAML: {_WORDS.get(problem, clean_text(problem, 200))}"


KeyPath = tuple[str | int, ...]
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
PROFILE_EXPECTED = "a mapping with name, environment, nodes and vrrp"
MAX_DEPTH = 12
MAX_CHARS = 256 * 1024
# Nobody reads more, and each costs the time to be made harmless.
MOST_PROBLEMS = 100
_STANDARD = "tag:yaml.org,2002:"
# YAML forbids most of these. The Unicode line ends it allows, but no editor counts them as lines.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# YAML 1.1 reads 050 as 40 and 1:30 as 90; nobody who writes that means it.
_DECIMAL = re.compile(r"[-+]?(0|[1-9][0-9]*)")


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake: where it is, which key, and what was expected. `line` counts from 1."""

    file: str
    line: int
    key: str
    message: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}: "
        return f"{where}{self.key}: {self.message}" if self.key else f"{where}{self.message}"


@dataclass(eq=False)
class ProblemsFound(Exception):
    """The text is not what it should be. `problems` are sorted by line and never empty."""

    problems: tuple[Problem, ...]

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


@dataclass(frozen=True, slots=True)
class YamlTree:
    """The document's value, the line of every key path, and what was wrong with its form.

    `value` is None when the text has no form at all; then there is exactly one problem. `unlisted`: how many there
    are beside the first MOST_PROBLEMS.
    """

    file: str
    value: dict[str, Any] | None
    lines: dict[KeyPath, int] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    unlisted: int = 0

    def line(self, path: KeyPath) -> int:
        """The line of the path, or of the nearest parent that the text has."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def problem(self, path: KeyPath, message: str) -> Problem:
        return Problem(self.file, self.line(path), _dotted(path), message)

    def listed(self, problems: Sequence[Problem]) -> tuple[Problem, ...]:
        """Of problems in order the first MOST_PROBLEMS, and one that says so where there are more."""
        listed = tuple(problems[:MOST_PROBLEMS])
        if len(problems) <= MOST_PROBLEMS and not self.unlisted:
            return listed
        return (*listed, Problem(self.file, listed[-1].line, "", "more problems follow; mend these first"))


def read_tree(text: str, file: str, expected: str = PROFILE_EXPECTED) -> YamlTree:
    """Reads any text. What is wrong with it ends up in `problems`; nothing is raised.

    `expected` says what a file of this kind holds.
    """
    if len(text) > MAX_CHARS:
        return _broken(file, 1, f"expected at most {MAX_CHARS} characters, found {len(text)}")
    if found := _FORBIDDEN.search(text):
        line = text.count("\n", 0, found.start()) + 1
        return _broken(file, line, f"not valid YAML: it holds the character U+{ord(found[0]):04X}")
    try:
        wrong = _wrong_form(text)
        if wrong is not None:
            return _broken(file, *wrong)
        root = yaml.compose(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        return _broken(file, *_syntax_problem(error, text))
    except yaml.YAMLError as error:
        return _broken(file, 1, f"not valid YAML: {clean_text(str(error), 200)}")
    if root is None:
        return _broken(file, 1, f"the file is empty: expected {expected}")
    if not isinstance(root, yaml.MappingNode):
        return _broken(file, root.start_mark.line + 1, "expected a mapping of `key: value` lines")
    grower = _Grower(file)
    value = grower.mapping(root, ())
    return YamlTree(file, value, grower.lines, tuple(grower.problems), grower.unlisted)


def _wrong_form(text: str) -> tuple[int, str] | None:
    """Found from the event stream, which needs no recursion: (line, message)."""
    depth = documents = 0
    for event in yaml.parse(text, Loader=_LOADER):
        documents += isinstance(event, yaml.DocumentStartEvent)
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        anchor, tag = getattr(event, "anchor", None), getattr(event, "tag", None)
        message = None
        if depth > MAX_DEPTH:
            message = f"nested more than {MAX_DEPTH} levels deep"
        elif documents > 1:
            message = "expected one document, found a second one (`---`)"
        elif anchor:
            message = f"anchors and aliases are not supported here (found {clean_text(anchor, 60)!r})"
        elif tag:
            message = f"tags are not supported here (found {clean_text(tag, 60)!r})"
        if message is not None:
            return (event.start_mark.line + 1 if event.start_mark else 1), message
    return None


def _broken(file: str, line: int, message: str) -> YamlTree:
    return YamlTree(file, None, problems=(Problem(file, line, "", message),))


def described(value: object) -> str | None:
    """In words, a value that is no text, number or truth."""
    if isinstance(value, dict):
        return "a mapping"
    return "a list" if isinstance(value, list) else "nothing" if value is None else None


def _dotted(path: KeyPath) -> str:
    """Keys come from the file: they can hold anything that a quoted YAML string can."""
    return ".".join(clean_text(str(part), 80) for part in path)


@dataclass(slots=True)
class _Grower:
    file: str
    lines: dict[KeyPath, int] = field(default_factory=lambda: {(): 1})
    problems: list[Problem] = field(default_factory=list)
    unlisted: int = 0

    def mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if key_node.tag != f"{_STANDARD}str":
                self._wrong(line, path, "expected a plain word as key", key_node)
                continue
            key = str(key_node.value)
            child = (*path, key)
            if child in self.lines:
                self._wrong(line, child, f"given twice, first on line {self.lines[child]}")
                continue
            self.lines[child] = line
            found[key] = self._value(value_node, child)
        return found

    def _value(self, node: yaml.Node, path: KeyPath) -> Any:
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            items = [((*path, index), child) for index, child in enumerate(node.value)]
            self.lines.update((at, child.start_mark.line + 1) for at, child in items)
            return [self._value(child, at) for at, child in items]
        return self._scalar(node, path)

    def _scalar(self, node: yaml.Node, path: KeyPath) -> Any:
        kind = node.tag.removeprefix(_STANDARD)
        if kind not in ("int", "float", "bool", "null"):
            return str(node.value)
        if kind == "int" and not _DECIMAL.fullmatch(node.value):
            return self._unreadable(node, path, "a plain decimal number, or text in quotes")
        try:
            return yaml.constructor.SafeConstructor().construct_object(node)
        except (ValueError, OverflowError, yaml.YAMLError):
            return self._unreadable(node, path, "a number" if kind in ("int", "float") else kind)

    def _unreadable(self, node: yaml.Node, path: KeyPath, expected: str) -> None:
        self._wrong(node.start_mark.line + 1, path, f"expected {expected}", node)

    def _wrong(self, line: int, path: KeyPath, message: str, found: yaml.Node | None = None) -> None:
        if len(self.problems) >= MOST_PROBLEMS:
            self.unlisted += 1
            return
        if found is not None:
            message = f"{message}, found {_shown(found)}"
        self.problems.append(Problem(self.file, line, _dotted(path), message))


def _shown(node: yaml.Node) -> str:
    if isinstance(node, yaml.ScalarNode):
        return f"`{clean_text(str(node.value), 40)}`"
    return "a list" if isinstance(node, yaml.SequenceNode) else "a mapping"
