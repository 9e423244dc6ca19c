r"""Reads an nginx log_format: what stands in a line, in which order, which numbers it gives, and how they are
taken out of a line. Pure.

Source: ngx_http_log_module. Values are escaped by nginx before they are written: `\xHH` for quotes,
backslashes and control characters by default, as in JSON with `escape=json`, not at all with `escape=none`.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Container, Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum

from iamops.accesslog.shapes import VariableShape, anchored, pattern, shape_of

MAIN = (
    '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" '
    '"$http_user_agent" "$http_x_forwarded_for"'
)
IAMOPS = (
    f"{MAIN} host=$host upstream=$upstream_addr upstream_status=$upstream_status "
    "request_time=$request_time upstream_time=$upstream_response_time request_id=$request_id"
)
NAMED = {"main": MAIN, "iamops": IAMOPS}

_ESCAPE = re.compile(r"\s*escape=(?P<escape>default|json|none)\s+")
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
class Token:
    """A literal piece of the line, or a variable's value."""

    text: str
    variable: bool = False

    @property
    def part(self) -> str | VariableShape:
        return shape_of(self.text) if self.variable else self.text


Tokens = tuple[Token, ...]


@dataclass(frozen=True, slots=True)
class LogFormat:
    """A line as `segments`: pieces between double quotes, which no client can write into a value.

    `fields`: field -> the variable that has it; a missing field is unknown. `doubtful`: variable -> why its value
    cannot be used, although a line has it.
    """

    text: str
    escape: Escape
    segments: tuple[Tokens, ...]
    fields: dict[LogField, str]
    doubtful: dict[str, str] = field(default_factory=dict)

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
    """The format of a profile's `logs.format`: `main`, `iamops`, or the log_format itself. Raises FormatError."""
    return log_format(NAMED.get(text, text))


def log_format(text: str) -> LogFormat:
    """Compiles what follows the name in a log_format directive. Raises FormatError."""
    if len(text) > MOST_CHARS:
        raise FormatError(f"it has more than {MOST_CHARS} characters")
    match = _ESCAPE.match(text)
    escape, body = (Escape(match["escape"]), text[match.end() :]) if match else (Escape.DEFAULT, text)
    # Lines are handled as latin-1 text, one character for each byte. Every second part is a variable.
    parts = enumerate(_VARIABLE.split(body.encode("utf-8", "surrogateescape").decode("latin-1")))
    tokens = [Token(part.strip("${}") if n % 2 else part, variable=bool(n % 2)) for n, part in parts if part]
    variables = [token.text for token in tokens if token.variable]
    if len(variables) > MOST_VARIABLES:
        raise FormatError(f"it has more than {MOST_VARIABLES} variables")
    if "status" not in variables:
        raise FormatError("without $status no request can be told from another; add it to the format")
    for left, right in itertools.pairwise(tokens):
        if left.variable and right.variable:
            raise FormatError(f"nothing stands between ${left.text} and ${right.text}: put a space between them")
    if escape is Escape.NONE and (name := next((name for name in variables if shape_of(name).client), "")):
        raise FormatError(
            f"with escape=none a client writes whole lines by ${name}: use escape=json, or leave it out"
        )
    segments = _segments(tokens)
    doubtful = _doubtful(segments)
    if "status" in doubtful:
        raise FormatError(f"{doubtful['status']}: put quotes around it")
    fields = {
        field: next(name for name in names if name in variables and name not in doubtful)
        for field, names in TELLS.items()
        if not set(names).isdisjoint(set(variables) - set(doubtful))
    }
    return LogFormat(text, escape, segments, fields, doubtful)


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


def _segments(tokens: list[Token]) -> tuple[Tokens, ...]:
    """Cut at every double quote: nginx escapes those inside a value."""
    segments: list[list[Token]] = [[]]
    for token in tokens:
        if token.variable:
            segments[-1].append(token)
            continue
        first, *others = token.text.split(QUOTE)
        segments[-1].extend([Token(first)] if first else [])
        segments.extend([Token(piece)] if piece else [] for piece in others)
    return tuple(tuple(segment) for segment in segments)


