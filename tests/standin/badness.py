"""Ways to answer badly. Each is made from what a healthy node would have said."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from random import Random

from tests.fuzz.mutations import WORDS, mutated
from tests.support.hostile import hostile

# How long the slow ones hold on, and how much the endless ones say: the console must have given up long before.
HOLD_S = 12.0
MOST = 24 * 1024 * 1024
HUGE = 9 * 1024 * 1024
CHUNK = 64 * 1024

Say = Callable[[bytes], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: `framed` says that it stands in the frame, `ended` that the frame is closed behind it."""

    kind: str
    pieces: AsyncIterator[bytes]
    framed: bool = True
    ended: bool = True
    status: bytes = b"0"


def bad(chance: Random, good: bytes) -> Answer:
    kind = chance.choice(tuple(KINDS))
    return KINDS[kind](kind, chance, good)


def _nesting(kind: str, chance: Random, good: bytes) -> Answer:
    deep = chance.choice((b"[", b'{"a":', b"(", b"{\n", b'[{"data":')) * chance.choice((50, 2000, 30_000))
    return Answer(kind, _at_once(chance.choice((deep, good + deep, deep + good))))


def _words(kind: str, chance: Random, good: bytes) -> Answer:
    return Answer(kind, _at_once(mutated(chance, good, (good, *WORDS))))


def _numbers(kind: str, chance: Random, good: bytes) -> Answer:
    """Every run of digits is something that no reader expects."""
    strange = ("²", "NaN", "-1", "1e999", "9" * 400, "9" * 5000, "0x1f", "٣", "", "true", "[]")
    text = bytearray()
    digits = False
    for each in good:
        if not 48 <= each <= 57:
            text.append(each)
        elif not digits:
            text += chance.choice(strange).encode()
        digits = 48 <= each <= 57
    return Answer(kind, _at_once(bytes(text)))


def _huge(kind: str, chance: Random, good: bytes) -> Answer:
    lines = chance.choice((b"", b"\n"))
    piece = (good.replace(b"\n", lines) or b"x") + lines
    return Answer(kind, _many(piece * max(1, CHUNK // len(piece)), HUGE))


def _endless(kind: str, chance: Random, good: bytes) -> Answer:
    piece = chance.choice((good or b"x\n", b"ab\n", b"x", b"\0"))
    return Answer(kind, _many(piece * max(1, CHUNK // len(piece)), MOST), ended=False)


def _cut(kind: str, chance: Random, good: bytes) -> Answer:
    return Answer(kind, _at_once(good[: chance.randint(0, len(good))]), ended=False)


def _slow(kind: str, chance: Random, good: bytes) -> Answer:
    return Answer(kind, _dripping(good))


def _silent(kind: str, chance: Random, good: bytes) -> Answer:
    return Answer(kind, _dripping(b""), framed=chance.random() < 0.5)


def _binary(kind: str, chance: Random, good: bytes) -> Answer:
    return Answer(kind, _at_once(chance.randbytes(chance.choice((1, 100, 20_000)))))


def _escapes(kind: str, chance: Random, good: bytes) -> Answer:
    """Words of the good answer with something behind them that acts on a terminal."""
    words = good.decode("utf-8", "replace").split(" ")
    for _ in range(min(len(words), 1 + len(words) // 4)):
        words[chance.randrange(len(words))] += hostile(chance)
    return Answer(kind, _at_once(" ".join(words).encode("utf-8", "surrogatepass")))


def _status(kind: str, chance: Random, good: bytes) -> Answer:
    status = chance.choice(("²", "9" * 5000, "-1", "255", "143", "1", "4", "5", "127", ""))
    return Answer(kind, _at_once(chance.choice((good, b""))), status=status.encode())


def _outside(kind: str, chance: Random, good: bytes) -> Answer:
    """A greeting, a refusal, another program: nothing of it is the command's."""
    return Answer(
        kind, _at_once(chance.choice((good, b"This account is currently not available.\n"))), framed=False
    )


KINDS: dict[str, Callable[[str, Random, bytes], Answer]] = {
    "nesting": _nesting,
    "words": _words,
    "numbers": _numbers,
    "huge": _huge,
    "endless": _endless,
    "cut": _cut,
    "slow": _slow,
    "silent": _silent,
    "binary": _binary,
    "escapes": _escapes,
    "status": _status,
    "outside": _outside,
}


async def _at_once(text: bytes) -> AsyncIterator[bytes]:
    yield text


async def _many(piece: bytes, most: int) -> AsyncIterator[bytes]:
    for _ in range(most // len(piece) + 1):
        yield piece


async def _dripping(text: bytes) -> AsyncIterator[bytes]:
    """A byte now and then."""
    loop = asyncio.get_running_loop()
    until = loop.time() + HOLD_S
    for at in range(10_000):
        if loop.time() > until:
            break
        yield text[at : at + 1]
        await asyncio.sleep(0.05)
