"""Takes secrets out of a text and leaves the rest as it is, byte for byte. Pure, and linear in the text."""

from __future__ import annotations

import binascii
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice

from iamops.redact.detectors import (
    auth,
    commands,
    headers,
    keys,
    pem,
    sentences,
    shapes,
    sql,
    urls,
)
from iamops.redact.known import KnownSecrets, learned_so_far
from iamops.redact.spans import MARK, SecretSpan, is_mixed

# Base64 that holds a text with a secret in it. One layer deep.

_BLOB = re.compile(rb"(?<![A-Za-z0-9+/_\-])[A-Za-z0-9+/_\-]{20,}+={0,2}")
_URL_SAFE = bytes.maketrans(b"-_", b"+/")
_HEAD = 48
# A login and its password, as Docker, LDAP and SASL encode them.
_LOGIN = re.compile(rb"[\w.@+\-]{1,64}:(?P<secret>[^\s:/]{6,128})\n?")
_UNPRINTABLE = re.compile(rb"[^\t\n\r\x20-\x7e]")


def _hidden(text: bytes, holds_secret: Callable[[bytes], bool]) -> Iterator[SecretSpan]:
    for blob in _BLOB.finditer(text):
        inner = _decoded(blob[0])
        if inner is None:
            continue
        login = _LOGIN.fullmatch(inner)
        if (login is not None and is_mixed(login["secret"])) or holds_secret(inner):
            yield SecretSpan(blob.start(), blob.end(), "base64")


