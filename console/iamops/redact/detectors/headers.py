"""Authorization and Cookie headers, as they stand in requests, logs, JSON and nginx's own directives. Pure."""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from itertools import pairwise

from iamops.redact.spans import MARK, SecretSpan, Value, hits, match_end, value_at

# Between a header's name and its value: `: `, `": "`, `":["` of Go, `%3A`.
_SIGN = rb"""(?:\\*+["'\])])*+[ \t]*+(?:[:=>]|%3[AaDd])[ \t]*+(?:\[(?!redacted ))?"""
_AUTHORIZATION = re.compile(rb"[\w\-]{0,20}+" + _SIGN + rb"(?:%20|\+)?")
_COOKIE = re.compile(rb"(?:s|2|[_\-]?(?:header|value|data|jar))?" + _SIGN)
_SET_COOKIE = re.compile(rb"""set-cookie[ \t]++(?=["'])""", re.IGNORECASE)
_QUOTES = (b'"', b"'", b"\\", b"`")
# What is no header's value but nginx's name for it, or a word about one.
_VARIABLE = re.compile(
    rb"""["']?(?:(?:(?:Bearer|Basic|Token)[ ])?\$\{?\w+\}?|none|missing|absent|empty|null|nil"""
    rb"""|yes|no|true|false|-)["']?[ \t]*;?"""
)
# A header goes on to the end of its line, unless a quote around it closes first. `="..."` is a part of it.
_HEADER_VALUE = re.compile(rb"""(?:[^\r\n"'`\\\]=]|\\(?!["'`nrt])|="[^"\r\n]*+"(?=[;,\s]|\Z)|=)*+""")
_BEARER = re.compile(
    rb"(?:bearer|jwt)(?:%20|[ \t+:=])++(?!authenticat|authoriz|\w{1,40}=[^=\s])(?P<secret>[\w.~+/=\-%]{8,}+)",
    re.IGNORECASE,
)
_BASIC = re.compile(
    rb"(?:basic)(?:%20|[ \t+])++(?P<secret>[A-Za-z0-9+/_\-]{4,}+={0,2}|[A-Za-z0-9+/%]{8,}+)", re.IGNORECASE
)
_DIRECTIVE = re.compile(
    rb"(?:set_header|add_header|_param|set_headers)[ \t]++"
    rb"[\"']?[\w\-:]{0,40}?(?:auth|token|secret|key|cookie|pass|credential)[\w\-:]{0,40}+[\"']?[ \t]++",
    re.IGNORECASE,
)


def spans(text: bytes, lowered: bytes) -> Iterator[SecretSpan]:
    yield from _headers(text, lowered, b"authorization", _AUTHORIZATION, "authorization")
    yield from _headers(text, lowered, b"cookie", _COOKIE, "cookie")
    for at in hits(lowered, (b"set-cookie",)):
        found = _SET_COOKIE.match(text, at)
        if found is not None:
            value = value_at(text, found.end())
            yield SecretSpan(value.start, value.end, "cookie")
    yield from _schemes(text, lowered)
    yield from _directives(text, lowered)


def _headers(text: bytes, lowered: bytes, name: bytes, sign: re.Pattern[bytes], kind: str) -> Iterator[SecretSpan]:
    done = 0
    for at in hits(lowered, (name,)):
        found = sign.match(text, at + len(name)) if at >= done else None
        if found is None:
            continue
        at = found.end()
        if text[at : at + 1] in _QUOTES or text.startswith(MARK, at):
            value = value_at(text, at)
        else:
            end = match_end(_HEADER_VALUE, text, at)
            value = Value(at, end, end, bare=True)
        if not _VARIABLE.fullmatch(text, value.start, value.end):
            yield SecretSpan(value.start, value.end, kind)
        done = value.after


def _schemes(text: bytes, lowered: bytes) -> Iterator[SecretSpan]:
    """`Bearer ...` and `Basic ...` wherever they stand."""
    for at in hits(lowered, (b"bearer", b"jwt ")):
        found = _BEARER.match(text, at)
        if found is not None:
            yield SecretSpan(*found.span("secret"), "authorization")
    for at in hits(lowered, (b"basic",)):
        found = _BASIC.match(text, at)
        if found is not None and _is_login(found["secret"]):
            yield SecretSpan(*found.span("secret"), "authorization")


def _is_login(encoded: bytes) -> bool:
    """Whether it is base64 of `user:password`; when in doubt it is."""
    clean = encoded.replace(b"%3D", b"=").replace(b"%3d", b"=").rstrip(b"=")
    if b"%" in clean:
        return True
    try:
        return b":" in binascii.a2b_base64(
            clean.translate(bytes.maketrans(b"-_", b"+/")) + b"=" * (-len(clean) % 4)
        )
    except binascii.Error:
        return False


def _directives(text: bytes, lowered: bytes) -> Iterator[SecretSpan]:
    """`proxy_set_header X-Api-Key abc;` and its kin: nginx puts a space where others put a colon."""
    places = sorted(hits(lowered, (b"set_header", b"add_header", b"_param")))
    for at, following in pairwise((*places, len(text))):
        found = _DIRECTIVE.match(text, at, following)
        if found is None:
            continue
        value = value_at(text, found.end())
        if not _VARIABLE.fullmatch(text, value.start, value.end):
            yield SecretSpan(value.start, value.end, "header")
