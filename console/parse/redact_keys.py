"""Values that their names give away: password, secret, token, api key and the like, in any notation. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from console.parse.redact_spans import Span, hits
from console.parse.redact_values import Value, is_separated, value_at, value_begin

# needle -> the word in the marker. The rest of a name may stand before and behind its needle.
_KINDS = {
    b"pass": "password",
    b"pwd": "password",
    b"secret": "secret",
    b"token": "token",
    b"apikey": "api_key",
    b"api_key": "api_key",
    b"api-key": "api_key",
    b"private": "private_key",
    b"credential": "credential",
    b"signature": "signature",
    b"masterauth": "password",
    b"auth_data": "auth_pass",
    b"authentication data": "auth_pass",
    b"bindpw": "password",
    b"rootpw": "password",
    b"x-auth": "token",
    b"sessionid": "session",
    b"sessid": "session",
    b"connect.sid": "session",
    b"session_id": "session",
    b"access_key": "access_key",
    b"access-key": "access_key",
    b"accesskey": "access_key",
}
# Names for which a space is enough: the words of keepalived and Redis.
_SPACED = (b"auth_pass", b"requirepass", b"masterauth", b"auth_data", b"authentication data", b"bindpw", b"rootpw")
_TAIL = re.compile(rb"[\w.\-]*+")
_WORD = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-"
_LINE_START = re.compile(rb"""[ \t]*+(?:-[ \t]+|export[ \t]+|set[ \t]+|Environment=)*+["']?[\w.\-]*+""")
# Behind a space alone only what no sentence would say: letters and digits in one word.
_LOOSE = re.compile(rb"[ \t]++(?:(?:is|was|to)[ \t]++)?(?=[^\d\s]*+\d)(?=[^A-Za-z\s]*+[A-Za-z])")
_LOOSE_WORD = re.compile(rb"""[\w+=!$%^*~#@\-]{8,128}+(?=[\s"',;)]|\Z)""")
# `name: DB_PASSWORD`, and its value as a field of its own.
_VALUE_FIELD = re.compile(
    rb"""["']?[ \t]*+,?[ \t]*+(?:\r?\n[ \t]*+)?["']?value["']?[ \t]*+[:=][ \t]*+""", re.IGNORECASE
)
_NO_SECRET_NAME = re.compile(
    rb"(?:file|path|dir|ttl|expir\w*|timeout|max_?age|length|min_?len|type|policy|count|lifetime|size)s?\Z"
    rb"|nopasswd\Z|pass(?:ed|ing|ive|es)\Z|(?:by|com|tres|sur)pass\Z"
)
_TRIVIAL = re.compile(
    rb"(?:yes|no|true|false|null|nil|none|on|off|auto|~|\*+|-+|\.+|<\w*>|\$\{\w+\}"
    rb"|\$(?:http|arg|cookie|sent_http|upstream_http)_\w+)\Z",
    re.IGNORECASE,
)
# YAML: the value of a name that ends its line stands below it, as a list or a text of its own.
_BELOW = re.compile(
    rb"(?:#[^\n]*+)?(?:\r?\n(?:[ \t]*-[ \t]+|[ \t]+)(?=[^\s#-])(?:[^\n:]|:(?![ \t\r\n]))*+(?=\n|\Z))++"
)
_KEY_MATERIAL = re.compile(rb"(?=[^\d]*\d)(?=.*[A-Za-z])[A-Za-z0-9+/=_\-]{16,}+(?=[;,&]|\Z)")
_ASKED = tuple(
    sign + name + b"="
    for sign in (b"?", b"&", b"%26", b"%3f")
    for name in (b"sig", b"code", b"auth", b"key", b"sid", b"session", b"jwt", b"otp", b"ticket", b"assertion")
)
_ASKED_VALUE = re.compile(rb"""[^\s"'&#<>\\]{6,}+""")
LOOK_BACK = 96
# A value that is longer is looked at once, however many names stand in it.
LONG = 256


