"""Secrets that are known beforehand, and every form in which a text may carry them. Pure."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from console.parse.redact_spans import KNOWN, Span, hits

# keepalived takes the first eight characters of a password, and so do its dumps.
VRRP_CHARS = 8
# A shorter secret is only taken as a word of its own: `1111` stands in many a time and number.
SHORT = 6
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-~")
_WORD = re.compile(rb"[A-Za-z0-9]")
MOST_PLAIN = 50


@dataclass(frozen=True, slots=True)
class KnownSecrets:
    """Forms of secrets, the longest first. Never shown: not even when it is printed."""

    forms: tuple[bytes, ...] = field(default=(), repr=False)

    @classmethod
    def of(cls, secrets: Iterable[str]) -> KnownSecrets:
        """Each secret and its first eight characters, plain and encoded."""
        whole = {secret for secret in secrets if secret}
        cut = {secret[:VRRP_CHARS] for secret in whole}
        forms = {form for secret in whole | cut for form in _forms(secret) if form}
        return cls(tuple(sorted(forms, key=lambda form: (-len(form), form))))

    def and_plain(self, values: Iterable[bytes]) -> KnownSecrets:
        """These and others in the one form they were found in; so many that a text can still be searched."""
        more = sorted(set(values) - set(self.forms), key=lambda value: (-len(value), value))
        return KnownSecrets((*self.forms, *more[:MOST_PLAIN]))

    def spans(self, text: bytes) -> Iterator[Span]:
        for form in self.forms:
            for at in hits(text, (form,)):
                if len(form) >= SHORT or _stands_alone(text, at, at + len(form)):
                    yield Span(at, at + len(form), KNOWN)


def _stands_alone(text: bytes, start: int, end: int) -> bool:
    before = text[start - 1 : start] if start else b""
    return not _WORD.match(before) and not _WORD.match(text, end)


def _forms(secret: str) -> Iterator[bytes]:
    raw = secret.encode("utf-8", "surrogateescape")
    yield raw
    yield from _percent_encoded(raw)
    for ascii_only in (True, False):
        inside = json.dumps(secret, ensure_ascii=ascii_only)[1:-1]
        yield inside.encode("utf-8", "surrogateescape")
        yield json.dumps(inside)[1:-1].encode("utf-8", "surrogateescape")
    yield base64.b64encode(raw).rstrip(b"=")
    yield base64.urlsafe_b64encode(raw).rstrip(b"=")
    if len(raw) >= SHORT:
        yield from _base64_cores(raw)
        yield raw.hex().encode()
        yield raw.hex().upper().encode()


def _percent_encoded(raw: bytes) -> Iterator[bytes]:
    for pattern in ("%{:02X}", "%{:02x}"):
        encoded = "".join(chr(byte) if byte in _UNRESERVED else pattern.format(byte) for byte in raw).encode(
            "ascii"
        )
        yield encoded
        yield encoded.replace(b"%20", b"+")


def _base64_cores(raw: bytes) -> Iterator[bytes]:
    """The characters that stand for the secret alone, wherever it begins in the text that was encoded."""
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + raw)
        first = 0 if shift == 0 else shift + 1
        whole = (shift + len(raw)) * 8 // 6
        core = encoded[first:whole]
        yield core
        yield core.translate(bytes.maketrans(b"+/", b"-_"))
