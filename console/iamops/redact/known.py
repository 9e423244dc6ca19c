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
        return cls(_longest_first(form for secret in whole | cut for form in _forms(secret) if form))

    def __or__(self, other: KnownSecrets) -> KnownSecrets:
        if not self.forms or not other.forms:
            return self if self.forms else other
        return KnownSecrets(_longest_first((*self.forms, *other.forms)))

    def and_plain(self, values: Iterable[bytes]) -> KnownSecrets:
        """These and others in the one form they were found in; so many that a text can still be searched."""
        return KnownSecrets((*self.forms, *_longest_first(set(values) - set(self.forms))[:MOST_PLAIN]))

    def spans(self, text: bytes) -> Iterator[SecretSpan]:
        for form in self.forms:
            for at in hits(text, (form,)):
                end = at + len(form)
                alone = not (at and _WORD.match(text, at - 1)) and not _WORD.match(text, end)
                if len(form) >= SHORT or alone:
                    yield SecretSpan(at, end, KNOWN)


def _longest_first(forms: Iterable[bytes]) -> tuple[bytes, ...]:
    return tuple(sorted(set(forms), key=lambda form: (-len(form), form)))


# What this process has learned. A secret that was resolved anywhere must be known everywhere, also where nobody
# thought of it: in a traceback, in a log line of a node. So there is one list, and redaction asks it itself.
_learned = KnownSecrets()


def learn(secrets: Iterable[str], *, whole_only: bool = False) -> None:
    """From now on these are taken out of every text. Called by what resolves a secret."""
    global _learned
    _learned |= KnownSecrets.of(secrets, whole_only=whole_only)


def learned_so_far() -> KnownSecrets:
    return _learned


def forget() -> None:
    """For tests."""
    global _learned
    _learned = KnownSecrets()


_SHELL = re.compile(r"([^\w@%+=:,./\-])", re.ASCII)


def _forms(secret: str) -> Iterator[bytes]:
    raw = secret.encode("utf-8", "surrogateescape")
    yield raw
    for pattern in ("%{:02X}", "%{:02x}"):
        encoded = (chr(byte) if byte in _UNRESERVED else pattern.format(byte) for byte in raw)
        percent = "".join(encoded).encode("ascii")
        yield from (percent, percent.replace(b"%20", b"+"), percent.replace(b"%", b"%25"))
    for form in _written(secret):
        yield form.encode("utf-8", "surrogateescape")
    yield base64.b64encode(raw).rstrip(b"=")
    yield base64.urlsafe_b64encode(raw).rstrip(b"=")
    if len(raw) >= SHORT:
        yield from _base64_cores(raw)
        yield raw.hex().encode()
        yield raw.hex().upper().encode()


def _written(secret: str) -> Iterator[str]:
    """As JSON, shells, SQL, YAML, systemd and HTML write it between quotes, or without any."""
    for ascii_only in (True, False):
        inside = json.dumps(secret, ensure_ascii=ascii_only)[1:-1]
        # Go's encoding/json escapes what HTML would take for a tag.
        go = inside.replace("&", r"\u0026").replace("<", r"\u003c").replace(">", r"\u003e")
        for form in (inside, inside.replace("/", r"\/"), go):
            yield from (form, json.dumps(form)[1:-1])
    for escaped in ("'\\''", "'\"'\"'", "''", "\\'"):
        yield secret.replace("'", escaped)
    yield _SHELL.sub(r"\\\1", secret)
    yield re.sub(r'([\\"$`])', r"\\\1", secret)
    yield secret.replace("$", "$$").replace("%", "%%")
    yield secret.replace(" ", r"\x20")
    yield html.escape(secret)
    yield html.escape(secret).replace("&quot;", "&#34;").replace("&#x27;", "&#39;")


def _base64_cores(raw: bytes) -> Iterator[bytes]:
    """The characters that stand for the secret alone, wherever it begins in the text that was encoded."""
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + raw)
        first = 0 if shift == 0 else shift + 1
        whole = (shift + len(raw)) * 8 // 6
        core = encoded[first:whole]
        yield core
        yield core.translate(bytes.maketrans(b"+/", b"-_"))
