"""Secrets in a sentence, a script or a login: `password for iam is ...`, `send "..."`, `iam:...`. Pure.

What a name and a sign would give away stands elsewhere. Here the word itself must look like a secret: letters and
digits in one, so that user names, states and plain words stay.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from iamops.redact.spans import VARIABLE, SecretSpan, hits, is_mixed, line_end, lines_with, looks_made, secrets_in

# `password for iam is X`, `password mismatch: got X`, `api key X revoked`, `Unseal Key 1: X`.
_NOUN = re.compile(
    rb"(?:passw(?:or)?d|pass(?:phrase|code)|\bpin|\botp|\bpsk"
    rb"|(?:api|access|deploy|unseal|recovery|license|encrypt(?:ion)?|account) key"
    rb"|with key|session(?: (?:id|cookie|key))?"
    rb"|(?:otp|recovery|backup|security) codes?|\btoken|\bsecret)s?(?=[ :])",
    re.IGNORECASE,
)
_NOUN_BEGINS = (
    *(b"passw", b"passphrase", b"passcode", b"pin", b"otp", b"psk", b"session", b"with key", b"token", b"secret"),
    *(b"api key", b"access key", b"deploy key", b"unseal key", b"license key"),
    *(b"encrypt key", b"encryption key", b"account key"),
    *(b"recovery ", b"backup code", b"security code"),
)
_LEADS = re.compile(
    rb"""(?:[ ]{1,2}[\w@%.\-]{1,40}:?){0,8}?(?:[ ]{1,2}(?:is|was|got|value|code|changed from"""
    rb"""|(?:set|reset|changed|for[ ]\S{1,64}) to):?|:)"""
    rb"""[ ]{1,2}["'`(]?|[ ]{1,2}["'`(]?"""
)
_SAID_WORD = re.compile(rb"""[^\s"'`()<>\[\]{},;]{4,128}""")
_NEXT_IN_LIST = re.compile(rb"""["']?(?:,[ ]{0,2}| to )["']?""")
# MySQL and MariaDB say it once, when they are set up; whatever stands there is the password.
_FIRST = re.compile(
    rb"(?i:temporary|initial|generated|root) password (?:is |was )?(?:generated |set )?"
    rb"for \S{1,80}: (?P<secret>\S{4,128})"
)
MOST_IN_LIST = 12
SENTENCE_BYTES = 1024

# `user = "iam:X"`, `stats auth iam:X`, `auth failed for iam:X`, `Invalid user iam:X from`.
_LOGIN = re.compile(
    rb"""(?:auth\w{0,24}|users?|username|credentials?|login|digest|\]:\d{2,5}|static"""
    rb"""|(?:auth\w{0,24}|login|password)[ ]\w{1,20}[ ]for)"""
    rb"""(?:[ \t]{0,4}[=:])?[ \t]{0,4}(?:data:|static:)?["']{0,2}(?<=[\s"':=])[\w.@\-]{1,64}"""
    rb"""["']?:["']?(?P<secret>[^\s"';,/]{6,128})""",
    re.IGNORECASE,
)
_LOGIN_BEGINS = (b"auth", b"user", b"credential", b"login", b"digest ", b"]:", b"static", b"password ")

# expect, and what it waits for.
_SEND = re.compile(
    rb"""\bsen[dt](?:[ ]{1,4}-[\w\-]{1,8}){0,3}[ ]{1,4}(?P<q>[\\]{0,3}["'{])"""
    rb"""(?P<secret>[^\s"'{}\\]{4,128})(?P<end>(?:\\{1,4}[rn])?[\\]{0,3}["'}])"""
)
_ASKED = re.compile(rb"assword|assphrase|pin\b|otp\b|code", re.IGNORECASE)
BEFORE_SEND = 200

# `<<< X`, `<(echo X)` and a here-document, for a command that reads a secret from its input.
_HERE = re.compile(rb"""<<<[ \t]{0,4}(?P<q>["']?)(?:[\w.\-]{1,64}:)?(?P<secret>[^\s"';|&]{3,256})""")
_HERE_DOCUMENT = re.compile(rb"""(?<!<)<<(?!<)-?[ \t]{0,4}["']?(?P<mark>\w{1,20})["']?[^\n]{0,80}\n""")
_INPUT = re.compile(
    rb"""<\([ ]{0,4}(?:echo|printf)[ ](?:-\w{1,4}[ ])?(?:'[^'\n]{0,40}%s[^'\n]{0,40}'[ ])?["']?"""
    rb"""(?P<secret>[^\s"')$]{4,256})["']?[ ]{0,4}\)"""
)
_READS = re.compile(
    rb"chpasswd|passwd|--stdin|password-stdin|sudo (?:-\w+ )*-S|kinit|ssh-add|cryptsetup|smbpasswd"
    rb"|secret create|gpg "
)
_READERS = (b"passwd", b"stdin", b"sudo -s", b"kinit", b"ssh-add", b"cryptsetup", b"secret create", b"gpg ")

