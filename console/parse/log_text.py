"""Log lines made fit to be kept and shown: harmless, bounded, and how loud they are. Pure."""

from __future__ import annotations

import re

from console.model.facts import Severity
from console.parse.colours import uncoloured
from console.parse.redact import redact
from console.parse.safe_text import safe_bytes

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
