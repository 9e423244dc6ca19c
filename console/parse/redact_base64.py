"""Base64 that holds a text with a secret in it. One layer deep. Pure."""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable, Iterator

from console.parse.redact_spans import Span
from console.parse.redact_words import is_mixed

_BLOB = re.compile(rb"(?<![A-Za-z0-9+/_\-])[A-Za-z0-9+/_\-]{20,}+={0,2}")
_URL_SAFE = bytes.maketrans(b"-_", b"+/")
_LOOK = 48
# A login and its password, as Docker, LDAP and SASL encode them.
_LOGIN = re.compile(rb"[\w.@+\-]{1,64}:(?P<secret>[^\s:/]{6,128})\n?")
_UNPRINTABLE = re.compile(rb"[^\t\n\r\x20-\x7e]")


def hidden(text: bytes, holds_secret: Callable[[bytes], bool]) -> Iterator[Span]:
    for blob in _BLOB.finditer(text):
        inner = _decoded(blob[0])
        if inner is not None and (_is_login(inner) or holds_secret(inner)):
            yield Span(blob.start(), blob.end(), "base64")


def _is_login(inner: bytes) -> bool:
    login = _LOGIN.fullmatch(inner)
    return login is not None and is_mixed(login["secret"])


def _decoded(blob: bytes) -> bytes | None:
    """The text it stands for; None where it is none. Its beginning is tried first: most blobs are paths."""
    clean = blob.rstrip(b"=").translate(_URL_SAFE)
    try:
        if _UNPRINTABLE.search(binascii.a2b_base64(clean[:_LOOK][: len(clean[:_LOOK]) // 4 * 4])):
            return None
        # A rest of one character stands for nothing.
        whole = clean[:-1] if len(clean) % 4 == 1 else clean
        return binascii.a2b_base64(whole + b"=" * (-len(whole) % 4))
    except binascii.Error:
        return None
