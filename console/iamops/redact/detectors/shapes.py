"""Secrets that are known by their own shape, whatever stands around them: JWTs, issued keys, hashes. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from iamops.redact.spans import SecretSpan, secrets_in


@dataclass(frozen=True, slots=True)
class SecretShape:
    """`prefix` is searched for first, because that is quick; then `pattern` must match there, behind no word."""

    prefix: bytes
    kind: str
    pattern: re.Pattern[bytes]
    anywhere: bool = False


# What follows the prefix of a key that somebody issued -> the prefixes.
_ISSUED: Mapping[bytes, tuple[bytes, ...]] = {
    rb"[0-9A-Z]{12,}+": (b"AKIA", b"ASIA"),
    rb"\w{16,}+": (b"ghp_", b"gho_", b"ghu_", b"ghs_", b"ghr_", b"github_pat_"),
    rb"[\w\-]{8,}+": (b"xoxa-", b"xoxb-", b"xoxp-", b"xoxr-", b"xoxs-", b"xapp-"),
    rb"[\w\-]{16,}+": (b"glpat-", b"sk-", b"pypi-", b"npm_", b"hf_", b"shpat_", b"ya29.", b"hvs."),
    rb"\w{12,}+": (b"sk_live_", b"sk_test_", b"rk_live_", b"whsec_", b"dop_v1_"),
    rb"[0-9A-Za-z]{12,}+": (b"LTAI", b"AKID", b"dapi", b"ATATT3", b"SK_"),
    rb"[\w\-]{12,}+": (
        *(b"glrt-", b"gldt-", b"xai-", b"gsk_", b"tskey-", b"dckr_pat_"),
        *(b"lin_api_", b"PMAK-", b"shpss_", b"shpca_", b"hvb.", b"sq0csp-"),
    ),
    rb"[\w+/=:$]{16,}+": (b"SCRAM-SHA-256$",),
    rb"[\w\-]{30,}+": (b"AIza",),
    rb"[\w\-]{10,}+\.[\w\-]{10,}+": (b"SG.",),
    rb"[0-9A-Z]{10,}+": (b"AGE-SECRET-KEY-",),
}
_HASHES = (
    *(b"$apr1$", b"$2a$", b"$2b$", b"$2x$", b"$2y$", b"$5$", b"$6$", b"$7$", b"$y$", b"$gy$"),
    *(b"$argon2i$", b"$argon2d$", b"$argon2id$", b"$pbkdf2-sha256$", b"$scrypt$"),
    *(b"{SHA}", b"{SSHA}", b"{SHA256}", b"{SSHA256}", b"{SSHA512}", b"{CRYPT}", b"{MD5}"),
)
_HASH = rb"[\w./$=,+\-]{8,}+"
_SHAPES = (
    # Even a token that was cut, or lost its signature, says who may do what.
    SecretShape(b"eyJ", "jwt", re.compile(rb"eyJ[\w\-]{6,}+(?:(?:\.|%2[Ee])[\w\-]*+)*+={0,2}"), anywhere=True),
    *(
        SecretShape(prefix, "issued_key", re.compile(re.escape(prefix) + rest))
        for rest, prefixes in _ISSUED.items()
        for prefix in prefixes
    ),
    *(
        SecretShape(prefix, "password_hash", re.compile(re.escape(prefix) + _HASH), anywhere=True)
        for prefix in _HASHES
    ),
    SecretShape(b"$1$", "password_hash", re.compile(rb"\$1\$[./\w]{1,8}\$[./\w]{20,}+"), anywhere=True),
    SecretShape(b"*", "password_hash", re.compile(rb"\*[0-9A-F]{40}(?![0-9A-Za-z])")),
)
# A sign that a shape cannot be without, and that many lines have not.
_SIGNS = (b"$", b"{", b"_", b"*", b"-", b"")
_BY_SIGN: dict[bytes, list[SecretShape]] = {sign: [] for sign in sorted(_SIGNS)}
for _shape in _SHAPES:
    _BY_SIGN[next(sign for sign in _SIGNS if sign in _shape.prefix)].append(_shape)

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
# What a text cannot be without -> a pattern, and the kind of its secret.
_PATTERNS = (
    (b":", _CRYPT_LINE, "password_hash"),
    (b":", _PGPASS, "password"),
    (b" ", _AUTHKEYS, "key"),
    (b":AA", _BOT, "issued_key"),
    (b"md5", _MD5, "password_hash"),
    (b" - ", _REMOTE_USER, "password"),
)


def spans(text: bytes, lowered: bytes) -> Iterator[SecretSpan]:
    for sign, shapes in _BY_SIGN.items():
        for shape in shapes if sign in text else ():
            if shape.prefix in text:
                yield from _of(shape, text)
    for sign, pattern, kind in _PATTERNS:
        if sign in text:
            yield from secrets_in(pattern, text, kind)
    if b"akia" in lowered or b"asia" in lowered:
        yield from secrets_in(_ID_AND_KEY, text, "access_key")


def _of(shape: SecretShape, text: bytes) -> Iterator[SecretSpan]:
    at = text.find(shape.prefix)
    while at >= 0:
        free = shape.anywhere or not at or not _WORD.match(text, at - 1)
        found = shape.pattern.match(text, at) if free else None
        if found is not None:
            yield SecretSpan(found.start(), found.end(), shape.kind)
        at = text.find(shape.prefix, found.end() if found is not None else at + len(shape.prefix))
