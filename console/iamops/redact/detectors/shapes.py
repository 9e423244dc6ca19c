"""Secrets that are known by their own shape, whatever stands around them: JWTs, issued keys, hashes. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from iamops.redact.spans import SecretSpan


@dataclass(frozen=True, slots=True)
class SecretShape:
    """`needle` is looked for first, because that is quick; then `pattern` must match there, behind no word."""

    prefix: bytes
    kind: str
    pattern: re.Pattern[bytes]
    anywhere: bool = False


def _issued(prefix: bytes, rest: bytes) -> SecretShape:
    return SecretShape(prefix, "issued_key", re.compile(re.escape(prefix) + rest))


def _hash(prefix: bytes) -> SecretShape:
    return SecretShape(
        prefix, "password_hash", re.compile(re.escape(prefix) + rb"[\w./$=,+\-]{8,}+"), anywhere=True
    )


_SHAPES = (
    # Even a token that was cut, or lost its signature, says who may do what.
    SecretShape(b"eyJ", "jwt", re.compile(rb"eyJ[\w\-]{6,}+(?:(?:\.|%2[Ee])[\w\-]*+)*+={0,2}"), anywhere=True),
    _issued(b"AKIA", rb"[0-9A-Z]{12,}+"),
    _issued(b"ASIA", rb"[0-9A-Z]{12,}+"),
    *(_issued(prefix, rb"\w{16,}+") for prefix in (b"ghp_", b"gho_", b"ghu_", b"ghs_", b"ghr_", b"github_pat_")),
    *(_issued(prefix, rb"[\w\-]{8,}+") for prefix in (b"xoxa-", b"xoxb-", b"xoxp-", b"xoxr-", b"xoxs-", b"xapp-")),
    *(_issued(prefix, rb"[\w\-]{16,}+") for prefix in (b"glpat-", b"sk-", b"pypi-", b"npm_", b"hf_", b"shpat_")),
    *(_issued(prefix, rb"\w{12,}+") for prefix in (b"sk_live_", b"sk_test_", b"rk_live_", b"whsec_", b"dop_v1_")),
    *(_issued(prefix, rb"[0-9A-Za-z]{12,}+") for prefix in (b"LTAI", b"AKID", b"dapi", b"ATATT3", b"SK_")),
    *(
        _issued(prefix, rb"[\w\-]{12,}+")
        for prefix in (b"glrt-", b"gldt-", b"xai-", b"gsk_", b"tskey-", b"dckr_pat_")
    ),
    *(
        _issued(prefix, rb"[\w\-]{12,}+")
        for prefix in (b"lin_api_", b"PMAK-", b"shpss_", b"shpca_", b"hvb.", b"sq0csp-")
    ),
    _issued(b"SCRAM-SHA-256$", rb"[\w+/=:$]{16,}+"),
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
    SecretShape(b"$1$", "password_hash", re.compile(rb"\$1\$[./\w]{1,8}\$[./\w]{20,}+"), anywhere=True),
    SecretShape(b"*", "password_hash", re.compile(rb"\*[0-9A-F]{40}(?![0-9A-Za-z])")),
)


def _sign(shape: SecretShape) -> bytes:
    return next((sign for sign in (b"$", b"{", b"_", b"*", b"-") if sign in shape.prefix), b"")


# htpasswd's oldest form: a user, and 13 characters of crypt(3), alone on a line.
_CRYPT_LINE = re.compile(rb"(?m)^[\w.@\-]{1,64}:(?P<secret>(?!/\w+/)[./0-9A-Za-z]{13})(?=\r?$)")
# What an access key's ID is followed by is the key itself: `AKIA...:SECRET`, `AKIA..., SECRET`.
_ID_AND_KEY = re.compile(
    rb"""(?:AKIA|ASIA)[0-9A-Z]{12,24}["' \t:,;=/|]{1,8}(?P<secret>[A-Za-z0-9/+]{32,60}+)(?![\w/+])"""
)
# A login of nginx's access log holds no colon, unless somebody gave the password away with it.
_REMOTE_USER = re.compile(rb"(?<![^\s\"])[0-9A-Fa-f.:]{3,45} - [^\s:\"]{1,64}:(?P<secret>\S{1,256}) \[")
# ~/.pgpass: host, port, database, user, password.
_PGPASS = re.compile(
    rb"(?m)(?<![^\s\"])(?![^:\s]{0,255}\.(?:go|c|cc|py|js|ts|rs|h|java|conf|ya?ml):)[\w.*\-]{1,255}:(?:\d{2,5}|\*):(?:\*|[A-Za-z][\w.\-]{0,63})"
    rb":[\w.*@\-]{1,64}:(?P<secret>[^\s:\"\\][^\s:\"\\]{5,256}+)(?=[\s\"\\]|\Z)"
)
# authkeys of corosync and heartbeat.
_AUTHKEYS = re.compile(rb"(?m)^\d{1,2} (?:sha1|sha256|md5) (?P<secret>\S{4,256})(?=\r?$)")
# A bot's token as Telegram issues it, and a password as PostgreSQL keeps it.
_BOT = re.compile(rb"(?<![\w.:])\d{8,10}:(?P<secret>AA[\w\-]{33})(?![\w\-])")
_MD5 = re.compile(rb"\bmd5(?P<secret>[0-9a-f]{32})(?!\w)")
_WORD = re.compile(rb"[\w]")


# A sign that a shape cannot be without, and that many lines have not.
_BY_SIGN = {
    sign: tuple(shape for shape in _SHAPES if _sign(shape) == sign)
    for sign in sorted({_sign(shape) for shape in _SHAPES})
}


def spans(text: bytes, lowered: bytes) -> Iterator[SecretSpan]:
    for sign, shapes in _BY_SIGN.items():
        if sign in text:
            for shape in shapes:
                if shape.prefix in text:
                    yield from _of(shape, text)
    for pattern, kind in ((_CRYPT_LINE, "password_hash"), (_PGPASS, "password"), (_AUTHKEYS, "key")):
        for found in pattern.finditer(text):
            yield SecretSpan(*found.span("secret"), kind)
    for sign, pattern, kind in ((b":AA", _BOT, "issued_key"), (b"md5", _MD5, "password_hash")):
        for found in pattern.finditer(text) if sign in text else ():
            yield SecretSpan(*found.span("secret"), kind)
    if b" - " in text:
        for found in _REMOTE_USER.finditer(text):
            yield SecretSpan(*found.span("secret"), "password")
    if b"akia" in lowered or b"asia" in lowered:
        for found in _ID_AND_KEY.finditer(text):
            yield SecretSpan(*found.span("secret"), "access_key")


def _of(shape: SecretShape, text: bytes) -> Iterator[SecretSpan]:
    at = text.find(shape.prefix)
    while at >= 0:
        free = shape.anywhere or not at or not _WORD.match(text, at - 1)
        found = shape.pattern.match(text, at) if free else None
        if found is not None:
            yield SecretSpan(found.start(), found.end(), shape.kind)
        at = text.find(shape.prefix, found.end() if found is not None else at + len(shape.prefix))
