"""Text from a node or a person inside Markdown: on one line, and none of it markup. Pure."""

from __future__ import annotations

import re

from console.parse.words import words

_BREAKS = re.compile(r"[\t\n\v\f\r\x85\u2028\u2029]+")
_MARKS = re.compile(r"([\\`*_~\[\]<>|#&])")


def inline(text: str) -> str:
    """As running text, or in a table's cell: every sign that Markdown or HTML would read is escaped."""
    return _MARKS.sub(r"\\\1", words(_BREAKS.sub(" ", text)))


def code(text: str) -> str:
    """As code, to be copied: between more backticks than stand in it."""
    shown = words(_BREAKS.sub(" ", text))
    fence = "`" * (1 + max((len(run) for run in re.findall(r"`+", shown)), default=0))
    pad = " " if shown.startswith("`") or shown.endswith("`") else ""
    return f"{fence}{pad}{shown}{pad}{fence}"
