"""Private keys in PEM form: over lines of their own, behind a journal's prefix, or escaped on one line. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import takewhile

from iamops.redact.spans import SecretSpan

_BEGIN = re.compile(rb"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_END = re.compile(rb"-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_BODY_WORD = re.compile(rb"[A-Za-z0-9+/=_\-]{16,}+\Z")
MOST_LINES = 400
KIND = "private_key"
_PUTTY = re.compile(rb"Private-Lines: (?P<lines>\d{1,3})[ \t]*\r?(?=\n)")


def spans(text: bytes, lowered: bytes) -> Iterator[SecretSpan]:
    if b"private-lines: " in lowered:
        yield from _putty(text)
    if b"private key" not in lowered:
        return
    done = 0
    for begin in _BEGIN.finditer(text):
        if begin.start() >= done:
            for span in _block(text, begin.end()):
                done = span.end
                yield span
    for start in _end_lines(text):
        yield from _cut_block(text, start)


def _putty(text: bytes) -> Iterator[SecretSpan]:
    """A key as PuTTY keeps it says how many lines its private half has."""
    done = 0
    for found in _PUTTY.finditer(text):
        at = found.end()
        for _ in range(min(int(found["lines"]), MOST_LINES) if at >= done else 0):
            if at >= len(text):
                break
            start, at = at + 1, _line_end(text, at + 1)
            yield _last_word(text, start, at)
            done = at


def _end_lines(text: bytes) -> Iterator[int]:
    """Where the lines begin that have an END and, before it, no BEGIN."""
    last = -1
    for end in _END.finditer(text):
        newline = text.rfind(b"\n", max(last, 0), end.start())
        if (last < 0 or newline >= 0) and _BEGIN.search(text, newline + 1, end.start()) is None:
            yield newline + 1
        last = end.start()


def _block(text: bytes, at: int) -> Iterator[SecretSpan]:
    """The last word of each line behind a BEGIN. Without an END only what can be a key's text is taken."""
    line_end = _line_end(text, at)
    end = _END.search(text, at, line_end)
    if end is not None:
        yield SecretSpan(at, end.start(), KIND)
        return
    if text[at:line_end].strip():
        yield SecretSpan(at, line_end, KIND)
    words, at = list[SecretSpan](), line_end
    for _ in range(MOST_LINES):
        if at >= len(text):
            break
        start, at = at + 1, _line_end(text, at + 1)
        if _END.search(text, start, at) is not None:
            yield from words
            return
        if _BEGIN.search(text, start, at) is not None:
            break
        word = _last_word(text, start, at)
        if word.end > word.start:
            words.append(word)
    yield from takewhile(lambda word: _BODY_WORD.match(text, word.start, word.end), words)


def _cut_block(text: bytes, line: int) -> Iterator[SecretSpan]:
    """Above an END: a log's tail may begin in the middle of a key. The last line of a key may be short."""
    end = line - 1
    for number in range(MOST_LINES):
        if end <= 0:
            return
        start = text.rfind(b"\n", 0, end) + 1
        word = _last_word(text, start, end)
        if b"-----" in text[word.start : word.end]:
            return
        if number and not _BODY_WORD.match(text, word.start, word.end):
            return
        yield word
        end = start - 1


def _last_word(text: bytes, start: int, end: int) -> SecretSpan:
    line = text[start:end].rstrip()
    cut = max(line.rfind(b" "), line.rfind(b"\t")) + 1
    return SecretSpan(start + cut, start + len(line), KIND)


def _line_end(text: bytes, at: int) -> int:
    end = text.find(b"\n", at)
    return len(text) if end < 0 else end
