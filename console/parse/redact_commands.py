"""Passwords that somebody typed: options of mysql, redis-cli, curl and others, SQL statements, ACLs. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from console.parse.redact_spans import Span, lines_with
from console.parse.redact_values import value_at


@dataclass(frozen=True, slots=True)
class Habit:
    """On the rest of a line behind one of `needles`, a value follows whatever `lead` matches."""

    needles: tuple[bytes, ...]
    lead: re.Pattern[bytes]
    kind: str = "password"


_HABITS = (
    Habit(
        (b"mysql", b"mariadb", b"mongo", b"sshpass"),
        re.compile(rb"(?<=[\s\"'])-p(?=[^\s\-])|(?<=[\s\"'])-p[ ]+(?=[^\s\-])"),
    ),
    Habit((b"redis-cli", b"keydb-cli"), re.compile(rb"(?<=[\s\"'])-a[ =]*(?=\S)")),
    Habit(
        (b"curl", b"wget", b"http "),
        re.compile(rb"(?<=[\s\"'])(?:-u|--user|--proxy-user)[ =]*[\"']?[^\s:\"']*:(?=\S)"),
    ),
    Habit((b"curl",), re.compile(rb"(?<=[\s\"'])(?:-b|--cookie)[ =]+(?=\S)"), "cookie"),
    Habit((b"htpasswd",), re.compile(rb"(?<=\s)-[a-zA-Z0-9]*b[a-zA-Z0-9]*\s+\S+\s+\S+\s+(?=\S)")),
    Habit((b"openssl", b"pass:"), re.compile(rb"\bpass:(?=\S)")),
    Habit(
        (b"identified",),
        re.compile(rb"\bidentified\s+(?:with\s+\S+\s+)?(?:by|as|using)\s+(?:password\s+)?(?=\S)", re.I),
    ),
    Habit((b"password(",), re.compile(rb"password\(\s*(?=[\"'])", re.I)),
    Habit((b"login ", b"machine "), re.compile(rb"\blogin[ ]+\S+[ ]+password[ ]+(?=\S)")),
    Habit((b"user ",), re.compile(rb"(?<=\s)>(?=\S)")),
    Habit((b"user ",), re.compile(rb"(?<=\s)#(?=[0-9a-f]{64}\b)"), "password_hash"),
    Habit((b"auth",), re.compile(rb"(?<![A-Za-z0-9_\-])\"?AUTH\"?[ ](?:\"?default\"?[ ])?(?=[\"']|\S+\s*\Z)")),
    Habit((b"auth-pass",), re.compile(rb"\bauth-pass[ ]+\S+[ ]+(?=\S)")),
    Habit((b"useradd", b"usermod"), re.compile(rb"(?<=\s)-p[ ]*(?=\S)")),
    Habit((b"snmp", b"community"), re.compile(rb"\bcommunity[ =:]+(?=\S)", re.I), "community"),
)


def spans(text: bytes, lowered: bytes) -> Iterator[Span]:
    for habit in _HABITS:
        for start, end in lines_with(lowered, habit.needles):
            yield from _on_line(habit, text[start:end], start)


def _on_line(habit: Habit, line: bytes, offset: int) -> Iterator[Span]:
    at = 0
    while (lead := habit.lead.search(line, at)) is not None:
        value = value_at(line, lead.end())
        if value.end > value.start:
            yield Span(offset + value.start, offset + value.end, habit.kind)
        at = max(value.after, lead.end())
