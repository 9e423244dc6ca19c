"""nginx's statements: where one has lost its `;`, and what crossplane knows to be wrong with one. Pure.

crossplane's lexer goes on to the next `;`, `{` or `}`, so that a statement without its `;` swallows those behind
it. A word that begins a line and may begin a statement there gives it away, if both halves make sense.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

Token = tuple[str, int, bool]
Context = tuple[str, ...]
# More words than any one statement has that is wrapped over several lines.
MAX_WRAPPED = 100
# nginx has come to take these in places, or with words, that crossplane 0.5.8 does not expect.
_NEWER = frozenset(
    {"add_header", "add_trailer", "keepalive", "resolver", "resolver_timeout", "server_tokens", "set"}
)


def told_apart(words: Sequence[Token], context: Context, term: str) -> Iterator[list[Token]]:
    """The statements in `words`; all but the last one have lost their `;`."""
    began = 0
    for at in range(1, len(words)):
        if at - began > MAX_WRAPPED or not _may_begin(words, at, context, term):
            continue
        if complaint(words[began:at], context, ";") is None:
            yield list(words[began:at])
            began = at
    yield list(words[began:])


def complaint(words: Sequence[Token], context: Context, term: str) -> str | None:
    """What nginx would say of the statement; None where nothing is known to be wrong."""
    from crossplane.analyzer import analyze
    from crossplane.errors import NgxParserBaseException

    name, line, _ = words[0]
    statement: dict[str, Any] = {"directive": name, "line": line, "args": [text for text, _, _ in words[1:]]}
    try:
        analyze("", statement, term, context)
    except NgxParserBaseException as error:
        return None if name in _NEWER else str(error.strerror)
    return None


def first_line(words: Sequence[Token], at: int = 0) -> list[Token]:
    """The words from `at` on that stand on its line."""
    line = words[at][1]
    return list(itertools.takewhile(lambda word: word[1] == line, (words[n] for n in range(at, len(words)))))


def shown(words: Sequence[Token]) -> str:
    """Name and first argument: what comes behind may be a secret (proxy_set_header Authorization …)."""
    return " ".join(text for text, _, _ in words[:2])


def _may_begin(words: Sequence[Token], at: int, context: Context, term: str) -> bool:
    from crossplane.analyzer import CONTEXTS, DIRECTIVES

    text, line, quoted = words[at]
    if quoted or line == words[at - 1][1] or text not in DIRECTIVES or context not in CONTEXTS:
        return False
    same_line = first_line(words, at)
    opens = "{" if term == "{" else ";"
    if at + len(same_line) == len(words):
        return complaint(same_line, context, opens) is None
    wrapped = len(words) - at <= MAX_WRAPPED and complaint(words[at:], context, opens) is None
    return wrapped or complaint(same_line, context, ";") is None