def _decoded(blob: bytes) -> bytes | None:
    """The text it stands for; None where it is none. Its beginning is tried first: most blobs are paths."""
    clean = blob.rstrip(b"=").translate(_URL_SAFE)
    try:
        if _UNPRINTABLE.search(binascii.a2b_base64(clean[:_HEAD][: len(clean[:_HEAD]) // 4 * 4])):
            return None
        # A rest of one character stands for nothing.
        whole = clean[:-1] if len(clean) % 4 == 1 else clean
        return binascii.a2b_base64(whole + b"=" * (-len(whole) % 4))
    except binascii.Error:
        return None


# In this order: of two finds at one place the first one names the secret.
_FINDERS = (
    *(pem.spans, keys.spans, headers.spans, urls.spans, shapes.spans, commands.spans),
    *(auth.spans, keys.section_spans, sql.spans, headers.nginx_spans, auth.redis_spans, sentences.spans),
)
_MARK = re.compile(rb"\[redacted ([a-z_]+)\]")
_AROUND_MARKS = b" \t\"'`,;:&|[](){}"
_PASSWORDS = frozenset({"auth_pass", "password", "url_password"})
_UNUSUAL = re.compile(rb"(?!/)(?=.*[A-Za-z])(?=.*[^A-Za-z])\S{8,64}")


@dataclass(frozen=True, slots=True)
class Redaction:
    """`count` secrets of a kind that stood on a line; lines count from 1."""

    line: int
    kind: str
    count: int


@dataclass(frozen=True, slots=True)
class Redacted:
    """A text without its secrets, and what was taken out of it, in the order of lines."""

    text: bytes
    redactions: tuple[Redaction, ...]


def redact(text: bytes, known: KnownSecrets | None = None) -> Redacted:
    """Every secret becomes `[redacted KIND]`. Lines stay lines; bytes that are no secret stay as they are.

    What the process has learned is known without being named (`known.learn`); `known` adds to that.
    """
    known = learned_so_far() if known is None else known | learned_so_far()

    def holds_secret(inner: bytes) -> bool:
        """Whether a text that stood encoded in another one gives a secret away."""
        return any(span.end > span.start for span in (*known.spans(inner), *_recognised(inner)))

    found = [*known.spans(text), *_recognised(text), *_hidden(text, holds_secret)]
    if not found:
        return Redacted(text, ())
    pieces, done, line = list[bytes](), 0, 1
    counts: Counter[tuple[int, str]] = Counter()
    for span in _merged(text, found):
        line += text.count(b"\n", done, span.start)
        # What is taken out is within its line.
        counts[line, span.kind] += 1
        pieces += [text[done : span.start], span.marker]
        done = span.end
    redactions = (Redaction(where, kind, count) for (where, kind), count in counts.items())
    return Redacted(b"".join([*pieces, text[done:]]), tuple(redactions))


def learned(text: bytes) -> frozenset[bytes]:
    """Passwords in a configuration that are worth looking for elsewhere: long enough, and no plain word."""
    return frozenset(
        value
        for span in _recognised(text)
        if span.kind in _PASSWORDS and _UNUSUAL.fullmatch(value := text[span.start : span.end])
    )


def marked(text: bytes) -> tuple[Redaction, ...]:
    """What was taken out of a text before, by the marks that stand in it."""
    counts = Counter(
        (number, found[1].decode("ascii"))
        for number, line in enumerate(text.split(b"\n"), start=1)
        for found in _MARK.finditer(line)
    )
    return tuple(Redaction(line, kind, count) for (line, kind), count in counts.items())


def _recognised(text: bytes) -> Iterator[SecretSpan]:
    lowered = text.lower()
    for find in _FINDERS:
        yield from find(text, lowered)
    if _ESCAPED.search(text):
        yield from _in_written_lines(text)


# How JSON and Go write the end of a line, and a tab, inside a string; inside of another one with more backslashes.
_ESCAPED = re.compile(rb"\\[nrt]")
_ESCAPES = re.compile(rb"\\++([nrt])")
_MEANT = {b"n": b"\n", b"r": b" ", b"t": b"\t"}
_STRING = re.compile(rb'(?:[^"\\\n]++|\\.)++')


def _in_written_lines(text: bytes) -> Iterator[SecretSpan]:
    """What is found when a string's lines are lines: in copies of the same length, one below the other."""
    copies: list[bytes] = []
    begins, origins, size = list[int](), list[int](), 0
    for string in _STRING.finditer(text):
        if _ESCAPED.search(string[0]):
            copies.append(_ESCAPES.sub(lambda found: _MEANT[found[1]].rjust(len(found[0])), string[0]))
            begins.append(size)
            origins.append(string.start())
            size += len(string[0]) + 1
    copy = b"\n".join(copies)
    lowered = copy.lower()
    for find in _FINDERS:
        for span in find(copy, lowered):
            for piece in span.by_line(copy):
                n = bisect_right(begins, piece.start) - 1
                moved = origins[n] - begins[n]
                yield replace(piece, start=piece.start + moved, end=piece.end + moved, quoted=False)


def _merged(text: bytes, spans: Iterable[SecretSpan]) -> list[SecretSpan]:
    """Overlapping finds as one, in order; none goes over the end of a line."""
    merged: list[SecretSpan] = []
    for span in sorted(spans, key=lambda each: (each.start, -each.end)):
        if span.end <= span.start:
            continue
        if merged and span.start < merged[-1].end:
            merged[-1] = merged[-1].joined(span)
        else:
            merged.append(span)
    pieces = [piece for span in merged for piece in span.by_line(text)]
    return list(_beside_marks(text, pieces)) if MARK in text else pieces


def _beside_marks(text: bytes, spans: Iterable[SecretSpan]) -> Iterator[SecretSpan]:
    """What of them was not taken out before: a text may be redacted twice, and stays as it is then."""
    marks = [found.span() for found in _MARK.finditer(text)]
    n = 0
    for span in spans:
        at, whole = span.start, True
        while n < len(marks) and marks[n][1] <= at:
            n += 1
        for start, end in islice(marks, n, None):
            if start >= span.end:
                break
            whole = False
            if at < start and text[at:start].strip(_AROUND_MARKS):
                yield replace(span, start=at, end=start, quoted=False)
            at = max(at, end)
        if whole or (at < span.end and text[at : span.end].strip(_AROUND_MARKS)):
            yield replace(span, start=at, quoted=span.quoted and whole)
