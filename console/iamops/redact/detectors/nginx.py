"""Secrets that nginx compares requests with: maps and ifs about tokens, secure links. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from iamops.redact.spans import SecretSpan, hits, value_at

_VARIABLE = re.compile(
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


def spans(text: bytes, lowered: bytes) -> Iterator[SecretSpan]:
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
    return bool(_VARIABLE.search(variable)) and not _NO_SECRET.search(variable)


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
