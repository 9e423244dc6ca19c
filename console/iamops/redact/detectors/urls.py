"""Passwords in addresses: `scheme://user:password@host`, Go's `user:password@tcp(host)`, webhooks. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from iamops.redact.spans import SecretSpan, hits, secrets_in

_ADDRESS = re.compile(rb"""[^\s"'<>`]*+""")
_PORT = re.compile(rb"\d{1,5}(?:[/?#]|\Z)")
# A user without a password is a token when it is as long as one.
_TOKEN_USER = 12
_REST = rb"(?P<secret>[\w/@.~:\-]{4,}+)"


def _hook(needle: bytes, between: bytes = b"") -> tuple[bytes, re.Pattern[bytes]]:
    """Behind `needle`, whatever `between` matches, and then the token: a part of the path."""
    return needle, re.compile(re.escape(needle) + between + _REST, re.IGNORECASE)


_WEBHOOKS = (
    _hook(b"hooks.slack.com/", rb"(?:services|workflows|triggers)/"),
    _hook(b"/api/webhooks/"),
    _hook(b"api.telegram.org/", rb"(?:file/)?bot"),
    _hook(b"webhook.office.com/"),
    _hook(b"outlook.office.com/", rb"webhook/"),
    _hook(b"outlook.office365.com/", rb"webhook/"),
    _hook(b"hc-ping.com/"),
    _hook(b"hchk.io/"),
    _hook(b"/open-apis/bot/", rb"(?:v2/)?hook/"),
    _hook(b"betterstack.com/", rb"api/v1/(?:heartbeat|incidents)/"),
    _hook(b"betteruptime.com/", rb"api/v1/(?:heartbeat|incidents)/"),
    _hook(b"cronitor.link/", rb"p/"),
    _hook(b"maker.ifttt.com/", rb"trigger/[\w\-]{1,80}/(?:json/)?with/key/"),
    _hook(b"api.day.app/"),
    _hook(b"sctapi.ftqq.com/"),
    _hook(b"hooks.zapier.com/", rb"hooks/catch/"),
    _hook(b"webhook.site/"),
    _hook(b"ntfy.sh/"),
    _hook(b"nosnch.in/"),
    _hook(b"events.pagerduty.com/", rb"integration/"),
    _hook(b"alert.victorops.com/", rb"integrations/generic/\d{1,20}/alert/"),
    _hook(b"/hooks/", rb"(?=[\w/]{12})"),
)
# A link that is a password by itself: /reset-password/TOKEN.
_LINKS = re.compile(
    rb"/(?:[\w\-]{0,24}(?:reset|verify|verification|activat(?:e|ion)|confirm(?:ation)?|invit(?:e|ation)s?|magic|recover"
    rb"|unsubscribe|set-?password|share|signup|join)[\w\-]{0,24})/(?P<secret>(?=[\w.~\-]{0,64}?\d|[\w.~\-]{20})[\w.~%\-]{8,256}+)",
    re.IGNORECASE,
)
_LINK_WORDS = (b"reset", b"verif", b"activat", b"confirm", b"invit", b"magic", b"recover", b"unsubscribe",
               b"password/", b"share/", b"signup/", b"join/")  # fmt: skip
# `root:SECRET@127.0.0.1:3306`, `iam:SECRET@/iam`: an address without a scheme.
_BARE_LOGIN = re.compile(rb"""[\w.\-]{1,64}:(?P<secret>[^\s"'`@/]{3,128})\Z""")
_BARE_HOST = re.compile(rb"@(?:[\w.\-]{1,253}:\d{2,5}\b|\(|/\w)")
# Addresses of chat and paging services (as Apprise writes them) are nothing but their tokens.
_SERVICE = re.compile(
    rb"(?:slack|discord|tgram|pover|pagerduty|opsgenie|msteams|workflows|pbul|twilio|mailgun|sendgrid|signals?|zulip"
    rb"|gotifys?|ntfys?|mmosts?|rockets?|matrixs?|wxteams|gchat|lark|feishu|dingtalk|wecombot|ifttt|join|bark)\Z",
    re.IGNORECASE,
)
LOOK_BACK = 512


