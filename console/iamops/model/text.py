"""Numbers, times and states in words; text of others made harmless: it moves, hides and reorders nothing. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from itertools import groupby
from unicodedata import category


def counted(number: int, noun: str) -> str:
    """`1 file`, `2 files`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def lasting(seconds: float) -> str:
    """`40 ms`, `12 s`, `3 min`, `5 h`, `4 days`."""
    if seconds < 1:
        return f"{1000 * max(0.0, seconds):.0f} ms"
    for unit, size in (("s", 1), ("min", 60), ("h", 3600)):
        if round(seconds / size) < (48 if unit == "h" else 120):
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds / 86400:.0f} days"


def being(active: str) -> str:
    """systemd's ActiveState as what a unit is: `is inactive`, `has failed`."""
    return "has failed" if active == "failed" else f"is {active}"


def day_of(at: float) -> str:
    """The day, as 2026-11-29. Certificates may name years that no calendar of ours knows."""
    try:
        return datetime.fromtimestamp(at, UTC).date().isoformat()
    except (ValueError, OverflowError, OSError):
        return "a day beyond the calendar"


# Which characters of foreign text move a cursor, or hide or reorder what a person reads.

# For a regular expression's class: C0, C1 and DEL, and lone surrogates; line and paragraph separators and the
# bidirectional controls; every other character that Unicode calls default-ignorable (zero widths, joiners,
# fillers, variation selectors, tags: what is written in them is not seen); all other format characters, and
# noncharacters. Skin tones, which have no width by measure, and two columns in terminals.
HARMFUL = (
    "\x00-\x1f\x7f-\x9f\u00ad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160"
    "\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ud800-\udfff\ufdd0-\ufdef\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff"
    "\U000110bd\U000110cd\U00013430-\U00013440\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U0001f3fb-\U0001f3ff\U000e0000-\U000e0fff"
)


def cut_to(content: bytes, limit: int, *, keeps_end: bool) -> tuple[bytes, int]:
    """What fits, and how many bytes were left out. Whole lines only: half a line may be half a secret."""
    if len(content) <= limit:
        return content, 0
    if keeps_end:
        begin = content.find(b"\n", len(content) - limit - 1) + 1
        kept = content[begin:] if begin else b""
    else:
        kept = content[: content.rfind(b"\n", 0, max(limit, 0)) + 1]
    return kept, len(content) - len(kept)


def shares(sizes: list[int], budget: int) -> list[int]:
    """How much of each may be kept: small ones whole, and what is left is divided among the large ones."""
    allowed = [0] * len(sizes)
    left, waiting = max(budget, 0), len(sizes)
    for place in sorted(range(len(sizes)), key=lambda each: sizes[each]):
        allowed[place] = min(sizes[place], left // waiting)
        left -= allowed[place]
        waiting -= 1
    return allowed


# Colour, weight and their end (SGR): what else a terminal would act on is shown for what it is.
_COLOUR = re.compile(rb"\x1b\[[0-9;:]{0,32}m")


def uncoloured(line: bytes) -> bytes:
    """The line without its colours: some services write them into files and the journal too."""
    return _COLOUR.sub(b"", line) if b"\x1b[" in line else line


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


def thinned(text: str, *, counted: bool = True) -> str:
    """Without the marks that no script would put there. They have no width: nothing moves unless `counted`."""
    return text if text.isascii() else _LONG.sub(lambda match: _few_marks(match[0], counted), text)


def _few_marks(text: str, counted: bool) -> str:
    kept = list[str]()
    for marks, characters in groupby(text, key=_is_mark):
        run = "".join(characters)
        more = len(run) - MOST_MARKS if marks else 0
        kept.append(run if more <= 0 else run[:MOST_MARKS] + (f"(+{more} marks)" if counted else ""))
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
