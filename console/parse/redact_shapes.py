"""Secrets that are known by their own shape, whatever stands around them: JWTs, issued keys, hashes. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from console.parse.redact_spans import Span


@dataclass(frozen=True, slots=True)
class Shape:
    """`needle` is looked for first, because that is quick; then `pattern` must match there, behind no word."""

    needle: bytes
    kind: str
    pattern: re.Pattern[bytes]
    anywhere: bool = False


def _issued(prefix: bytes, rest: bytes) -> Shape:
    return Shape(prefix, "issued_key", re.compile(re.escape(prefix) + rest))


def _hash(prefix: bytes) -> Shape:
    return Shape(prefix, "password_hash", re.compile(re.escape(prefix) + rb"[\w./$=,+\-]{8,}+"), anywhere=True)


_SHAPES = (
    # Even a token that was cut, or lost its signature, says who may do what.
    Shape(b"eyJ", "jwt", re.compile(rb"eyJ[\w\-]{6,}+(?:(?:\.|%2[Ee])[\w\-]*+)*+={0,2}"), anywhere=True),
    _issued(b"AKIA", rb"[0-9A-Z]{12,}+"),
    _issued(b"ASIA", rb"[0-9A-Z]{12,}+"),
    *(_issued(prefix, rb"\w{16,}+") for prefix in (b"ghp_", b"gho_", b"ghu_", b"ghs_", b"ghr_", b"github_pat_")),
    *(_issued(prefix, rb"[\w\-]{8,}+") for prefix in (b"xoxa-", b"xoxb-", b"xoxp-", b"xoxr-", b"xoxs-", b"xapp-")),
    *(_issued(prefix, rb"[\w\-]{16,}+") for prefix in (b"glpat-", b"sk-", b"pypi-", b"npm_", b"hf_", b"shpat_")),
    *(_issued(prefix, rb"\w{12,}+") for prefix in (b"sk_live_", b"sk_test_", b"rk_live_", b"whsec_", b"dop_v1_")),
    _issued(b"AIza", rb"[\w\-]{30,}+"),
    _issued(b"ya29.", rb"[\w\-]{16,}+"),
    _issued(b"hvs.", rb"[\w\-]{16,}+"),
    _issued(b"SG.", rb"[\w\-]{10,}+\.[\w\-]{10,}+"),
    _issued(b"AGE-SECRET-KEY-", rb"[0-9A-Z]{10,}+"),
    *(_hash(b"$" + name + b"$") for name in (b"apr1", b"2a", b"2b", b"2x", b"2y", b"5", b"6", b"7", b"y", b"gy")),
    *(_hash(b"$" + name + b"$") for name in (b"argon2i", b"argon2d", b"argon2id", b"pbkdf2-sha256", b"scrypt")),
    *(
        _hash(name)
        for name in (b"{SHA}", b"{SSHA}", b"{SHA256}", b"{SSHA256}", b"{SSHA512}", b"{CRYPT}", b"{MD5}")
    ),
    Shape(b"$1$", "password_hash", re.compile(rb"\$1\$[./\w]{1,8}\$[./\w]{20,}+"), anywhere=True),
    Shape(b"*", "password_hash", re.compile(rb"\*[0-9A-F]{40}(?![0-9A-Za-z])")),
)
# htpasswd's oldest form: a user, and 13 characters of crypt(3), alone on a line.
_CRYPT_LINE = re.compile(rb"(?m)^[\w.@\-]{1,64}:(?P<secret>[./0-9A-Za-z]{13})(?=\r?$)")
_WORD = re.compile(rb"[\w]")


def spans(text: bytes, lowered: bytes) -> Iterator[Span]:
    for shape in _SHAPES:
        yield from _of(shape, text)
    for found in _CRYPT_LINE.finditer(text):
        yield Span(*found.span("secret"), "password_hash")


def _of(shape: Shape, text: bytes) -> Iterator[Span]:
    at = text.find(shape.needle)
    while at >= 0:
        free = shape.anywhere or not at or not _WORD.match(text, at - 1)
        found = shape.pattern.match(text, at) if free else None
        if found is not None:
            yield Span(found.start(), found.end(), shape.kind)
        at = text.find(shape.needle, found.end() if found is not None else at + len(shape.needle))
