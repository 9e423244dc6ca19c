"""Log lines made fit to be kept and shown: harmless, bounded, dated, and how severe they are. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from iamops.accesslog.count import values
from iamops.accesslog.format import LogField, LogFormat, TimeFormat
from iamops.accesslog.values import MONTHS, SECONDS, epoch_of, zone_seconds
from iamops.model.facts import Severity
from iamops.model.text import safe_bytes, uncoloured
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
    # Somewhat more than is kept is searched: a secret must not be cut in two before it is found.
    clean = redact(line[: LINE_BYTES + BEYOND]).text
    text = safe_bytes(clean[:LINE_BYTES], LINE_BYTES)
    # What was not printable has grown: a NUL is four characters now.
    text = text if len(text) <= LINE_BYTES else f"{text[: LINE_BYTES - 1]}…"
    more = len(line) - LINE_BYTES
    return text if more <= 0 else f"{text.rstrip('…')}… (+{more} bytes)"


def access_severity(line: bytes) -> Severity:
    """From the status of the answer: 5xx served nobody, 4xx may well be the client's fault."""
    match = _STATUS.search(line)
    return _status_severity(match[1].decode()) if match is not None else Severity.INFO


def _status_severity(status: str) -> Severity:
    return {"5": Severity.CRITICAL, "4": Severity.WARNING}.get(status[:1], Severity.INFO)


def error_severity(line: bytes) -> Severity:
    """From nginx's own level."""
    match = _LEVEL.match(line)
    return LEVELS.get(match[1], Severity.INFO) if match is not None else Severity.INFO


def journal_severity(line: bytes) -> Severity | None:
    """From the syslog priority of a JSON entry. None for 5 to 7: all that goes to stdout has 6."""
    match = _PRIORITY.search(line)
    if match is None or int(match[1]) > WARNING:
        return None
    return Severity.CRITICAL if int(match[1]) <= ERR else Severity.WARNING


# When a log line was written, by its own text.
#
# A line's text is partly written by clients (a user name, a path), so a time counts only where nginx puts it:
# at the beginning, or before the first quote. nginx writes a quote inside a variable as \x22.

# A time further in than this is somebody's text.
TIME_WITHIN = 1024

# $time_local: [24/Nov/2026:17:46:29 +0000]
_CLF = re.compile(rb"\[(\d\d)/([A-Z][a-z]{2})/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-]\d{4})\]")
# The error log: 2026/11/24 17:46:29, in the node's own zone
_ERROR = re.compile(rb"(\d{4})/(\d\d)/(\d\d) (\d\d):(\d\d):(\d\d)\b")
# $time_iso8601 and its relatives: 2026-11-24T17:46:29.120+00:00, ...Z
_ISO = re.compile(rb"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?(Z|[+-]\d\d:?\d\d)?(?![0-9:])")


def logged_at(line: bytes, zone_s: int = 0) -> float | None:
    """Epoch seconds on the node's clock; None for a line without a time.

    `zone_s` is the node's offset east of UTC: for times that name no zone.
    """
    if (match := _ERROR.match(line)) is not None:
        return _error_time(match[0], zone_s)
    head = line[:TIME_WITHIN]
    unquoted = head[: head.find(b'"')] if b'"' in head else head
    # The last one: before it may stand the user name, which the client chose.
    for match in reversed(tuple(_CLF.finditer(unquoted))):
        return _clf_time(match[0])
    match = _ISO.search(unquoted) or _ISO.search(head)
    if match is None:
        return None
    *date, fraction, zone = match.groups()
    at = _epoch(date, zone_seconds(zone.decode()) if zone else zone_s)
    return at if at is None or not fraction else at + float(b"0." + fraction)


def zone_offset(text: str) -> int:
    """Seconds east of UTC from what `date +%z` prints; 0 if it is something else."""
    text = text.strip()
    return zone_seconds(text) if re.fullmatch(r"[+-]\d{4}", text) else 0


# Cached: a busy log has the same second a thousand times.
@lru_cache(maxsize=256)
def _clf_time(stamp: bytes) -> float | None:
    match = _CLF.fullmatch(stamp)
    if match is None or (month := match[2].decode()) not in MONTHS:
        return None
    date = (match[3], b"%d" % (MONTHS.index(month) + 1), match[1], match[4], match[5], match[6])
    return _epoch(date, zone_seconds(match[7].decode()))


@lru_cache(maxsize=256)
def _error_time(stamp: bytes, zone_s: int) -> float | None:
    match = _ERROR.fullmatch(stamp)
    return None if match is None else _epoch(match.groups(), zone_s)


def _epoch(date: Iterable[bytes], zone_s: int) -> float | None:
    """None for the thirteenth month, and whatever else digits can say."""
    *until_minute, second = map(int, date)
    try:
        return epoch_of((*until_minute, min(second, 59)), zone_s)
    except (ValueError, OverflowError):
        return None


def access_line(form: LogFormat, line: bytes, zone_s: int = 0) -> tuple[float | None, Severity]:
    """Epoch seconds on the node's clock, None for a line without a time; and what its status means.

    A line that is not in the format is read like one of any other log. `zone_s`: the node's offset east of UTC.
    """
    names = {form.fields[field] for field in (LogField.TIME, LogField.STATUS) if field in form.fields}
    found = values(form, line.decode("latin-1"), names)
    if found is None:
        return logged_at(line, zone_s), access_severity(line)
    stamp = found[form.fields[LogField.TIME]] if LogField.TIME in form.fields else ""
    match form.time_format:
        case TimeFormat.LOCAL:
            at = logged_at(f"[{stamp}]".encode("latin-1"))
        case TimeFormat.MSEC:
            at = float(stamp) if SECONDS.fullmatch(stamp) and len(stamp) < 20 else None
        case _:
            at = logged_at(stamp.encode("latin-1"))
    return at, _status_severity(found[form.fields[LogField.STATUS]])