def spans(text: bytes, lowered: bytes) -> Iterator[Span]:
    for needle, kind in _KINDS.items():
        yield from _named(text, lowered, needle, kind)
    yield from _asked(text, lowered)
    yield from _keys(text, lowered)


def _named(text: bytes, lowered: bytes, needle: bytes, kind: str) -> Iterator[Span]:
    done = 0
    for at in hits(lowered, (needle,)):
        if at < done:
            continue
        done = end = _name_end(text, at + len(needle))
        if not is_separated(text, end) or (needle == b"pwd" and end > at + len(needle)):
            continue
        before = text[max(0, at - LOOK_BACK) : at]
        name = before[len(before.rstrip(_WORD)) :].lower() + lowered[at:end][-LOOK_BACK:]
        value = None if _NO_SECRET_NAME.search(name) else _value(text, end, before, name)
        if value is not None:
            done = value.after
            kind_of = "auth_pass" if b"auth_pass" in name else kind
            yield Span(value.start, value.end, kind_of, quoted=value.bare and text[end : end + 1] == b'"')


def _name_end(text: bytes, at: int) -> int:
    tail = _TAIL.match(text, at)
    return tail.end() if tail else at


def _value(text: bytes, end: int, before: bytes, name: bytes) -> Value | None:
    """What stands behind a name that ends at `end`; an empty one where it tells nothing."""
    at_line_start = _is_at_line_start(before)
    # `--token abc`: the value of an option stands behind a space too.
    spaced = name.startswith(b"-") or any(word in name for word in _SPACED)
    begin = value_begin(text, end, spaced=spaced)
    if begin is None:
        return _loose(text, end)
    if text[begin : begin + 1] == b"{":
        return None
    if at_line_start and text[begin : begin + 1] in (b"\r", b"\n", b"#"):
        below = _BELOW.match(text, begin)
        if below is not None:
            return Value(begin, below.end(), below.end(), bare=False)
    # A bare value behind a quoted name is JSON's: it ends where the next field begins.
    bare_name = text[end : end + 1] not in (b'"', b"'")
    value = value_at(text, begin, to_line_end=at_line_start and bare_name)
    is_path = name.endswith(b"pwd") and text[begin : begin + 1] == b"/"
    return replace(value, end=value.start) if is_path or _is_trivial(text, value) else value


def _is_at_line_start(before: bytes) -> bool:
    newline = before.rfind(b"\n")
    if newline < 0 and len(before) == LOOK_BACK:
        return False
    return _LINE_START.fullmatch(before, newline + 1) is not None


def _loose(text: bytes, end: int) -> Value | None:
    """What follows a name without any sign between them."""
    field = _VALUE_FIELD.match(text, end)
    if field is not None:
        return value_at(text, field.end())
    gap = _LOOSE.match(text, end)
    word = _LOOSE_WORD.match(text, gap.end()) if gap else None
    return None if word is None else Value(word.start(), word.end(), word.end(), bare=True)


def _is_trivial(text: bytes, value: Value) -> bool:
    """Yes and no, nothing, a variable."""
    return value.end - value.start < LOOK_BACK and bool(_TRIVIAL.match(text[value.start : value.end]))


def _asked(text: bytes, lowered: bytes) -> Iterator[Span]:
    """Parameters of a request whose names are too common to be looked for anywhere else."""
    for needle in _ASKED:
        for at in hits(lowered, (needle,)):
            value = _ASKED_VALUE.match(text, at + len(needle))
            if value is not None:
                yield Span(value.start(), value.end(), "query")


def _keys(text: bytes, lowered: bytes) -> Iterator[Span]:
    """`key: ...` and `signing-key = ...` with something behind them that can only be a key."""
    done = 0
    for at in hits(lowered, (b"key",)):
        begin = value_begin(text, at + len(b"key")) if at >= done else None
        if begin is None:
            continue
        value = value_at(text, begin)
        material = _KEY_MATERIAL.match(text, value.start, value.end)
        if material is not None and text[value.start : value.start + 1] != b"/":
            yield Span(value.start, value.end, "key")
        if material is not None or value.end - value.start > LONG:
            done = value.after