# --- how values are taken out of a line: the few searches that a format and the wanted variables need ---
#
# The rules are the same here and in a node's awk, so any line gives the same values on both sides. What stands
# before the first text that a client chooses is taken from the left, what stands behind it found from the right.


@dataclass(frozen=True, slots=True)
class ExtractStep:
    """Takes one value. First `prefix` must stand there; or everything up to and with each of `skips` goes.

    The value has `width` characters, and then `until` must follow; or is what `whole` matches, and then `until`
    must follow; or ends where `until` first occurs, or with the piece. `last`: no more is taken from this piece.
    """

    variable: str
    prefix: str = ""
    skips: tuple[str, ...] = ()
    width: int = 0
    whole: str = ""
    until: str = ""
    last: bool = False


@dataclass(frozen=True, slots=True)
class Cut:
    """Finds the piece's tail: what begins with its only `literal`, or else matches `tail` up to its end.

    `width`: the tail always has so many characters. `client` takes a value out of what stands before the tail;
    then more is taken out of what follows the literal.
    """

    literal: str
    tail: str
    width: int = 0
    client: ExtractStep | None = None
    last: bool = False


@dataclass(frozen=True, slots=True)
class _TokenRun:
    """Tokens whose values can be taken one after the other. `open`: the last one goes on up to the tail."""

    tokens: Tokens
    open: bool
    tail: Tokens


def findable(tokens: Tokens) -> frozenset[str]:
    """The variables of a piece whose values can be found, and that no client's text can move or stretch."""
    return frozenset(token.text for run in _token_runs(tokens) for token in run.tokens if token.variable)


def plan_of(tokens: Tokens, wanted: Container[str]) -> tuple[ExtractStep | Cut, ...]:
    """What takes the wanted variables out of one piece of the line, from left to right."""
    found: list[ExtractStep | Cut] = []
    runs = list(_token_runs(tokens))
    needed = [any(token.variable and token.text in wanted for token in run.tokens) for run in runs]
    for number, run in enumerate(runs):
        if not any(needed[number:]):
            break
        plan: list[ExtractStep | Cut] = list(_run_steps(run.tokens, wanted))
        last = plan.pop() if run.open and run.tokens[-1].text in wanted else None
        if run.tail and (last is not None or any(needed[number + 1 :])):
            client = replace(last, last=True) if isinstance(last, ExtractStep) else None
            parts = [token.part for token in run.tail]
            widths = [len(part) if isinstance(part, str) else part.width for part in parts]
            width = sum(widths) if all(widths) else 0
            plan.append(Cut(run.tail[0].text, pattern(parts), width, client))
        elif last is not None:
            plan.append(last)
        found += plan
    return (*found[:-1], replace(found[-1], last=True)) if found else ()


def extract(piece: str, plan: tuple[ExtractStep | Cut, ...]) -> dict[str, str]:
    """The values; empty from where the piece is not as planned."""
    found: dict[str, str] = {}
    for step in plan:
        if isinstance(step, ExtractStep):
            found[step.variable], piece = _take_value(piece, step)
            continue
        before, piece = _split_at_tail(piece, step)
        if step.client is not None:
            found[step.client.variable], _ = _take_value(before, step.client)
    return found


def _token_runs(tokens: Tokens) -> Iterator[_TokenRun]:
    """Each run begins behind what was cut off before it."""
    while tokens:
        variables = (at for at, token in enumerate(tokens) if token.variable)
        at = next((at for at in variables if not _shows_its_end(tokens, at)), None)
        if at is None:
            yield _TokenRun(tokens, open=False, tail=())
            return
        behind = range(at + 1, len(tokens))
        begin = next((n for n in behind if anchored([token.part for token in tokens[n:]])), len(tokens))
        tail = tokens[begin:]
        is_open = begin == at + 1 and (bool(tail) or shape_of(tokens[at].text).client)
        yield _TokenRun(tokens[: at + is_open], open=is_open, tail=tail)
        tokens = tail[1:]


