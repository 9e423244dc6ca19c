"""Remote text made harmless for a terminal: nothing in it can move a cursor or change a colour."""

from __future__ import annotations

import re

# C0 and C1 controls, DEL, bidirectional overrides and isolates, zero-width and line separators,
# lone surrogates, tag characters: all of them can hide or reorder what a person reads.
_HARMFUL = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)
MAX_CHARS = 2000


def safe(text: str, limit: int = MAX_CHARS) -> str:
    """One line of printable text: harmful characters become visible escapes such as \\x1b.

    Rich or Textual markup is left as it is: callers never pass remote text through a markup parser.
    """
    cut = text[:limit]
    shown = _HARMFUL.sub(_escape, cut)
    return shown if len(text) <= limit else f"{shown}… (+{len(text) - limit} characters)"


def safe_bytes(raw: bytes, limit: int = MAX_CHARS) -> str:
    """The same for bytes; what is not UTF-8 becomes \\xHH."""
    return safe(raw.decode("utf-8", "backslashreplace"), limit)


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    if match[0] == "\t":
        return " "
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
