r"""The filter expression of the traffic commands: `status>=500 host=iam.api path~^/v1/`, all of them true.

One expression has two forms that agree on every line: a test of our own, and a condition for a node's awk.
Values are compared as nginx wrote them, so quotes and control characters are `\xHH` there.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, cast

from iamops.accesslog.format import LogField
from iamops.accesslog.shapes import literal_pattern

Op = Literal["=", "!=", "~", "!~", ">", ">=", "<", "<="]
NAMES: Mapping[str, LogField] = {
    "status": LogField.STATUS,
    "host": LogField.HOST,
    "method": LogField.METHOD,
    "path": LogField.PATH,
    "client": LogField.CLIENT,
    "backend": LogField.UPSTREAM,
    "bytes": LogField.BYTES,
    "time": LogField.REQUEST_TIME,
    "agent": LogField.AGENT,
}
NUMBERS = {LogField.STATUS, LogField.BYTES, LogField.REQUEST_TIME}
NODE = "node"
_TERM = re.compile(r"(?P<name>[a-z_]+)(?P<op>!=|!~|>=|<=|=|~|>|<)(?P<value>.*)", re.DOTALL)
_CLASS = re.compile(r"[0-9]xx")
_NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?")
# What Python and some awk understand in different ways.
_NOT_EVERYWHERE = re.compile(r"\\[A-Za-z0-9]|\\$|\(\?|[{}]|[*+?][*+?]|^[*+?]|[(|][*+?]|\[\^?\]|\[[^]]*[\[\\]")
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
}


class WhereError(ValueError):
    """Not an expression: why, and what could stand there instead."""


@dataclass(frozen=True, slots=True)
class FilterTerm:
    """One comparison. `field` None: the node's name."""

    field: LogField | None
    op: Op
    value: str


@dataclass(frozen=True, slots=True)
class Where:
    """Terms that must all be true; without any, every line counts."""

    text: str = ""
    terms: tuple[FilterTerm, ...] = ()

    @property
    def fields(self) -> frozenset[LogField]:
        """The fields of a line that the expression compares."""
        return frozenset(term.field for term in self.terms if term.field is not None)

    def allows_node(self, node: str) -> bool:
        return all(_holds(term, node) for term in self.terms if term.field is None)

    def matches(self, values: Mapping[LogField, str]) -> bool:
        """Whether a line counts. `values` as they stand in the log; a missing one is empty."""
        return all(_holds(term, values.get(term.field, "")) for term in self.terms if term.field is not None)

    def awk(self, variable: Callable[[LogField], str]) -> str:
        """The same as a condition; empty if every line counts. `variable` names what holds a field's value."""
        return " && ".join(
            _awk_condition(term, variable(term.field)) for term in self.terms if term.field is not None
        )


EVERYTHING = Where()


def where(text: str) -> Where:
    """Reads an expression. Raises WhereError."""
    lexer = shlex.shlex(text, posix=True, punctuation_chars=False)
    # A backslash belongs to the pattern; quotes only keep blanks together.
    lexer.whitespace_split, lexer.escape, lexer.commenters = True, "", ""
    try:
        words = list(lexer)
    except ValueError as error:
        raise WhereError(f"{text!r}: {error}") from None
    return Where(text, tuple(_term(word) for word in words))


def _term(word: str) -> FilterTerm:
    match = _TERM.fullmatch(word)
    if match is None:
        raise WhereError(f"{word!r} is no comparison; for example status>=500, host=NAME or path~^/v1/")
    name, op, value = match["name"], cast(Op, match["op"]), match["value"]
    if name != NODE and name not in NAMES:
        import difflib

        near = difflib.get_close_matches(name, [*NAMES, NODE], n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(NAMES)} and {NODE}"
        raise WhereError(f"{word!r}: no field {name!r}; {hint}")
    term = FilterTerm(NAMES.get(name), op, value)
    if op in _COMPARE:
        if term.field not in NUMBERS:
            raise WhereError(f"{word!r}: {op} compares numbers: status, bytes and time (seconds)")
        if not _NUMBER.fullmatch(value):
            raise WhereError(f"{word!r}: {value!r} is no number")
    if op in ("~", "!~"):
        refused = _NOT_EVERYWHERE.search(value)
        if refused is not None or not value.isascii():
            part = refused[0] if refused else value
            raise WhereError(f"{word!r}: {part!r} is not understood everywhere; use . * + ? | ( ) [ ] ^ $ and \\.")
        try:
            re.compile(value)
        except (re.error, RecursionError, OverflowError) as error:
            raise WhereError(f"{word[:80]!r}: {error}") from None
    return term


def _holds(term: FilterTerm, value: str) -> bool:
    if term.op in _COMPARE:
        return _NUMBER.fullmatch(value) is not None and _COMPARE[term.op](float(value), float(term.value))
    if term.op.endswith("~"):
        equal = re.search(term.value, value) is not None
    elif term.field is LogField.STATUS and _CLASS.fullmatch(term.value):
        equal = value[:1] == term.value[0]
    elif term.field is LogField.UPSTREAM:
        equal = re.search(_attempt_pattern(term), value) is not None
    else:
        equal = value == escaped(term.value)
    return equal is not term.op.startswith("!")


def _awk_condition(term: FilterTerm, variable: str) -> str:
    no = "!" if term.op.startswith("!") else ""
    if term.op in _COMPARE:
        return f"({variable} ~ /^[0-9]+(\\.[0-9]+)?$/ && {variable} + 0 {term.op} {term.value})"
    if term.op.endswith("~"):
        return f"({variable} {no}~ {awk_text(term.value)})"
    if term.field is LogField.STATUS and _CLASS.fullmatch(term.value):
        return f"({no}(substr({variable}, 1, 1) == {awk_text(term.value[0])}))"
    if term.field is LogField.UPSTREAM:
        return f"({variable} {no}~ {awk_text(_attempt_pattern(term))})"
    return f'({no}({variable} "" == {awk_text(escaped(term.value))}))'


def _attempt_pattern(term: FilterTerm) -> str:
    """A pattern of a list of attempts with this backend in it."""
    return f"(^|, | : ){literal_pattern(escaped(term.value))}(, | : |$)"


def escaped(text: str) -> str:
    """A text as nginx writes it into a log by default."""
    raw = text.encode("utf-8", "surrogateescape")
    return "".join(chr(b) if 32 <= b < 127 and b not in b'"\\' else f"\\x{b:02X}" for b in raw)


def awk_text(text: str) -> str:
    """A string literal of awk."""
    return '"' + "".join(f"\\{ord(c):03o}" if c in '"\\/' or not 32 <= ord(c) < 127 else c for c in text) + '"'
