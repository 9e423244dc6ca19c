"""Takes secrets out of a text and leaves the rest as it is, byte for byte. Pure, and linear in the text."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from console.parse import redact_commands, redact_headers, redact_keys, redact_pem, redact_shapes, redact_urls
from console.parse.redact_base64 import hidden
from console.parse.redact_known import KnownSecrets
from console.parse.redact_spans import Span

NOTHING_KNOWN = KnownSecrets()
_FINDERS = (
    redact_pem.spans,
    redact_keys.spans,
    redact_headers.spans,
    redact_urls.spans,
    redact_shapes.spans,
    redact_commands.spans,
)
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


def redact(text: bytes, known: KnownSecrets = NOTHING_KNOWN) -> Redacted:
    """Every secret becomes `[redacted KIND]`. Lines stay lines; bytes that are no secret stay as they are."""
    found = [*known.spans(text), *_recognised(text), *hidden(text, lambda inner: _holds_one(inner, known))]
    merged = _merged(text, found)
    return Redacted(_without(text, merged), tuple(_counted(text, merged)))


def learned(text: bytes) -> frozenset[bytes]:
    """Passwords in a configuration that are worth looking for elsewhere: long enough, and no plain word."""
    return frozenset(
        value
        for span in _recognised(text)
        if span.kind in _PASSWORDS and _UNUSUAL.fullmatch(value := text[span.start : span.end])
    )


def _recognised(text: bytes) -> Iterator[Span]:
    lowered = text.lower()
    for find in _FINDERS:
        yield from find(text, lowered)


def _holds_one(inner: bytes, known: KnownSecrets) -> bool:
    """Whether a text that stood encoded in another one gives a secret away."""
    return any(span.end > span.start for span in (*known.spans(inner), *_recognised(inner)))


def _merged(text: bytes, spans: Iterable[Span]) -> list[Span]:
    """Overlapping finds as one, in order; none goes over the end of a line."""
    merged: list[Span] = []
    for span in sorted(spans, key=lambda each: (each.start, -each.end)):
        if span.end <= span.start:
            continue
        if merged and span.start < merged[-1].end:
            merged[-1] = merged[-1].joined(span)
        else:
            merged.append(span)
    return [piece for span in merged for piece in span.by_line(text)]


def _without(text: bytes, spans: Iterable[Span]) -> bytes:
    pieces, done = [], 0
    for span in spans:
        pieces += [text[done : span.start], span.marker]
        done = span.end
    return b"".join([*pieces, text[done:]])


def _counted(text: bytes, spans: Iterable[Span]) -> Iterator[Redaction]:
    counts: Counter[tuple[int, str]] = Counter()
    line, done = 1, 0
    for span in spans:
        line += text.count(b"\n", done, span.start)
        done = span.start
        counts[line, span.kind] += 1
    for (where, kind), count in counts.items():
        yield Redaction(where, kind, count)
