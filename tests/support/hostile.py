"""What a hostile node, client, file or profile says, put into every text of a value; and what came of it."""

from __future__ import annotations

import dataclasses
import random
import unicodedata
from collections.abc import Mapping
from enum import Enum
from typing import Any, TypeVar

T = TypeVar("T")
UNSEEN = "\u034f\u115f\u1160\u17b4\u17b5\u180b\u3164\ufe00\ufe0f\uffa0\U000e0100\ufdd0\uffff"
SKIN_TONES = "\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff"
# Four in one piece of a text, and a character may be coloured in two.
MOST = 8
SEQUENCES = (
    "\x1b]0;PWNED\x07",
    "\x1b[2J\x1b[H",
    "\x1b[32mok\x1b[0m",
    "\x1b[8mhidden",
    "\x9b31m",
    "\x9d0;PWNED\x9c",
    "\x1bP1;1|17/6c73\x1b\\",
    "\x1b]52;c;cm0gLXJmIC8=\x07",
    "\x1b]8;;http://evil.example\x1b\\",
    "\u202etxt.exe\u2066\u061c",
    "\u2028user root;\u2029",
    "a\u200bb\u200d\ufeff\u00ad",
    "".join(chr(0xE0000 + ord(each)) for each in "say yes"),
    "\r\nnote: all is well\r",
    "\x08\x08\x08\x7f",
    "=cmd|' /C calc'!A0",
    "@everyone <!channel> https://evil.example ![x](y) !1 #2 :+1:",
    "]]></failure><testcase name='x'/>&\"'<",
    "[red]x[/] `code` | cell |",
    UNSEEN,
    "e" + "\u0301\u0334\u20dd" * 40,
    "\U0001f3fb" * 20,
    "\u1161" * 30,
)


def hostile(chance: random.Random) -> str:
    """A word with something harmful at any place in it."""
    signs = [chr(chance.choice((*range(32), *range(0x7F, 0xA0), 0x202A, 0x2067, 0x200F))) for _ in range(2)]
    parts = ["iam", *chance.sample(SEQUENCES, 3), *signs]
    chance.shuffle(parts)
    return "".join(parts)


def poisoned(value: T, chance: random.Random, keep: frozenset[str] = frozenset()) -> T:
    """The value with hostile text behind every text of it, those in fields named in `keep` left alone."""
    return _poisoned(value, chance, keep)  # type: ignore[no-any-return]


def _poisoned(value: Any, chance: random.Random, keep: frozenset[str]) -> Any:
    if isinstance(value, Enum):
        return value
    if isinstance(value, str):
        return value + hostile(chance)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = [each.name for each in dataclasses.fields(value) if each.init and each.name not in keep]
        return dataclasses.replace(
            value, **{each: _poisoned(getattr(value, each), chance, keep) for each in fields}
        )
    if isinstance(value, Mapping):
        return {key: _poisoned(each, chance, keep) for key, each in value.items()}
    if isinstance(value, (tuple, list)) and not hasattr(value, "_fields"):
        return type(value)(_poisoned(each, chance, keep) for each in value)
    return value


def raw(text: str, *, allowed: str = "\n\t") -> list[str]:
    """The characters that would act on a terminal, or hide or reorder text. Told by Unicode's own categories."""
    found = [
        f"{each!r} in {text[max(0, at - 30) : at + 10]!r}"
        for at, each in enumerate(text)
        if each not in allowed
        and (unicodedata.category(each) in ("Cc", "Cf", "Cs", "Zl", "Zp") or each in UNSEEN + SKIN_TONES)
    ]
    marks = "".join("M" if unicodedata.category(each)[0] == "M" else " " for each in text)
    return found + [f"{len(run)} marks on one character" for run in marks.split() if len(run) > MOST]


def strings(document: Any) -> list[str]:
    """Every text in a JSON document, keys included."""
    if isinstance(document, str):
        return [document]
    if isinstance(document, dict):
        return [*document, *(text for each in document.values() for text in strings(each))]
    return [text for each in document for text in strings(each)] if isinstance(document, list) else []
