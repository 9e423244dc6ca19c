"""Decodes single values of an access log: escapes, times, paths. Pure.

Lines are handled as latin-1 text: one character is one byte, on this side as in a node's awk.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timedelta, timezone
from enum import IntEnum
from functools import lru_cache

from iamops.accesslog.format import ESCAPE, ESCAPED, QUOTE, Escape, TimeFormat
from iamops.model.foreign import json_of

_ATTEMPTS = re.compile(r", | : ")
_HEX = re.compile(r"\\x([0-9A-Fa-f]{2})")
_LOCAL = re.compile(r"(\d{2})/([A-Z][a-z]{2})/(\d{4}):(\d{2}):(\d{2})(?::(\d))?([+-]\d{4})", re.ASCII)
_ISO = re.compile(r"(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2})(?::(\d))?(Z|[+-]\d{2}:?\d{2})", re.ASCII)
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_SECONDS_MAX = 12
# The slot of a line whose time is missing or cannot be read.
NO_TIME = -1
# How nginx writes that there is nothing: by default, and with escape=json.
NOBODY = "-"
NOTHING = ("", NOBODY)


class Resolution(IntEnum):
    """How finely lines are counted over time, in seconds."""

    TEN_SECONDS = 10
    MINUTE = 60


def attempts(upstream: str) -> list[str]:
    """What nginx wrote of each attempt: ", " between them, " : " where a request was redirected internally."""
    return _ATTEMPTS.split(upstream)


def first_attempts(listed: str, *, like: str) -> str:
    """As many of a list's entries as another one has."""
    ends = [match.start() for match in _ATTEMPTS.finditer(listed)]
    number = len(attempts(like))
    return listed[: ends[number - 1]] if len(ends) >= number else listed


def unescaped(value: str, escape: Escape) -> str:
    """A value as the client sent it. It may hold anything: make it safe before it is shown."""
    if escape is Escape.JSON:
        value = value.replace(ESCAPED[0], ESCAPE + ESCAPE).replace(ESCAPED[1], ESCAPE + QUOTE)
    if value.isascii() and ESCAPE not in value:
        return value
    if escape is Escape.DEFAULT:
        value = _HEX.sub(lambda match: chr(int(match[1], 16)), value)
    text = value.encode("latin-1", "replace").decode("utf-8", "replace")
    if escape is not Escape.JSON:
        return text
    try:
        return str(json_of(f'"{text}"'))
    except ValueError:
        return text


def slot_text(value: str, time_format: TimeFormat | None, resolution: Resolution) -> str:
    """The part of a time that names its slot: what is counted by, on the node as here."""
    finer = 2 if resolution is Resolution.TEN_SECONDS else 0
    match time_format:
        case TimeFormat.LOCAL:
            return value[: 17 + finer] + value[21:26]
        case TimeFormat.ISO:
            return value[: 16 + finer] + value[19:25]
        case TimeFormat.MSEC:
            seconds = value.partition(".")[0]
            return str(int(seconds) // resolution) if _is_number(seconds) else ""
        case None:
            return ""


@lru_cache(maxsize=8192)
def slot_of(text: str, time_format: TimeFormat | None, resolution: Resolution) -> int:
    """When the slot begins, in seconds since the epoch; NO_TIME if the text is no time."""
    try:
        if time_format is TimeFormat.LOCAL and (match := _LOCAL.fullmatch(text)):
            day, month, year, hour, minute, ten, zone = match.groups()
            date = (int(year), MONTHS.index(month) + 1, int(day), int(hour), int(minute), int(ten or 0) * 10)
            return epoch_of(date, zone_seconds(zone))
        if time_format is TimeFormat.ISO and (match := _ISO.fullmatch(text)):
            *until_minute, ten, zone = match.groups()
            return epoch_of((*map(int, until_minute), int(ten or 0) * 10), zone_seconds(zone))
        if time_format is TimeFormat.MSEC and _is_number(text):
            return int(text) * resolution
    except (ValueError, OverflowError):
        return NO_TIME
    return NO_TIME


def epoch_of(date: Iterable[int], zone_s: int) -> int:
    """Of (year, month, day, hour, minute, second). Raises ValueError, OverflowError."""
    year, month, day, hour, minute, second = date
    zone = timezone(timedelta(seconds=zone_s))
    return int(datetime(year, month, day, hour, minute, second, tzinfo=zone).timestamp())


def zone_seconds(zone: str) -> int:
    """Seconds east of UTC of `Z`, `+0530` or `+05:30`."""
    if zone == "Z":
        return 0
    digits = zone[1:].replace(":", "")
    return (int(digits[:2]) * 3600 + int(digits[2:]) * 60) * (-1 if zone[0] == "-" else 1)


def _is_number(text: str) -> bool:
    return 0 < len(text) <= _SECONDS_MAX and text.isascii() and text.isdigit()


SECONDS = re.compile(r"[0-9]+(\.[0-9]+)?", re.ASCII)
# Durations are kept in buckets no wider than a 64th of their value.
FINE = 128


def bucket_of(seconds: str) -> str:
    """The milliseconds at which a duration's bucket begins. What is no duration stays as it is."""
    if not SECONDS.fullmatch(seconds) or len(seconds) > _SECONDS_MAX:
        return seconds
    return str(bucket_start(int(float(seconds) * 1000 + 0.5)))


def bucket_start(duration_ms: int) -> int:
    """Where the bucket of a duration begins, in milliseconds."""
    width = 1
    while duration_ms >= FINE:
        duration_ms, width = duration_ms // 2, width * 2
    return duration_ms * width


# A whole path segment that only names one thing among many: a number, or at least eight of hex and dashes.
ID_SEGMENT = "([0-9]+|" + "[0-9A-Fa-f-]" * 8 + "[0-9A-Fa-f-]*)"
_ID = re.compile(f"/{ID_SEGMENT}/")
VALUE_MAX = 200
# Of a list of attempts as much is kept as no upstream has servers.
LIST_MAX = 2000
# RFC 9110, 9.1. What a client sends that begins with no such word is TLS on a plain port, or other rubbish.
METHOD = "[!#$%&'*+.0-9A-Z^_`a-z|~-]+"
INVALID = "(invalid)"


def pattern_of(path: str) -> str:
    """A path without its query, with `:id` for what only names one thing among many."""
    path = path.partition("?")[0][:VALUE_MAX]
    # Twice: a match takes both slashes, so the second of two neighbours waits for the second round.
    return _ID.sub("/:id/", _ID.sub("/:id/", f"{path}/"))[:-1]