def spans(text: bytes, lowered: bytes) -> Iterator[SecretSpan]:
    yield from _userinfo(text)
    yield from _encoded_userinfo(text, lowered)
    yield from _go_dsn(text)
    if b"@" in text:
        yield from _bare_login(text)
    if b"/" not in text:
        return
    if any(word in lowered for word in _LINK_WORDS):
        yield from secrets_in(_LINKS, text, "link")
    for needle, pattern in _WEBHOOKS:
        done = 0
        for at in hits(lowered, (needle,)) if needle in lowered else ():
            found = pattern.match(text, at) if at >= done else None
            if found is not None:
                done = found.end()
                yield SecretSpan(*found.span("secret"), "webhook")


def _bare_login(text: bytes) -> Iterator[SecretSpan]:
    for at in hits(text, (b"@",)):
        if _BARE_HOST.match(text, at):
            begin = max(0, at - 200)
            login = _BARE_LOGIN.search(text, at - len(_last_word(text[begin:at])), at)
            if login is not None and not login[0].startswith(b"//"):
                yield SecretSpan(*login.span("secret"), "url_password")


def _userinfo(text: bytes) -> Iterator[SecretSpan]:
    places = list(hits(text, (b"://",)))
    for at, following in pairwise((*places, len(text))):
        found = _ADDRESS.match(text, at + 3, max(at + 3, following))
        if found and found[0] and _SERVICE.search(text, max(0, at - 16), at):
            yield SecretSpan(found.start(), found.start() + len(found[0].rstrip(b"\\")), "webhook")
        elif found is not None and b"@" in found[0]:
            yield from _password(found.start(), found[0])


def _password(begin: int, address: bytes) -> Iterator[SecretSpan]:
    """The part between the first colon and the last @ of what stands before the path."""
    colon = address.find(b":")
    slash = min((i for i in (address.find(c) for c in (b"/", b"?", b"#")) if i >= 0), default=len(address))
    at = address.rfind(b"@", 0, slash)
    if at < 0 and 0 <= colon < slash and not _PORT.match(address, colon + 1):
        at = address.rfind(b"@")
    if 0 <= colon < at:
        yield SecretSpan(begin + colon + 1, begin + at, "url_password")
    elif at >= _TOKEN_USER:
        yield SecretSpan(begin, begin + at, "url_password")


_ENCODED = re.compile(
    rb"(?::|%3a)%2f%2f[\w.~\-]*(?::|%3a)(?P<secret>(?:(?!%40|%2f)[^\s\"'&@/])*+)(?:%40|@)", re.IGNORECASE
)


def _encoded_userinfo(text: bytes, lowered: bytes) -> Iterator[SecretSpan]:
    done = 0
    for at in sorted({*hits(lowered, (b"%3a%2f%2f",)), *hits(lowered, (b":%2f%2f",))}):
        found = _ENCODED.match(text, at) if at >= done else None
        if found is not None:
            done = found.end()
            yield SecretSpan(*found.span("secret"), "url_password")


def _go_dsn(text: bytes) -> Iterator[SecretSpan]:
    """`root:password@tcp(127.0.0.1:3306)/iam`: the login is read backwards from its `@`."""
    for at in hits(text, (b"@tcp(", b"@unix(", b"@tcp6(")):
        begin = max(0, at - LOOK_BACK)
        login = _last_word(text[begin:at])
        colon = login.find(b":")
        if colon >= 0:
            yield SecretSpan(at - len(login) + colon + 1, at, "url_password")


def _last_word(before: bytes) -> bytes:
    cut = max(before.rfind(stop) for stop in (b" ", b"\t", b"\n", b'"', b"'", b"`", b"=", b"("))
    return before[cut + 1 :]
