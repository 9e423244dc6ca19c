"""A row of a table as a term of the filter expression: what Enter on it asks for."""

from __future__ import annotations

from console.model.traffic import OTHERS
from console.parse.log_where import escaped
from console.parse.log_words import VALUE_MAX

ID = ":id"
_LITERAL = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/_-~%:,;=@&!")


def term_of(name: str, value: str) -> str | None:
    """`name` as the expression calls the field. None where no term means just this row."""
    if value == OTHERS:
        return None
    cut = len(escaped(value)) >= VALUE_MAX
    many = name == "path" and ID in value.split("/")
    plain = value.isascii() and value.isprintable()
    if cut or many or not plain:
        return f"{name}~{_pattern(value, ids=name == 'path', cut=cut)}"
    return _quoted(f"{name}={value}") or f"{name}~{_pattern(value, ids=False, cut=False)}"


def added(expression: str, term: str) -> str:
    """The expression with one more term, unless it has it already."""
    if term in expression.split(" "):
        return expression
    return f"{expression} {term}".strip()


def _quoted(word: str) -> str:
    """A word that stays one word; empty if no quotes can do that."""
    if not any(character in word for character in " '\""):
        return word
    return next((f"{quote}{word}{quote}" for quote in "\"'" if quote not in word), "")


def _pattern(value: str, *, ids: bool, cut: bool) -> str:
    parts = ("[^/]+" if ids and part == ID else _escaped(part) for part in value.split("/"))
    return f"^{'/'.join(parts)}" + ("" if cut else "$")


def _escaped(text: str) -> str:
    """As it stands in the log. What a pattern may not hold, any one character stands for."""
    return "".join(c if c in _LITERAL else r"\." if c == "." else "." for c in escaped(text))
