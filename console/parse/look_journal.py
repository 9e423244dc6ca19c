"""Reads from journal lines of keepalived, and of systemd about units, what triage asks for. Pure.

Words as keepalived 2.x writes them (vrrp.c, vrrp_track.c, utils/notify.c), and systemd's of service.c.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from console.model.look import JournalLook, OwnRun, Said, SaidKind
from console.parse.complaints.keepalived import ROWS as KEEPALIVED
from console.parse.complaints.systemd import ROWS as SYSTEMD
from console.parse.complaints.table import Gathering
from console.parse.journal import JournalRecord, is_echo, journal_records, transition
from console.parse.words import words

TEXT_MAX = 200
# What a shell answers when a command is not there, or may not be executed (POSIX, 2.8.2).
CANNOT_RUN = (126, 127)
# coreutils' timeout: the command did not end in time.
TIMED_OUT = 124
_EXEC = re.compile(r"^Error exec-ing command '(?P<name>[^']*)'")
_RETURNS = re.compile(r"^Script `(?P<name>[^`']*)[`'] now returning (?P<code>[0-9]{1,19})")
_CHECK = re.compile(r"^VRRP_Script\((?P<name>[^)]*)\) (?P<word>succeeded|failed|timed_out|timed out)")
_REFUSED = re.compile(
    r"^(?:Unsafe permissions found for script '(?P<path>[^']*)'"
    r"|Disabling track script (?P<name>\S+) due to insecure)"
)
_FOREIGN = re.compile(
    r"^\((?P<name>[^)]+)\) (?:received an? invalid (?:passwd|ip number count|authentication)"
    r"|ip address associated with VRID [0-9]{1,19} not present|unicast source address \S+ not a unicast peer"
    r"|received (?:a|an) (?:unexpected|unmatch)|advertisement interval mismatch|[Ii]nvalid (?:ttl|TTL/HL))"
)
# An anchor of a run (model/anchor): whatever unit the login's session belongs to.
_OWN = re.compile(
    r"^run=[A-Za-z0-9-]{1,64} (?:(?:ledger|n|head|place)=[0-9a-f]{1,64} ){0,4}(?P<text>\S.*)$", re.DOTALL
)
_STARTED = re.compile(r"^Started |^Reloaded ")
_STOPPED = re.compile(r"^Stopped ")
_CRASHED = re.compile(r": Main process exited, code=(?:killed|dumped|exited), status=(?!0/)")


def look_at_journal(lines: Iterable[bytes], since: float | None) -> JournalLook:
    """From `journalctl --output=json` lines, oldest first."""
    by_keepalived, by_systemd = Gathering(KEEPALIVED), Gathering(SYSTEMD)
    said: list[Said] = []
    runs: list[OwnRun] = []
    for record in journal_records(lines):
        if (own := _OWN.match(record.message)) is not None:
            runs.append(OwnRun(record.at, words(own["text"], TEXT_MAX)))
            continue
        said += _of(record)
        complaints = by_systemd if record.by_systemd else by_keepalived
        complaints.take(record.at, record.unit, record.message)
    return JournalLook(tuple(said), since, (*by_keepalived.complaints, *by_systemd.complaints), tuple(runs))


def began(lines: Sequence[bytes], otherwise: float) -> float:
    """When the first of these lines was written: before it there may have been more."""
    return next((record.at for record in journal_records(lines[:1]) if record.at), otherwise)


def _of(record: JournalRecord) -> Iterator[Said]:
    if is_echo(record.message):
        return
    found = _by_systemd(record) if record.by_systemd else _by_keepalived(record.message)
    if found is not None:
        kind, subject = found
        text = words(record.message, TEXT_MAX)
        yield Said(record.at, words(record.unit, TEXT_MAX), kind, words(subject, TEXT_MAX), text)


def _by_systemd(record: JournalRecord) -> tuple[SaidKind, str] | None:
    for kind, pattern in (
        (SaidKind.CRASHED, _CRASHED),
        (SaidKind.STARTED, _STARTED),
        (SaidKind.STOPPED, _STOPPED),
    ):
        if pattern.search(record.message):
            return kind, record.unit
    return None


def _by_keepalived(message: str) -> tuple[SaidKind, str] | None:
    entered = transition(message)
    if entered is not None:
        return SaidKind.ENTERED, entered[0]
    if match := _EXEC.match(message):
        return SaidKind.SCRIPT_UNRUNNABLE, match["name"]
    if (told := check_told(message)) is not None:
        return told
    if match := _REFUSED.match(message):
        return SaidKind.SCRIPT_REFUSED, match["path"] or match["name"]
    if match := _FOREIGN.match(message):
        return SaidKind.FOREIGN_ADVERT, match["name"]
    return None


def check_told(message: str) -> tuple[SaidKind, str] | None:
    """What keepalived says of one of its checks, and the check's name; None for any other message."""
    if match := _RETURNS.match(message):
        return _returned(int(match["code"])), match["name"]
    if match := _CHECK.match(message):
        return _checked(match["word"], message), match["name"]
    return None


def _returned(code: int) -> SaidKind:
    if code in CANNOT_RUN:
        return SaidKind.SCRIPT_UNRUNNABLE
    if code == TIMED_OUT:
        return SaidKind.SCRIPT_TIMED_OUT
    return SaidKind.SCRIPT_FAILED if code else SaidKind.SCRIPT_PASSED


def _checked(word: str, message: str) -> SaidKind:
    match word:
        case "succeeded":
            return SaidKind.SCRIPT_PASSED
        case "failed":
            status = re.search(r"exited with status ([0-9]{1,19})", message)
            return _returned(int(status[1])) if status else SaidKind.SCRIPT_FAILED
        case _:
            return SaidKind.SCRIPT_TIMED_OUT
