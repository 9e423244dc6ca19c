"""Passwords in addresses: `scheme://user:password@host`, Go's `user:password@tcp(host)`, webhooks. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from console.parse.redact_spans import Span, hits

_ADDRESS = re.compile(rb"""[^\s"'<>`]*+""")
_PORT = re.compile(rb"\d{1,5}(?:[/?#]|\Z)")
# A user without a password is a token when it is as long as one.
_TOKEN_USER = 12
_WEBHOOKS = (
    (b"hooks.slack.com/", re.compile(rb"hooks\.slack\.com/(?:services|workflows|triggers)/(?P<secret>[\w/\-]+)")),
    (b"/api/webhooks/", re.compile(rb"/api/webhooks/(?P<secret>[\w/\-]+)")),
    (b"api.telegram.org/bot", re.compile(rb"api\.telegram\.org/bot(?P<secret>[\w:\-]+)")),
    (b"webhook.office.com/", re.compile(rb"webhook\.office\.com/(?P<secret>[\w/@\-]+)")),
)
# Addresses of chat and paging services (as Apprise writes them) are nothing but their tokens.
_SERVICE = re.compile(
    rb"(?:slack|discord|tgram|pover|pagerduty|opsgenie|msteams|workflows|pbul|twilio|mailgun|sendgrid|signals?|zulip"
    rb"|gotifys?|ntfys?|mmosts?|rockets?|matrixs?|wxteams|gchat|lark|feishu|dingtalk|wecombot|ifttt|join|bark)\Z",
    re.IGNORECASE,
)
LOOK_BACK = 512


def spans(text: bytes, lowered: bytes) -> Iterator[Span]:
    yield from _userinfo(text)
    yield from _encoded_userinfo(text, lowered)
    yield from _go_dsn(text)
    for needle, pattern in _WEBHOOKS:
        for at in hits(lowered, (needle,)):
            found = pattern.match(text, at)
            if found is not None:
                yield Span(*found.span("secret"), "webhook")


def _userinfo(text: bytes) -> Iterator[Span]:
    places = list(hits(text, (b"://",)))
    for at, following in pairwise((*places, len(text))):
        found = _ADDRESS.match(text, at + 3, max(at + 3, following))
        if found and found[0] and _SERVICE.search(text, max(0, at - 16), at):
            yield Span(found.start(), found.end(), "webhook")
        elif found is not None and b"@" in found[0]:
            yield from _password(found.start(), found[0])


def _password(begin: int, address: bytes) -> Iterator[Span]:
    """The part between the first colon and the last @ of what stands before the path."""
    colon = address.find(b":")
    slash = min((i for i in (address.find(c) for c in (b"/", b"?", b"#")) if i >= 0), default=len(address))
    at = address.rfind(b"@", 0, slash)
    if at < 0 and 0 <= colon < slash and not _PORT.match(address, colon + 1):
        at = address.rfind(b"@")
    if 0 <= colon < at:
        yield Span(begin + colon + 1, begin + at, "url_password")
    elif at >= _TOKEN_USER:
        yield Span(begin, begin + at, "url_password")


_ENCODED = re.compile(
    rb"(?::|%3a)%2f%2f[\w.~\-]*(?::|%3a)(?P<secret>(?:(?!%40|%2f)[^\s\"'&@/])*+)(?:%40|@)", re.IGNORECASE
)


def _encoded_userinfo(text: bytes, lowered: bytes) -> Iterator[Span]:
    done = 0
    for at in sorted({*hits(lowered, (b"%3a%2f%2f",)), *hits(lowered, (b":%2f%2f",))}):
        found = _ENCODED.match(text, at) if at >= done else None
        if found is not None:
            done = found.end()
            yield Span(*found.span("secret"), "url_password")


def _go_dsn(text: bytes) -> Iterator[Span]:
    """`root:password@tcp(127.0.0.1:3306)/iam`: the login is looked for backwards from its `@`."""
    for at in hits(text, (b"@tcp(", b"@unix(", b"@tcp6(")):
        begin = max(0, at - LOOK_BACK)
        login = _last_word(text[begin:at])
        colon = login.find(b":")
        if colon >= 0:
            yield Span(at - len(login) + colon + 1, at, "url_password")


def _last_word(before: bytes) -> bytes:
    cut = max(before.rfind(stop) for stop in (b" ", b"\t", b"\n", b'"', b"'", b"`", b"=", b"("))
    return before[cut + 1 :]
