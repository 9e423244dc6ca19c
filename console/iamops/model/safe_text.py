"""Remote text made harmless: nothing in it can move a cursor, change a colour, or hide or reorder what is read."""

from __future__ import annotations

import re
from itertools import groupby
from unicodedata import category

from iamops.model.text import HARMFUL

_HARMFUL = re.compile(f"[{HARMFUL}]")
_HARMFUL_IN_LINES = re.compile(f"(?![\n\t])[{HARMFUL}]")
MAX_CHARS = 2000
# Marks on one character. Scripts need up to four; a flood of them is drawn over the lines above and below.
MOST_MARKS = 4
_LONG = re.compile(f"[\u0300-\U0010ffff]{{{MOST_MARKS + 1},}}")


def safe(text: str, limit: int = MAX_CHARS) -> str:
    """One line of printable text: harmful characters become visible escapes such as \\x1b.

    Rich or Textual markup is left as it is: callers never pass remote text through a markup parser.
    """
    shown = one_line(text[:limit])
    return shown if len(text) <= limit else f"{shown}… (+{len(text) - limit} characters)"


def safe_bytes(raw: bytes, limit: int = MAX_CHARS) -> str:
    """The same for bytes; what is not UTF-8 becomes \\xHH."""
    return safe(raw.decode("utf-8", "backslashreplace"), limit)


def one_line(text: str) -> str:
    """The same, however long: for what must not lose its end, such as a command."""
    return text if is_safe(text) else thinned(_HARMFUL.sub(_escape, text))


def safe_lines(text: str) -> str:
    """Text of several lines, which keeps its newlines and its tabs, and nothing else that is harmful."""
    if text.isascii() and text.replace("\n", "").replace("\t", "").isprintable():
        return text
    return thinned(_HARMFUL_IN_LINES.sub(_escape, text))


def is_safe(text: str) -> bool:
    """Whether it is one line that can be shown as it is."""
    return text.isprintable() if text.isascii() else _HARMFUL.search(text) is None and thinned(text) == text


def thinned(text: str, *, told: bool = True) -> str:
    """Without the marks that no script would put there. They have no width: nothing moves unless it is told."""
    return text if text.isascii() else _LONG.sub(lambda match: _few_marks(match[0], told), text)


def _few_marks(text: str, told: bool) -> str:
    kept = list[str]()
    for marks, characters in groupby(text, key=_is_mark):
        run = "".join(characters)
        more = len(run) - MOST_MARKS if marks else 0
        kept.append(run if more <= 0 else run[:MOST_MARKS] + (f"(+{more} marks)" if told else ""))
    return "".join(kept)


def _is_mark(character: str) -> bool:
    """The vowels and ends of Korean syllables too: they are put into the character before them."""
    korean = "\u1160" <= character <= "\u11ff" or "\ud7b0" <= character <= "\ud7ff"
    return korean or category(character).startswith("M")


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    if match[0] == "\t":
        return " "
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
