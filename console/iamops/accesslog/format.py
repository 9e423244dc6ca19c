r"""Reads an nginx log_format: what stands in a line, in which order, and which numbers it gives. Pure.

Source: ngx_http_log_module. Values are escaped by nginx before they are written: `\xHH` for quotes,
backslashes and control characters by default, as in JSON with `escape=json`, not at all with `escape=none`.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from iamops.accesslog.extract import Token, Tokens, countable, findable
from iamops.accesslog.shapes import shape_of
from iamops.model.log_format import format_text

_VARIABLE = re.compile(r"(\$\{\w+\}|\$\w+)", re.ASCII)
QUOTE = '"'
ESCAPE = "\\"
# With escape=json, what stands for an escaped backslash and an escaped quote while a line is cut at its quotes:
# nginx writes no control characters.
ESCAPED = ("\x01", "\x02")
# More than any format has: finding where each value stands takes time with the cube of their number.
MOST_VARIABLES, MOST_CHARS = 128, 16_384


class FormatError(ValueError):
    """A log_format from which nothing can be counted; the message says why."""


class Escape(StrEnum):
    """How nginx writes a value that is not plain text."""

    DEFAULT = "default"
    JSON = "json"
    NONE = "none"


class LogField(StrEnum):
    """What a number can be about."""

    STATUS = "status"
    TIME = "time"
    REQUEST = "request"
    METHOD = "method"
    PATH = "path"
    HOST = "host"
    CLIENT = "client"
    BYTES = "bytes"
    AGENT = "agent"
    REQUEST_TIME = "request time"
    UPSTREAM = "backend"
    UPSTREAM_STATUS = "backend's status"
    UPSTREAM_TIME = "backend's time"


class TimeFormat(StrEnum):
    """How a line's time is written."""

    LOCAL = "time_local"
    ISO = "time_iso8601"
    MSEC = "msec"


# The variables that have a field, best first.
TELLS: dict[LogField, tuple[str, ...]] = {
    LogField.STATUS: ("status",),
    LogField.TIME: ("time_iso8601", "time_local", "msec"),
    LogField.REQUEST: ("request",),
    LogField.METHOD: ("request_method",),
    LogField.PATH: ("request_uri", "uri", "document_uri"),
    LogField.HOST: ("host", "http_host", "server_name"),
    LogField.CLIENT: ("remote_addr", "realip_remote_addr"),
    LogField.BYTES: ("body_bytes_sent", "bytes_sent"),
    LogField.AGENT: ("http_user_agent",),
    LogField.REQUEST_TIME: ("request_time",),
    LogField.UPSTREAM: ("upstream_addr",),
    LogField.UPSTREAM_STATUS: ("upstream_status",),
    LogField.UPSTREAM_TIME: ("upstream_response_time",),
}


@dataclass(frozen=True, slots=True)
class LogFormat:
    """A line as `segments`: pieces between double quotes, which no client can write into a value.

    `fields`: field -> the variable that has it; a missing field is unknown. `doubtful`: variable -> why its value
    cannot be used, although a line has it. `counted`: doubtful lists with a client's text behind them, of which as
    many entries are sure as $upstream_addr has.
    """

    text: str
    escape: Escape
    segments: tuple[Tokens, ...]
    fields: dict[LogField, str]
    doubtful: dict[str, str] = field(default_factory=dict)
    counted: frozenset[str] = frozenset()

    @property
    def time_format(self) -> TimeFormat | None:
        """How the time is written; None if a line has none."""
        return TimeFormat(self.fields[LogField.TIME]) if LogField.TIME in self.fields else None

    def has(self, field: LogField) -> bool:
        """Whether a line has it; method and path may come out of the whole request line."""
        if field in (LogField.METHOD, LogField.PATH) and LogField.REQUEST in self.fields:
            return True
        return field in self.fields

    def unavailable(self, field: LogField) -> str:
        """Why a number about the field is not known, and how to fix that."""
        for name in (*TELLS[field], "request"):
            if name in self.doubtful:
                return f"the log format's {self.doubtful[name]}; `logs.format: iamops` puts quotes around it"
        return f"the log format has no {field} (${TELLS[field][0]}); `logs.format: iamops` has"


