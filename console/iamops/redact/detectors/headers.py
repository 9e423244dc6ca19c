"""Authorization and Cookie headers, wherever they stand, and what nginx compares requests with. Pure."""

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


# Secrets that nginx compares requests with: maps and ifs about tokens, secure links.
_SECRET_VARIABLE = re.compile(
    rb"pass|passwd|pw\Z|secret|token|api_?key|key\Z|auth(?!or\b)|credential|sig\Z|signature|hmac|jwt|session|otp\Z|cookie_\w*(?:id|sid)",
    re.IGNORECASE,
)
# Keys of caches and limits are no secrets.
_NO_SECRET = re.compile(
    rb"(?:cache|limit|zone|rate|conn|hash)_?key|auth_(?:request|status|user|type)|_cache", re.IGNORECASE
)
_MAP = re.compile(rb"map[ \t]{1,16}\"?\$(?P<source>\w{1,80})\"?[ \t]{1,16}\$(?P<target>\w{1,80})[ \t\r\n]{0,64}\{")
_ENTRY = re.compile(
    rb"""(?:\A|(?<=[;{\n]))[ \t\r]*+(?P<key>\\*+"[^"\n]*+"|'[^'\n]*+'|[^\s;{}"'#][^\s;{}"']*+)[ \t]++"""
    rb"""(?P<value>"[^"\n]*+"|'[^'\n]*+'|[^\s;{}"']++)[ \t]*+;"""
)
_WORDS = frozenset((b"default", b"hostnames", b"include", b"volatile", b""))
_IF = re.compile(rb"if[ \t]{0,16}\([ \t]{0,16}\$(?P<name>\w{1,80})[ \t]{0,16}(?:!?=|!?~\*?)[ \t]{0,16}(?=\S)")
_LINK = re.compile(rb"""secure_link_(?:md5|hmac_message|hmac_secret)[ \t]{1,16}(?=\S)""")
_FIXED = re.compile(rb"""(?:\$\w++|\$\{\w++\}|[\s"';|:/_\-\\]++)|(?P<secret>[^\s"';$|\\]++)""")
MAP_BYTES = 65536
KIND = "nginx_secret"


def nginx_spans(text: bytes, lowered: bytes) -> Iterator[SecretSpan]:
    if b"$" not in text:
        return
    done = 0
    for at in hits(text, (b"map ", b"map\t")):
        found = _MAP.match(text, at) if at >= done else None
        if found is not None:
            done = text.find(b"}", found.end(), found.end() + MAP_BYTES)
            done = min(len(text), found.end() + MAP_BYTES) if done < 0 else done
            yield from _entries(text, found, done)
    done = 0
    for at in sorted(hits(text, (b"if ", b"if("))):
        found = _IF.match(text, at) if at >= done else None
        if found is not None and _is_secret(found["name"]):
            value = value_at(text, found.end())
            done = value.after
            if value.end > value.start and text[value.start : value.start + 1] not in (b"$", b"^"):
                yield SecretSpan(value.start, value.end, KIND)
    for at in hits(text, (b"secure_link_",)):
        link = _LINK.match(text, at)
        if link is not None:
            yield from _fixed_parts(text, link.end())


def _is_secret(variable: bytes) -> bool:
    return bool(_SECRET_VARIABLE.search(variable)) and not _NO_SECRET.search(variable)


def _entries(text: bytes, found: re.Match[bytes], end: int) -> Iterator[SecretSpan]:
    compared = _is_secret(found["source"])
    given = _is_secret(found["target"]) and not found["target"].startswith(b"ok")
    if not compared and not given:
        return
    for entry in _ENTRY.finditer(text, found.end(), end):
        if compared and entry["key"].strip(b"\\\"'") not in _WORDS:
            yield _inside(entry, "key")
        value = entry["value"].strip(b"\"'")
        if given and len(value) > 1 and not value.startswith(b"$") and entry["key"] != b"include":
            yield _inside(entry, "value")


def _inside(entry: re.Match[bytes], name: str) -> SecretSpan:
    start = entry.start(name)
    inside = entry[name].strip(b"\\\"'")
    start += entry[name].find(inside)
    return SecretSpan(start, start + len(inside), KIND)


def _fixed_parts(text: bytes, at: int) -> Iterator[SecretSpan]:
    """What a secure link's text holds beside variables."""
    end = text.find(b";", at, at + 1024)
    end = min(len(text), at + 1024) if end < 0 else end
    newline = text.find(b"\n", at, end)
    for part in _FIXED.finditer(text, at, newline if newline >= 0 else end):
        if part["secret"] is not None:
            yield SecretSpan(*part.span("secret"), KIND)
