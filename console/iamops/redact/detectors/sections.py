"""Values that the section they stand in gives away: `jwt:` and below it `key:`, `password: {value: ...}`. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from iamops.redact.spans import MARK, SecretSpan, hits, indented_end, value_at

SECTION_BYTES = 4096
_OPENS = re.compile(
    rb"""\w{0,24}+(?P<bracket>\])?+[\\"']{0,4}+[ \t]{0,8}+[:=]?+[ \t]{0,8}+"""
    rb"""(?:[&*\w.]{0,60}+(?P<brace>\{)|(?:#[^\n]{0,200})?\r?(?P<line>\n))"""
)
_FIELD = rb"""(?:\A|(?<=[\s{,"'\\]))%s["'\\]{0,4}[ \t]{0,8}[:=][ \t]{0,8}(?=[^\s\[{])"""
_KEY = re.compile(_FIELD % rb"(?:signing|hmac|private)?[_\-]?key", re.IGNORECASE)
_VALUE = re.compile(
    _FIELD
    % rb"(?:value|data|plain(?:text)?|text|raw|string|content|current|old|new|default|primary|secondary|key)",
    re.IGNORECASE,
)
_MANIFEST = re.compile(rb"""kind["']?:[ \t]{1,8}["']?Secret\b""")
_DATA = re.compile(rb"""^(?P<indent>[ \t]{0,40})["']?(?:stringD|d)ata["']?:[ \t]{0,8}\r?\n""", re.MULTILINE)
_ENTRY = re.compile(rb"^[ \t]{1,60}[\w.\-]{1,253}:[ \t]{1,8}(?=[^\s|>])", re.MULTILINE)
# A name of a secret that stands elsewhere: `secretKeyRef: {name: iam, key: password}`.
_REFERENCE = re.compile(rb"\w{0,20}Ref\b")
_SECTIONS = {
    b"jwt": (_KEY, "key"),
    b"password": (_VALUE, "password"),
    b"passwd": (_VALUE, "password"),
    b"secret": (_VALUE, "secret"),
    b"token": (_VALUE, "token"),
    b"credential": (_VALUE, "credential"),
}


def spans(text: bytes, lowered: bytes) -> Iterator[SecretSpan]:
    for needle, (field, kind) in _SECTIONS.items():
        if needle in lowered:
            yield from _sections(text, lowered, needle, field, kind)
    if b"secret" in lowered and b"kind" in lowered:
        yield from _manifests(text)


def _sections(
    text: bytes, lowered: bytes, needle: bytes, field: re.Pattern[bytes], kind: str
) -> Iterator[SecretSpan]:
    done = 0
    for at in hits(lowered, (needle,)):
        opened = _OPENS.match(text, at + len(needle)) if at >= done else None
        if opened is None or _REFERENCE.match(text, at + len(needle)) or _is_a_mark(text, at, opened):
            continue
        done = _end(text, at, opened)
        at = opened.end()
        while (found := field.search(text, at, done)) is not None:
            value = value_at(text, found.end())
            at = max(found.end(), value.after)
            if value.end > value.start and not text.startswith((b"$", b"/", b"null"), value.start):
                quoted = value.bare and text[found.end() - 1 : found.end()] == b" " and b'"' in found[0]
                yield SecretSpan(value.start, value.end, kind, quoted=quoted)
        done = max(done, at)


def _is_a_mark(text: bytes, at: int, opened: re.Match[bytes]) -> bool:
    """`[redacted password]` at a line's end begins no section called so."""
    return opened["bracket"] is not None and text.endswith(
        MARK, 0, max(0, text.rfind(b" ", max(0, at - 40), at) + 1)
    )


def _end(text: bytes, at: int, opened: re.Match[bytes]) -> int:
    begin = opened.end()
    most = min(len(text), begin + SECTION_BYTES)
    if opened["brace"] is not None:
        closed = text.find(b"}", begin, most)
        return most if closed < 0 else closed
    if opened["bracket"] is not None:
        following = text.find(b"\n[", begin, most)
        return most if following < 0 else following
    line = text.rfind(b"\n", max(0, at - 200), at) + 1
    before = text[line:at]
    in_sentence = not before.endswith((b": ", b'"')) and before.strip(b" \t\"'-?")
    if in_sentence and not re.fullmatch(rb"[\w.\-]{0,60}", before.strip(b" \t\"'-")):
        return begin
    indent = len(before) - len(before.lstrip(b" \t-"))
    return begin + indented_end(text[begin:most], 0, indent, dashes=True)


def _manifests(text: bytes) -> Iterator[SecretSpan]:
    """Everything that a Kubernetes Secret holds."""
    done = 0
    for found in _MANIFEST.finditer(text):
        if found.start() < done:
            continue
        near = max(0, found.start() - SECTION_BYTES)
        done = min(len(text), found.end() + SECTION_BYTES)
        for data in _DATA.finditer(text, near, done):
            end = data.end() + indented_end(text[data.end() : done], 0, len(data["indent"]))
            at = data.end()
            while (entry := _ENTRY.search(text, at, end)) is not None:
                value = value_at(text, entry.end(), to_line_end=True)
                at = max(entry.end(), value.after)
                yield SecretSpan(value.start, value.end, "secret")