def named_format(text: str) -> LogFormat:
    """Compiles a profile's `logs.format`. Raises FormatError."""
    if len(text) > MOST_CHARS:
        raise FormatError(f"it has more than {MOST_CHARS} characters")
    try:
        kind, body = format_text(text)
    except ValueError as error:
        raise FormatError(str(error)) from None
    escape = Escape(kind)
    # Lines are handled as latin-1 text, one character for each byte. Every second part is a variable.
    parts = enumerate(_VARIABLE.split(body.encode("utf-8", "surrogateescape").decode("latin-1")))
    tokens = [Token(part.strip("${}") if n % 2 else part, variable=bool(n % 2)) for n, part in parts if part]
    variables = [token.text for token in tokens if token.variable]
    if len(variables) > MOST_VARIABLES:
        raise FormatError(f"it has more than {MOST_VARIABLES} variables")
    if "status" not in variables:
        raise FormatError("without $status no request can be told from another; add it to the format")
    if escape is Escape.NONE and (name := next((name for name in variables if shape_of(name).client), "")):
        raise FormatError(
            f"with escape=none a client writes whole lines by ${name}: use escape=json, or leave it out"
        )
    segments = _segments(_apart(tokens))
    doubtful = _doubtful(segments)
    if "status" in doubtful:
        raise FormatError(f"{doubtful['status']}: put quotes around it")
    sure = set(variables) - set(doubtful)
    lists = {name for tokens in segments for name in countable(tokens)}
    counted = frozenset(lists & set(doubtful) if sure.intersection(TELLS[LogField.UPSTREAM]) else ())
    known = sure | counted
    fields = {
        field: next(name for name in names if name in known)
        for field, names in TELLS.items()
        if not known.isdisjoint(names)
    }
    _refuse_two_ways(segments, fields, doubtful)
    text = body if escape is Escape.DEFAULT else f"escape={escape} {body}"
    return LogFormat(text, escape, segments, fields, doubtful, counted)


_BESIDE = "what stands beside it may be part of it"


def _doubtful(segments: tuple[Tokens, ...]) -> dict[str, str]:
    """Variable -> why its value cannot be found in a line with certainty."""
    found: dict[str, str] = {}
    for tokens in segments:
        names = [token.text for token in tokens if token.variable]
        known = findable(tokens)
        whose = ", ".join(f"${name}" for name in dict.fromkeys(names) if shape_of(name).client)
        for name in names:
            if name not in known:
                why = f"a client chooses what stands in {whose}" if whose else _BESIDE
                found[name] = f"${name} cannot be told apart: {why}"
    return {name: why for name, why in found.items() if not any(name in findable(tokens) for tokens in segments)}


def _apart(tokens: Iterable[Token]) -> list[Token]:
    """With an empty literal between two variables where the first shows its end. Raises FormatError."""
    found: list[Token] = []
    for token in tokens:
        if found and found[-1].variable and token.variable:
            left = shape_of(found[-1].text)
            if not (left.width or left.exact):
                why = f"nothing stands between ${found[-1].text} and ${token.text}"
                raise FormatError(f"{why}, so a line could be read two ways: put a space between them")
            found.append(Token(""))
        found.append(token)
    return found


def _refuse_two_ways(segments: Iterable[Tokens], fields: Container[LogField], doubtful: Mapping[str, str]) -> None:
    """What would be counted, but is a list in doubt, or one of two bare texts of a client. Raises FormatError."""
    bare = ([token.text for token in tokens if token.variable] for tokens in segments)
    pairs = (pair for names in bare for pair in itertools.pairwise(names))
    beside = {name for pair in pairs if all(shape_of(name).client for name in pair) for name in pair}
    for about, names in TELLS.items():
        for name in names if about not in fields and about is not LogField.AGENT else ():
            if name in doubtful and (shape_of(name).many or name in beside):
                raise FormatError(f"{doubtful[name]}, so a line could be read two ways: put quotes around it")


def _segments(tokens: list[Token]) -> tuple[Tokens, ...]:
    """Cut at every double quote: nginx escapes those inside a value."""
    segments: list[list[Token]] = [[]]
    for token in tokens:
        if token.variable:
            segments[-1].append(token)
            continue
        first, *others = token.text.split(QUOTE)
        segments[-1].extend([Token(first)] if first or not token.text else [])
        segments.extend([Token(piece)] if piece else [] for piece in others)
    return tuple(tuple(segment) for segment in segments)
