"""Log lines made fit to be kept and shown: harmless, bounded, and how loud they are. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache

from iamops.accesslog.count import values
from iamops.accesslog.format import Clock, Field, LogFormat
from iamops.accesslog.values import SECONDS
from iamops.model.facts import Severity
from iamops.model.safe_text import safe_bytes
from iamops.model.text import uncoloured
from iamops.redact.redact import redact

# What is kept of one line. Longer ones end with an ellipsis and how much is missing.
LINE_BYTES = 4000
BEYOND = 4096

_STATUS = re.compile(rb'" ([45])\d\d ')
_LEVEL = re.compile(rb"^\S+ \S+ \[([a-z]+)\] ")
# A quote inside a JSON string is written \", so no message can look like the field.
_PRIORITY = re.compile(rb'"PRIORITY" ?: ?"([0-7])"')

LEVELS = {
    b"warn": Severity.WARNING,
    b"error": Severity.CRITICAL,
    b"crit": Severity.CRITICAL,
    b"alert": Severity.CRITICAL,
    b"emerg": Severity.CRITICAL,
}
ERR, WARNING = 3, 4


def log_text(line: bytes) -> str:
    """The line without secrets and colours, harmless for a terminal, of at most LINE_BYTES and a note."""
    line = uncoloured(line)
    # A secret that would be cut in two is looked at whole.
    clean = redact(line[: LINE_BYTES + BEYOND]).text
    text = safe_bytes(clean[:LINE_BYTES], LINE_BYTES)
    # What was not printable has grown: a NUL is four characters now.
    text = text if len(text) <= LINE_BYTES else f"{text[: LINE_BYTES - 1]}…"
    more = len(line) - LINE_BYTES
    return text if more <= 0 else f"{text.rstrip('…')}… (+{more} bytes)"


def access_severity(line: bytes) -> Severity:
    """From the status of the answer: 5xx served nobody, 4xx may well be the client's fault."""
    match = _STATUS.search(line)
    return severity_of(match[1].decode()) if match is not None else Severity.INFO


def severity_of(status: str) -> Severity:
    """Of an answer's status, or its class."""
    return {"5": Severity.CRITICAL, "4": Severity.WARNING}.get(status[:1], Severity.INFO)


def error_severity(line: bytes) -> Severity:
    """From nginx's own level."""
    match = _LEVEL.match(line)
    return LEVELS.get(match[1], Severity.INFO) if match is not None else Severity.INFO


def journal_severity(line: bytes) -> Severity | None:
    """From the syslog priority of a JSON entry; None where that says nothing: all that goes to stdout has 6."""
    match = _PRIORITY.search(line)
    if match is None or int(match[1]) > WARNING:
        return None
    return Severity.CRITICAL if int(match[1]) <= ERR else Severity.WARNING


# When a log line was written, from what it says itself. Pure.
#
# A line's text is partly written by clients (a user name, a path), so a time counts only where nginx puts it:
# at the beginning, or before the first quote. nginx writes a quote inside a variable as \x22.

# A time further in than this is somebody's text.
LOOKED_AT = 1024
MONTHS = (b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec")

# $time_local: [24/Nov/2026:17:46:29 +0000]
_CLF = re.compile(rb"\[(\d\d)/([A-Z][a-z]{2})/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)\]")
# The error log: 2026/11/24 17:46:29, in the node's own zone
_ERROR = re.compile(rb"(\d{4})/(\d\d)/(\d\d) (\d\d):(\d\d):(\d\d)\b")
# $time_iso8601 and its relatives: 2026-11-24T17:46:29.120+00:00, ...Z
_ISO = re.compile(
    rb"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?(?:(Z)|([+-])(\d\d):?(\d\d))?(?![0-9:])"
)


def logged_at(line: bytes, zone_s: int = 0) -> float | None:
    """Epoch seconds on the node's clock; None for a line that does not tell.

    `zone_s` is the node's offset east of UTC: for times that name no zone.
    """
    if (match := _ERROR.match(line)) is not None:
        return _plain(match[0], zone_s)
    head = line[:LOOKED_AT]
    unquoted = head[: head.find(b'"')] if b'"' in head else head
    # The last one: before it may stand the user name, which the client chose.
    for match in reversed(tuple(_CLF.finditer(unquoted))):
        return _clf(match[0])
    match = _ISO.search(unquoted) or _ISO.search(head)
    return _iso(match, zone_s) if match is not None else None


def zone_offset(text: str) -> int:
    """Seconds east of UTC from what `date +%z` prints; 0 if it is something else."""
    match = re.fullmatch(r"([+-])(\d\d)(\d\d)", text.strip())
    return _seconds(match[1], match[2], match[3]) if match is not None else 0


@lru_cache(maxsize=256)
def _clf(stamp: bytes) -> float | None:
    """A busy log says the same second a thousand times."""
    match = _CLF.fullmatch(stamp)
    if match is None or match[2] not in MONTHS:
        return None
    day, year, hour, minute, second = (int(match[n]) for n in (1, 3, 4, 5, 6))
    zone_s = _seconds(match[7].decode(), match[8].decode(), match[9].decode())
    return _epoch((year, MONTHS.index(match[2]) + 1, day, hour, minute, second), zone_s)


@lru_cache(maxsize=256)
def _plain(stamp: bytes, zone_s: int) -> float | None:
    match = _ERROR.fullmatch(stamp)
    return None if match is None else _epoch(tuple(int(match[n]) for n in range(1, 7)), zone_s)


def _iso(match: re.Match[bytes], zone_s: int) -> float | None:
    if match[9]:
        zone_s = _seconds(match[9].decode(), match[10].decode(), match[11].decode())
    elif match[8]:
        zone_s = 0
    whole = _epoch(tuple(int(match[n]) for n in range(1, 7)), zone_s)
    return whole if whole is None or not match[7] else whole + float(b"0." + match[7])


def _seconds(sign: str, hours: str, minutes: str) -> int:
    return (int(hours) * 3600 + int(minutes) * 60) * (-1 if sign == "-" else 1)


def _epoch(fields: tuple[int, ...], zone_s: int) -> float | None:
    """None for the thirteenth month, and whatever else digits can say."""
    year, month, day, hour, minute, second = fields
    try:
        zone = timezone(timedelta(seconds=zone_s)) if zone_s else UTC
        return datetime(year, month, day, hour, minute, min(second, 59), tzinfo=zone).timestamp()
    except (ValueError, OverflowError):
        return None


# What an access-log line says by its format: when it was written, and how loud it is. Pure.


def access_line(form: LogFormat, line: bytes, zone_s: int = 0) -> tuple[float | None, Severity]:
    """Epoch seconds on the node's clock, None for a line that does not tell; and what its status means.

    A line that is not in the format is read like one of any other log. `zone_s`: the node's offset east of UTC.
    """
    names = {form.fields[field] for field in (Field.TIME, Field.STATUS) if field in form.fields}
    found = values(form, line.decode("latin-1"), names)
    if found is None:
        return logged_at(line, zone_s), access_severity(line)
    stamp = found[form.fields[Field.TIME]] if Field.TIME in form.fields else ""
    return _at(form.clock, stamp), severity_of(found[form.fields[Field.STATUS]])


def _at(clock: Clock | None, stamp: str) -> float | None:
    match clock:
        case Clock.LOCAL:
            return logged_at(f"[{stamp}]".encode("latin-1"))
        case Clock.MSEC:
            return float(stamp) if SECONDS.fullmatch(stamp) and len(stamp) < 20 else None
        case _:
            return logged_at(stamp.encode("latin-1"))
