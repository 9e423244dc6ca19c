"""The YAML library's complaints, in words, at the line where the mistake begins. Pure."""

from __future__ import annotations

import re

import yaml

from console.parse.words import words

# What is never closed is noticed at the end of the file, or lines later: the opening is what to mend.
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


def in_words(error: yaml.MarkedYAMLError, text: str) -> tuple[int, str]:
    """(line, message) for a syntax error of the YAML library."""
    line = _line(error)
    if _indented_by_tab(text, line):
        return line, "not valid YAML: expected spaces as indentation, found a tab"
    problem = error.problem or error.context or ""
    return line, f"not valid YAML: {_WORDS.get(problem, words(problem, 200))}"


def _line(error: yaml.MarkedYAMLError) -> int:
    mark = error.problem_mark or error.context_mark
    if error.context_mark and _OPENED.search(error.context or ""):
        mark = error.context_mark
    return mark.line + 1 if mark else 1


def _indented_by_tab(text: str, line: int) -> bool:
    lines = text.splitlines()
    return line <= len(lines) and _TAB_INDENT.match(lines[line - 1]) is not None
