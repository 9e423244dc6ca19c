"""Secrets that are known beforehand, and every form in which a text may carry them. Pure."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from iamops.redact.spans import KNOWN, SecretSpan, hits

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
    def of(cls, secrets: Iterable[str], *, whole_only: bool = False) -> KnownSecrets:
        """Each secret, and unless `whole_only` its first eight characters, plain and encoded."""
        whole = {secret for secret in secrets if secret}
        cut = set() if whole_only else {secret[:VRRP_CHARS] for secret in whole}
        return cls._sorted(form for secret in whole | cut for form in _forms(secret))

    @classmethod
    def _sorted(cls, forms: Iterable[bytes]) -> KnownSecrets:
        return cls(tuple(sorted({form for form in forms if form}, key=lambda form: (-len(form), form))))

    def __or__(self, other: KnownSecrets) -> KnownSecrets:
        return (
            KnownSecrets._sorted((*self.forms, *other.forms))
            if self.forms and other.forms
            else (self if self.forms else other)
        )

    def and_plain(self, values: Iterable[bytes]) -> KnownSecrets:
        """These and others in the one form they were found in; so many that a text can still be searched."""
        more = sorted(set(values) - set(self.forms), key=lambda value: (-len(value), value))
        return KnownSecrets((*self.forms, *more[:MOST_PLAIN]))

    def spans(self, text: bytes) -> Iterator[SecretSpan]:
        for form in self.forms:
            for at in hits(text, (form,)):
                if len(form) >= SHORT or _stands_alone(text, at, at + len(form)):
                    yield SecretSpan(at, at + len(form), KNOWN)


def _stands_alone(text: bytes, start: int, end: int) -> bool:
    before = text[start - 1 : start] if start else b""
    return not _WORD.match(before) and not _WORD.match(text, end)


class _Book:
    """What this process has learned. A secret that was resolved anywhere must be known everywhere, also where
    nobody thought of it: in a traceback, in a log line of a node. So there is one, and redaction asks it itself.
    """

    def __init__(self) -> None:
        self.known = KnownSecrets()


_BOOK = _Book()


def learn(secrets: Iterable[str], *, whole_only: bool = False) -> None:
    """From now on these are taken out of every text. Who resolves a secret calls this."""
    _BOOK.known = _BOOK.known | KnownSecrets.of(secrets, whole_only=whole_only)


def learned_so_far() -> KnownSecrets:
    return _BOOK.known


def forget() -> None:
    """For tests."""
    _BOOK.known = KnownSecrets()


_SHELL = re.compile(r"([^\w@%+=:,./\-])", re.ASCII)


def _forms(secret: str) -> Iterator[bytes]:
    raw = secret.encode("utf-8", "surrogateescape")
    yield raw
    yield from _percent_encoded(raw)
    for ascii_only in (True, False):
        inside = json.dumps(secret, ensure_ascii=ascii_only)[1:-1]
        for form in (inside, inside.replace("/", r"\/"), _as_go_writes(inside)):
            yield form.encode("utf-8", "surrogateescape")
            yield json.dumps(form)[1:-1].encode("utf-8", "surrogateescape")
    for quoted in _quoted(secret):
        yield quoted.encode("utf-8", "surrogateescape")
    yield base64.b64encode(raw).rstrip(b"=")
    yield base64.urlsafe_b64encode(raw).rstrip(b"=")
    if len(raw) >= SHORT:
        yield from _base64_cores(raw)
        yield raw.hex().encode()
        yield raw.hex().upper().encode()


def _as_go_writes(inside: str) -> str:
    """encoding/json escapes what HTML would take for a tag."""
    return inside.replace("&", r"\u0026").replace("<", r"\u003c").replace(">", r"\u003e")


def _quoted(secret: str) -> Iterator[str]:
    """As shells, SQL, YAML, systemd and HTML write it between quotes, or without any."""
    for escaped in ("'\\''", "'\"'\"'", "''", "\\'"):
        yield secret.replace("'", escaped)
    yield _SHELL.sub(r"\\\1", secret)
    yield re.sub(r'([\\"$`])', r"\\\1", secret)
    yield secret.replace("$", "$$").replace("%", "%%")
    yield secret.replace(" ", r"\x20")
    yield html.escape(secret)
    yield html.escape(secret).replace("&quot;", "&#34;").replace("&#x27;", "&#39;")


def _percent_encoded(raw: bytes) -> Iterator[bytes]:
    for pattern in ("%{:02X}", "%{:02x}"):
        encoded = "".join(chr(byte) if byte in _UNRESERVED else pattern.format(byte) for byte in raw).encode(
            "ascii"
        )
        yield encoded
        yield encoded.replace(b"%20", b"+")
        yield encoded.replace(b"%", b"%25")


def _base64_cores(raw: bytes) -> Iterator[bytes]:
    """The characters that stand for the secret alone, wherever it begins in the text that was encoded."""
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + raw)
        first = 0 if shift == 0 else shift + 1
        whole = (shift + len(raw)) * 8 // 6
        core = encoded[first:whole]
        yield core
        yield core.translate(bytes.maketrans(b"+/", b"-_"))
