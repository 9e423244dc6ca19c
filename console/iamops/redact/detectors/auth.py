"""AUTH of Redis, HELLO and of mail, and passwords that are piped into a command. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from iamops.redact.spans import SecretSpan, hits, line_end, lines_with

_WORD = re.compile(rb"""\\{0,3}"(?P<quoted>(?:[^"\\\n]|\\[^"\n])*+)\\{0,3}"|(?P<bare>[^\s"'\\]++)""")
_AUTH = re.compile(rb"""(?P<open>\\{0,3}")?(?P<word>auth)(?P<close>\\{0,3}")?[ ]{1,4}(?=\S)""", re.IGNORECASE)
_MECHANISM = re.compile(
    rb"(?:PLAIN|LOGIN|XOAUTH2|OAUTHBEARER|CRAM-MD5|EXTERNAL|NTLM|SCRAM-SHA-\d+)\Z", re.IGNORECASE
)
_ENCODED = re.compile(rb"[A-Za-z0-9+/_\-]{6,}+={0,2}\Z")
# What a server, or a log about it, says of AUTH.
_STATEMENT = re.compile(
    rb"(?:fail\w*|required|err\w*|ok|success\w*|succeeded|command|called|is|was|not|no|type|method|timeout|token|mechanism\w*"
    rb"|username|user|data|disabled|enabled|denied|with|without|for|from|to|by|and|or|service|server|module|PASS|AH|-|:|=)\Z",
    re.IGNORECASE,
)
# How it ended, in the last of the words. A user may be called `timed`: only both words together say it.
_OUTCOME = re.compile(
    rb"(?:\A|[ ])(?:tim(?:ed|es|ing)[ \-]out|rejected|refused|aborted|expired|accepted|completed)[:,.;]?\Z",
    re.IGNORECASE,
)
# Such words may be a Redis user's name as well: then what follows mixes letters and digits, as no sentence does.
_NAME_TOO = re.compile(rb"(?:user|service|data)\Z", re.IGNORECASE)
_MIXED = re.compile(rb"(?=[^a-zA-Z]{0,256}[a-zA-Z])(?=[^0-9]{0,256}[0-9])[^\s=/]{8,256}\Z")
MOST_LINES = 4
_PIPED = re.compile(
    rb"""\b(?:echo|printf)[ \t]{1,8}(?:-\w{1,4}[ \t]{1,8})?(?:["']?%s(?:\\n)?["']?[ \t]{1,8})?"""
    rb"""(?P<q>["']?)(?P<user>[\w.\-]{1,64}:)?(?P<secret>[^"'|\n]{1,256})(?P=q)[ \t]{0,8}\|(?P<to>[^\n]{0,200})"""
)
_TAKES = re.compile(
    rb"chpasswd|--stdin|password-stdin|sudo (?:-\w+ )*-S|kinit"
    rb"|smbpasswd|cryptsetup|openssl|gpg|passwd|htpasswd -[a-zA-Z]*i"
)
_TAKERS = (b"chpasswd", b"stdin", b"sudo -s", b"kinit", b"smbpasswd", b"cryptsetup", b"gpg", b"passwd")


def spans(text: bytes, lowered: bytes) -> Iterator[SecretSpan]:
    if b"auth" in lowered:
        yield from _auth(text, lowered)
    if b"|" in text and (b"echo" in lowered or b"printf" in lowered):
        for start, end in lines_with(lowered, (b"echo", b"printf")):
            yield from _piped(text, start, end)


def _auth(text: bytes, lowered: bytes) -> Iterator[SecretSpan]:
    done = 0
    for at in hits(lowered, (b"auth",)):
        if at < done:
            continue
        begin = at - 1 if text[at - 1 : at] == b'"' else at
        found = _AUTH.match(text, begin)
        inside_word = (begin == at and text[at - 1 : at].isalnum()) or text[begin - 1 : begin] in (
            b"-",
            b"_",
            b".",
        )
        if found is None or inside_word:
            continue
        quoted = found["open"] is not None and found["close"] is not None
        at_prompt = text[max(0, begin - 2) : begin] == b"> "
        if not quoted and not at_prompt and found["word"] != b"AUTH":
            continue
        done = found.end()
        yield from _arguments(text, found.end(), quoted=quoted)


def _arguments(text: bytes, at: int, *, quoted: bool) -> Iterator[SecretSpan]:
    """One argument is the password; of two the second is, behind the user's name or a way of logging in."""
    end = line_end(text, at)
    if text.startswith(b"<", at):
        return  # a place for one, in a description
    words = []
    for _ in range(3):
        word = _WORD.match(text, at, min(end, at + 4096))
        if word is None:
            break
        words.append(word.span("quoted" if word["quoted"] is not None else "bare"))
        spaces = len(text[word.end() : word.end() + 4]) - len(text[word.end() : word.end() + 4].lstrip(b" "))
        at = word.end() + spaces
        if not spaces:
            break
    if not words:
        return
    first = text[slice(*words[0])]
    if _MECHANISM.match(first):
        yield from _of_mail(text, words[1:], end)
    elif not quoted and _OUTCOME.search(text[words[0][0] : words[-1][1]]):
        return
    elif len(words) == 2 or (quoted and len(words) == 3):
        second = text[slice(*words[1])]
        a_login = _NAME_TOO.match(first) and _MIXED.match(second)
        if quoted or a_login or not (_STATEMENT.match(first.rstrip(b":,.;")) or _STATEMENT.match(second)):
            yield SecretSpan(*words[1], "password")
    elif len(words) == 1 and not _STATEMENT.match(first.rstrip(b":,.;")) and not first.startswith(b"["):
        yield SecretSpan(*words[0], "password")


def _of_mail(text: bytes, words: list[tuple[int, int]], end: int) -> Iterator[SecretSpan]:
    """The answer stands behind the mechanism, or alone on one of the next lines."""
    if words:
        answer = text[slice(*words[0])]
        if _ENCODED.match(answer) and not any(
            pattern.match(answer) for pattern in (_MECHANISM, _STATEMENT, _OUTCOME)
        ):
            yield SecretSpan(*words[0], "password")
        return
    for _ in range(MOST_LINES):
        start = text.find(b"\n", end) + 1
        if not start:
            return
        end = line_end(text, start)
        line = text[start : min(end, start + 4096)].partition(b'"')[0]
        word = line.rsplit(None, 1)[-1] if line.strip() else b""
        if not _ENCODED.match(word) or len(line.split()) > 2:
            return
        if not line.startswith(b"334"):
            yield SecretSpan(start + len(line.rstrip()) - len(word), start + len(line.rstrip()), "password")


def _piped(text: bytes, start: int, end: int) -> Iterator[SecretSpan]:
    while (found := _PIPED.search(text, start, end)) is not None:
        if _TAKES.search(found["to"]):
            takes_login = found["user"] is not None and b"chpasswd" in found["to"]
            begin = found.start("secret") if takes_login or found["user"] is None else found.start("user")
            yield SecretSpan(begin, found.end("secret"), "password")
        start = found.end("secret")


# Redis's commands, as MONITOR and its clients print them: values that the key or field before them gives away.

_COMMAND = re.compile(
    rb"\\{0,3}\"(?P<command>P?SET(?:EX|NX)?|GETSET|APPEND|H(?:M?SET|SETNX)|MSET|MIGRATE)\\{0,3}\"(?= \\{0,3}\")",
    re.IGNORECASE,
)
_ARGUMENT = re.compile(
    rb" \\{0,3}\"(?P<inside>(?:[^\"\\\n]|\\(?=[^\"\n]))*+(?:\\\"[^\"\\\n]*+)*?)\\{0,3}\"(?=[ \n\r\"}\],]|\Z)"
)
_SECRET = re.compile(rb"pass|pwd|secret|token|session|otp\b|credential|api_?key|jwt|private", re.IGNORECASE)
_COUNTED = re.compile(rb"[0-9.]{0,20}|(?:EX|PX|EXAT|NX|XX|KEEPTTL|GET)", re.IGNORECASE)
_AUTH2 = b"AUTH2"
MOST_WORDS = 64
COMMAND_BYTES = 16 * 1024


def redis_spans(text: bytes, lowered: bytes) -> Iterator[SecretSpan]:
    if b'"' not in text:
        return
    done = 0
    for found in _COMMAND.finditer(text):
        words = _words(text, found.end()) if found.start() >= done else []
        inside = [text[slice(*word)] for word in words]
        for n in _given_away(found["command"].upper(), inside):
            if not _COUNTED.fullmatch(inside[n]):
                yield SecretSpan(*words[n], "redis_value")
        done = max(done, words[-1][1] if words else 0)


def _words(text: bytes, at: int) -> list[tuple[int, int]]:
    end, words = min(len(text), at + COMMAND_BYTES), list[tuple[int, int]]()
    while len(words) < MOST_WORDS and (word := _ARGUMENT.match(text, at, end)) is not None:
        words.append(word.span("inside"))
        at = word.end()
    return words


def _given_away(command: bytes, words: list[bytes]) -> Iterator[int]:
    if command == b"MIGRATE":
        yield from (n + 2 for n in range(len(words) - 2) if words[n].upper() == _AUTH2)
    elif command.startswith(b"H"):
        whole = bool(words) and _SECRET.search(words[0]) is not None
        yield from (n + 1 for n in range(1, len(words) - 1, 2) if _SECRET.search(words[n]) or whole)
    elif command == b"MSET":
        yield from (n + 1 for n in range(0, len(words) - 1, 2) if _SECRET.search(words[n]))
    elif words and _SECRET.search(words[0]):
        yield from range(1, len(words))
