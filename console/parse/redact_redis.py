"""What Redis is told, as MONITOR and its clients print it: values that the key or field before them gives away."""

from __future__ import annotations

import re
from collections.abc import Iterator

from console.parse.redact_spans import Span

_COMMAND = re.compile(
    rb"\\{0,3}\"(?P<command>P?SET(?:EX|NX)?|GETSET|APPEND|H(?:M?SET|SETNX)|MSET|MIGRATE)\\{0,3}\"(?= \\{0,3}\")",
    re.IGNORECASE,
)
_WORD = re.compile(
    rb" \\{0,3}\"(?P<inside>(?:[^\"\\\n]|\\(?=[^\"\n]))*+(?:\\\"[^\"\\\n]*+)*?)\\{0,3}\"(?=[ \n\r\"}\],]|\Z)"
)
_SECRET = re.compile(rb"pass|pwd|secret|token|session|otp\b|credential|api_?key|jwt|private", re.IGNORECASE)
_COUNTED = re.compile(rb"[0-9.]{0,20}|(?:EX|PX|EXAT|NX|XX|KEEPTTL|GET)", re.IGNORECASE)
_AUTH2 = b"AUTH2"
MOST_WORDS = 64
COMMAND_BYTES = 16 * 1024


def spans(text: bytes, lowered: bytes) -> Iterator[Span]:
    if b'"' not in text:
        return
    done = 0
    for found in _COMMAND.finditer(text):
        words = _words(text, found.end()) if found.start() >= done else []
        inside = [text[slice(*word)] for word in words]
        for n in _given_away(found["command"].upper(), inside):
            if not _COUNTED.fullmatch(inside[n]):
                yield Span(*words[n], "redis_value")
        done = max(done, words[-1][1] if words else 0)


def _words(text: bytes, at: int) -> list[tuple[int, int]]:
    end, words = min(len(text), at + COMMAND_BYTES), list[tuple[int, int]]()
    while len(words) < MOST_WORDS and (word := _WORD.match(text, at, end)) is not None:
        words.append(word.span("inside"))
        at = word.end()
    return words


def _given_away(command: bytes, words: list[bytes]) -> Iterator[int]:
    """The places of the words that are secret values."""
    if command == b"MIGRATE":
        yield from (n + 2 for n in range(len(words) - 2) if words[n].upper() == _AUTH2)
    elif command.startswith(b"H"):
        whole = bool(words) and _SECRET.search(words[0]) is not None
        yield from (n + 1 for n in range(1, len(words) - 1, 2) if _SECRET.search(words[n]) or whole)
    elif command == b"MSET":
        yield from (n + 1 for n in range(0, len(words) - 1, 2) if _SECRET.search(words[n]))
    elif words and _SECRET.search(words[0]):
        yield from range(1, len(words))