def _shows_its_end(tokens: Tokens, at: int) -> bool:
    """Whether a value with a known beginning shows where it ends."""
    shape = shape_of(tokens[at].text)
    if shape.client:
        return False
    if at + 1 == len(tokens) or shape.width or _ended_by_literal(tokens, at):
        return True
    # A list goes on behind a comma or a colon, and so it would with what a client writes.
    until, behind = tokens[at + 1].text, tokens[at + 2 : at + 3]
    listed = shape.many and until[0] in " ," and not until.startswith((", ", " : "))
    return listed and not any(shape_of(token.text).client for token in behind)


def _ended_by_literal(tokens: Tokens, at: int) -> bool:
    """Whether the literal behind a value has a character that no such value has: the value ends there."""
    return at + 1 < len(tokens) and not shape_of(tokens[at].text).chars.issuperset(tokens[at + 1].text)


def _run_steps(tokens: Tokens, wanted: Container[str]) -> Iterator[ExtractStep]:
    named = [at for at, token in enumerate(tokens) if token.variable and token.text in wanted]
    if not named:
        return
    # What does not end at the first occurrence of the next literal must be taken to get behind it.
    passed_by = [at for at in range(named[-1]) if tokens[at].variable and not _ended_by_literal(tokens, at)]
    at = 0
    for index in sorted({*named, *passed_by}):
        passed = tokens[at:index]
        shape, name = shape_of(tokens[index].text), tokens[index].text
        at_start = at == 0 and index == 1 and not passed[0].variable
        until = tokens[index + 1].text if index + 1 < len(tokens) else ""
        yield ExtractStep(
            name if index in named else "",
            prefix=passed[0].text if at_start else "",
            skips=() if at_start else _literals_to_skip(passed),
            width=shape.width,
            whole=shape.pattern if until and shape.many and not _ended_by_literal(tokens, index) else "",
            until=until,
        )
        at = index + 2


def _literals_to_skip(passed: Tokens) -> tuple[str, ...]:
    """One search where the last literal has something that nothing before it has; its last character may do."""
    if not passed:
        return ()
    *before, last = passed
    earlier = {char for token in before for char in (shape_of(token.text).chars if token.variable else token.text)}
    if last.text[-1] not in earlier and last.text.index(last.text[-1]) == len(last.text) - 1:
        return (last.text[-1],)
    if not earlier.issuperset(last.text):
        return (last.text,)
    return tuple(token.text for token in passed if not token.variable)


def _split_at_tail(piece: str, cut: Cut) -> tuple[str, str]:
    """What stands before the tail, and what follows its literal; both empty where there is no tail."""
    if cut.width:
        at = len(piece) - cut.width
        at = at if at >= 0 and piece.startswith(cut.literal, at) else -1
    else:
        at = piece.find(cut.literal)
        if at >= 0 and piece.find(cut.literal, at + 1) >= 0:
            match = re.search(rf"{cut.tail}\Z", piece)
            at = match.start() if match is not None else -1
    return ("", "") if at < 0 else (piece[:at], piece[at + len(cut.literal) :])


def _take_value(piece: str, step: ExtractStep) -> tuple[str, str]:
    if step.prefix:
        piece = piece[len(step.prefix) :] if piece.startswith(step.prefix) else ""
    for literal in step.skips:
        piece = piece.partition(literal)[2]
    if step.whole:
        match = re.match(step.whole, piece)
        return _cut_before(piece, match.end() if match is not None else 0, step.until)
    if step.width:
        return _cut_before(piece, step.width, step.until)
    if not step.until:
        return piece, ""
    value, found, rest = piece.partition(step.until)
    return (value, rest) if found else ("", "")


def _cut_before(piece: str, end: int, until: str) -> tuple[str, str]:
    """The first characters, if `until` follows them, and what stands behind."""
    if until and not piece.startswith(until, end):
        return "", ""
    return piece[:end], piece[end + len(until) :]
