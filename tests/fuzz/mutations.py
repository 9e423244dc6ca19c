"""Other inputs from known ones: bits, lines, words of the format, repetition, pieces of a second input."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

LONGEST = 1 << 16
# What readers of text trip over: numbers that are none, signs that are digits or spaces, what ends something.
WORDS = (
    *(
        b"0",
        b"-1",
        b"1e999",
        b"nan",
        b"Infinity",
        b"9" * 30,
        b"9" * 5000,
        b"0x1f",
        b"1_000",
        b"true",
        b"null",
        b"~",
    ),
    *("²".encode(), "٣".encode(), "\u2028".encode(), "\u202e".encode(), "\x85".encode(), b"\xff\xfe", b"\xc3\x28"),
    *(b"\0", b"\r", b"\n", b"\r\n", b"\t", b"\x1b[2J", b"\x7f", b" ", b"\\", b"\\x", b"\\u0000", b"\\ud800"),
    *(
        b"{",
        b"}",
        b"[",
        b"]",
        b"(",
        b")",
        b'"',
        b"'",
        b"`",
        b"$",
        b"${",
        b"#",
        b"!",
        b";",
        b":",
        b"=",
        b"-",
        b"/",
        b"../",
    ),
    *(b"&a ", b"*a", b"<<: *a", b"!!python/object:os.system", b"? ", b"|\n", b">-\n", b"---\n", b"%YAML 1.1\n"),
)
Change = Callable[[Random, bytes, Sequence[bytes]], bytes]


def mutated(chance: Random, text: bytes, others: Sequence[bytes], words: Sequence[bytes] = ()) -> bytes:
    """One to six changes; never more than LONGEST bytes."""
    own = (*words, *WORDS)
    for _ in range(chance.choice((1, 1, 1, 2, 3, 6))):
        change = chance.choice(CHANGES)
        text = change(chance, text, own if change is _inserted else others)[:LONGEST]
    return text


def _inserted(chance: Random, text: bytes, words: Sequence[bytes]) -> bytes:
    at = chance.randint(0, len(text))
    until = min(len(text), at + chance.choice((0, 0, 1, 4)))
    return text[:at] + chance.choice(words) + text[until:]


def _flipped(chance: Random, text: bytes, _: Sequence[bytes]) -> bytes:
    if not text:
        return b"\0"
    at = chance.randrange(len(text))
    return text[:at] + bytes((text[at] ^ (1 << chance.randrange(8)),)) + text[at + 1 :]


def _without(chance: Random, text: bytes, _: Sequence[bytes]) -> bytes:
    begin, end = _piece(chance, text)
    return text[:begin] + text[end:]


def _cut(chance: Random, text: bytes, _: Sequence[bytes]) -> bytes:
    return text[: chance.randint(0, len(text))]


def _repeated(chance: Random, text: bytes, _: Sequence[bytes]) -> bytes:
    """A little of it very often: what is not linear, or too deep, shows."""
    begin, end = _piece(chance, text, most=40)
    times = chance.choice((2, 3, 50, 2000, LONGEST))
    return text[:begin] + text[begin:end] * min(times, LONGEST // max(1, end - begin)) + text[end:]


def _moved(chance: Random, text: bytes, _: Sequence[bytes]) -> bytes:
    begin, end = _piece(chance, text)
    rest, at = text[:begin] + text[end:], chance.randint(0, len(text) - (end - begin))
    return rest[:at] + text[begin:end] + rest[at:]


def _spliced(chance: Random, text: bytes, others: Sequence[bytes]) -> bytes:
    other = chance.choice(others) if others else text
    return text[: chance.randint(0, len(text))] + other[chance.randint(0, len(other)) :]


def _lines_mixed(chance: Random, text: bytes, _: Sequence[bytes]) -> bytes:
    lines = text.split(b"\n")
    one, other = chance.randrange(len(lines)), chance.randrange(len(lines))
    lines[one], lines[other] = lines[other], lines[one]
    return b"\n".join(lines)


def _piece(chance: Random, text: bytes, most: int = 400) -> tuple[int, int]:
    begin = chance.randint(0, len(text))
    return begin, min(len(text), begin + chance.randint(1, most))


CHANGES: tuple[Change, ...] = (
    *(_inserted, _inserted, _inserted),
    *(_flipped, _without, _cut, _repeated, _moved, _spliced, _lines_mixed),
)