# IMAP: `a1 LOGIN iam X`.
_IMAP = re.compile(
    rb"""(?:\A|(?<=[\s>]))(?=\w{0,7}\d)\w{1,8} LOGIN "?[\w.@\-]{1,128}"? """
    rb""""?(?P<secret>[^\s"]{3,128})"?(?=\s*(?:\n|\Z))"""
)
# A location that is secret: https://host/hook-TOKEN/.
_LOCATION = re.compile(rb"\blocation[ \t]{1,8}(?:[=~^*]{1,2}[ \t]{1,8})?(?P<path>/[^\s{;]{1,256})")
_PART = re.compile(rb"[A-Za-z0-9_~]{12,}")


def spans(text: bytes, lowered: bytes) -> Iterator[SecretSpan]:
    yield from _sentences(text, lowered)
    for at in hits(lowered, [begin for begin in _LOGIN_BEGINS if begin in lowered]) if b":" in text else ():
        login = _LOGIN.match(text, at)
        if login is not None and is_mixed(login["secret"]):
            yield SecretSpan(*login.span("secret"), "password")
    if b"send" in lowered or b"sent" in lowered:
        yield from _sent(text)
    if b"<" in text:
        yield from _inputs(text, lowered)
    if b" LOGIN " in text:
        yield from secrets_in(_IMAP, text, "password")
    for location in _LOCATION.finditer(text) if b"location" in lowered else ():
        for part in _PART.finditer(text, *location.span("path")):
            if looks_made(part[0]):
                yield SecretSpan(*part.span(), "nginx_secret")


def _sentences(text: bytes, lowered: bytes) -> Iterator[SecretSpan]:
    if b" password " in lowered:
        yield from secrets_in(_FIRST, text, "password")
    done = 0
    for at in sorted(hits(lowered, [begin for begin in _NOUN_BEGINS if begin in lowered])):
        noun = _NOUN.match(text, at) if at >= done else None
        if noun is None:
            continue
        # The end of the line, or of as much of it as one sentence takes.
        most = min(len(text), noun.end() + SENTENCE_BYTES)
        newline = text.find(b"\n", noun.end(), most)
        end = most if newline < 0 else newline
        lead = _LEADS.match(text, noun.end(), end) if end else None
        while lead is not None:
            word = _SAID_WORD.match(text, lead.end(), end)
            if word is None or not looks_made(word[0].rstrip(b".:!?")):
                break
            done = word.end()
            yield SecretSpan(word.start(), word.start() + len(word[0].rstrip(b".:!?")), "password")
            lead = _NEXT_IN_LIST.match(text, word.end(), end)


def _sent(text: bytes) -> Iterator[SecretSpan]:
    for found in _SEND.finditer(text):
        asked = _ASKED.search(text, max(0, found.start() - BEFORE_SEND), found.start())
        as_typed = found["end"].startswith(b"\\") and found["end"].rstrip(b"\\\"'}").endswith((b"r", b"n"))
        if not VARIABLE.fullmatch(found["secret"]) and (asked or (as_typed and is_mixed(found["secret"]))):
            yield SecretSpan(*found.span("secret"), "password")


def _inputs(text: bytes, lowered: bytes) -> Iterator[SecretSpan]:
    yield from secrets_in(_INPUT, text, "password")
    if b"<<" not in text:
        return
    for start, end in lines_with(lowered, _READERS):
        if not _READS.search(text, start, end):
            continue
        for found in _HERE.finditer(text, start, end):
            if not VARIABLE.fullmatch(found["secret"]):
                yield SecretSpan(*found.span("secret"), "password")
        opened = _HERE_DOCUMENT.search(text, start, min(len(text), end + 1))
        if opened is not None:
            yield from _document(text, opened)


def _document(text: bytes, opened: re.Match[bytes]) -> Iterator[SecretSpan]:
    at = opened.end()
    for _ in range(MOST_IN_LIST):
        end = line_end(text, at)
        line = text[at:end]
        if not line or line.strip() == opened["mark"]:
            return
        begin = at + line.find(b":") + 1
        if not VARIABLE.fullmatch(text[begin:end]):
            yield SecretSpan(begin, end, "password")
        at = text.find(b"\n", end) + 1
        if not at:
            return
