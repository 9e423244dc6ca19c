"""Values of SQL statements, by the place of their column, over several lines too. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from iamops.redact.spans import SecretSpan, hits

_SPACE = rb"[ \t\r\n]{1,64}"
_INSERT = re.compile(
    rb"(?:insert|replace)"
    + _SPACE
    + rb"(?:(?:low_priority|delayed|high_priority|ignore|overwrite)[ \t]{1,16}){0,2}"
    rb"(?:into" + _SPACE + rb""")?(?P<table>[\\`"\[\]\w.$]{1,160})[ \t\r\n]{0,64}(?P<columns>\()?""",
    re.IGNORECASE,
)
_VALUES = re.compile(rb"[^()';]{0,200}?\bvalues?\b[^(';]{0,200}(?=\()", re.IGNORECASE)
_ANOTHER_ROW = re.compile(rb"[ \t\r\n\\]{0,64},[^('\";]{0,200}(?=\()")
_TOKEN = re.compile(
    rb"""\\++"[^"\n]*+"|'(?:[^'\\]|\\.|'')*+'?|"(?:[^"\\]|\\.|"")*+"?|`[^`\n]*+`?|[^,'"`()\\]++|\\|[,()]""",
    re.DOTALL,
)
_LITERAL = re.compile(rb"""\\*["'`](?P<inside>.*?)\\*["'`]?\Z""", re.DOTALL)
_SECRET_COLUMN = re.compile(
    rb"pass(?!ed|ing|port)|pwd|pw\Z|secret(?!_?id\Z)|token(?!_?(?:id|type)\Z)|(?:\A|_|private|api|access|signing|encryption|auth)key\Z"
    rb"|credential|private|otp|mfa|\bpin\b|salt|hash|signature|cvv|recovery|cookie|session(?!_?at)|dsn\Z|auth_?(?:data|string|code)",
    re.IGNORECASE,
)
_SECRET_TABLE = re.compile(rb"secret|credential|token|passw|api_?key|session", re.IGNORECASE)
_NOTHING = re.compile(rb"(?:null|default|true|false|now\(?\)?|\?|[:$@]\w*|)\Z", re.IGNORECASE)
_ARGUMENTS = re.compile(
    rb"[^\n\[]{0,80}?\b(?:args?|arguments|params?|parameters|binds?|values|vars)\b[\"':= ]{0,4}\[", re.IGNORECASE
)
_ARGUMENT = re.compile(rb"""[\s,]*+(\\++"[^"\n]*+"|"(?:[^"\\\n]|\\.)*+"|'[^'\n]*+'|[^\s,\]]++)""")
_ASSIGNED = re.compile(rb"""(?<![\w.])[`"\[\\]{0,3}key[`"\]\\]{0,3}[ ]{0,8}=[ ]{0,8}(?=['"\\])""", re.IGNORECASE)
COLUMNS_BYTES = 8192
STATEMENT_BYTES = 4096
MOST_ARGUMENTS = 100
# A quoted text has an end somewhere; one that has not is cut here.
LITERAL_BYTES = 65536
KIND = "sql_value"
_STATEMENTS = (b"insert", b"replace", b"update")


def spans(text: bytes, lowered: bytes) -> Iterator[SecretSpan]:
    done = 0
    for at in sorted(hits(lowered, tuple(word for word in (b"insert", b"replace") if word in lowered))):
        found = _INSERT.match(text, at) if at >= done else None
        if found is None:
            continue
        done = found.end()
        for span in _inserted(text, found):
            done = max(done, span.end)
            yield span
    for needle in _STATEMENTS:
        if needle in lowered and b"key" in lowered:
            yield from _assigned(text, lowered, needle)


def _inserted(text: bytes, found: re.Match[bytes]) -> Iterator[SecretSpan]:
    places: frozenset[int] | None = None
    at = found.end()
    if found["columns"] is not None:
        close = text.find(b")", at, at + COLUMNS_BYTES)
        if close < 0:
            return
        names = [name.strip(b"`\"'[]\\ \t\r\n").rsplit(None, 1)[-1:] for name in text[at:close].split(b",")]
        places = frozenset(
            n for n, name in enumerate(names) if name and _SECRET_COLUMN.search(name[0].strip(b"`\"'[]\\"))
        )
        at = close + 1
        if not places:
            return
    elif not _SECRET_TABLE.search(found["table"]):
        return
    values = _VALUES.match(text, at)
    while values is not None:
        at, prepared = values.end(), False
        for span in _row(text, at + 1, places):
            if span.kind == "":
                at, prepared = span.start, span.end != span.start
            else:
                yield span
        if prepared:
            yield from _prepared(text, at, places)
        values = _ANOTHER_ROW.match(text, at)


def _row(text: bytes, at: int, places: frozenset[int] | None) -> Iterator[SecretSpan]:
    """The secret values of a row; last a span without a kind: where it ends, not empty where all were `?`."""
    depth, place, values, marks = 1, 0, 0, 0
    while depth:
        token = _TOKEN.match(text, at, min(len(text), at + LITERAL_BYTES))
        if token is None:
            break
        word, at = token[0], token.end()
        if word == b"(":
            depth += 1
        elif word == b")":
            depth -= 1
        elif word == b"," and depth == 1:
            place += 1
        elif word.strip():
            values, marks = values + 1, marks + (word.strip() in (b"?", b"%s") or word.strip()[:1] == b"$")
            if places is None or place in places:
                yield from _value(token, strings_only=places is None)
    yield SecretSpan(at, at + (0 < values == marks), "")


def _value(token: re.Match[bytes], *, strings_only: bool) -> Iterator[SecretSpan]:
    literal = _LITERAL.match(token[0])
    if literal is not None:
        start, end = literal.span("inside")
        yield SecretSpan(token.start() + start, token.start() + end, KIND)
    elif not strings_only:
        # On a journal's next line the value stands behind what journalctl puts before it.
        word = token[0].split()[-1]
        end = token.start() + len(token[0].rstrip())
        if not _NOTHING.match(word):
            yield SecretSpan(end - len(word), end, KIND)


def _prepared(text: bytes, at: int, places: frozenset[int] | None) -> Iterator[SecretSpan]:
    """`VALUES (?, ?)`, and behind it the values: `args: ["x", "SECRET"]`."""
    listed = _ARGUMENTS.match(text, at)
    if listed is None:
        return
    at, place, end = listed.end(), 0, min(len(text), listed.end() + STATEMENT_BYTES)
    while place < MOST_ARGUMENTS and (word := _ARGUMENT.match(text, at, end)) is not None:
        if places is None or place in places:
            start, end = word.span(1)
            inside = word[1].strip(b"\\\"'")
            start += word[1].find(inside)
            yield SecretSpan(start, start + len(inside), KIND)
        at, place = word.end(), place + 1


def _assigned(text: bytes, lowered: bytes, needle: bytes) -> Iterator[SecretSpan]:
    """`UPDATE secret SET key = 'x'`: in a statement a bare `key` is a column."""
    done = 0
    for at in hits(lowered, (needle,)):
        if at < done:
            continue
        done = min(len(text), at + STATEMENT_BYTES)
        if not re.search(rb"\bset\b|\bduplicate key\b", lowered[at : at + 400]):
            done = at + len(needle)
            continue
        for found in _ASSIGNED.finditer(text, at, done):
            literal = _TOKEN.match(text, found.end(), done)
            if literal is not None:
                yield from _value(literal, strings_only=True)
