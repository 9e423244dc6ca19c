"""What triage asks for: from the journal of keepalived and systemd, and from small reads of a node. Pure.

Words as keepalived 2.x writes them (vrrp.c, vrrp_track.c, utils/notify.c), and systemd's of service.c.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

from iamops.accesslog.line import logged_at
from iamops.model.inspection import (
    ErrorLogInspection,
    FileStamp,
    Filesystem,
    JournalEntry,
    JournalEventKind,
    JournalInspection,
    OwnRun,
)
from iamops.parse.complaints import KEEPALIVED_ROWS as KEEPALIVED
from iamops.parse.complaints import SYSTEMD_ROWS as SYSTEMD
from iamops.parse.complaints import Gathering, nginx_complaints
from iamops.parse.journal import JournalRecord, is_echo, journal_records, transition
from iamops.redact.clean import clean_bytes, clean_text

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
# An anchor of a run (model/journal.py): whatever unit the login's session belongs to.
_OWN = re.compile(
    r"^run=[A-Za-z0-9-]{1,64} (?:(?:ledger|n|head|place)=[0-9a-f]{1,64} ){0,4}(?P<text>\S.*)$", re.DOTALL
)
_BY_SYSTEMD = (
    (JournalEventKind.CRASHED, re.compile(r": Main process exited, code=(?:killed|dumped|exited), status=(?!0/)")),
    (JournalEventKind.STARTED, re.compile(r"^Started |^Reloaded ")),
    (JournalEventKind.STOPPED, re.compile(r"^Stopped ")),
)


def inspect_journal(lines: Iterable[bytes], since: float | None) -> JournalInspection:
    """From `journalctl --output=json` lines, oldest first."""
    by_keepalived, by_systemd = Gathering(KEEPALIVED), Gathering(SYSTEMD)
    entries: list[JournalEntry] = []
    runs: list[OwnRun] = []
    for record in journal_records(lines):
        if (own := _OWN.match(record.message)) is not None:
            runs.append(OwnRun(record.at, clean_text(own["text"], TEXT_MAX)))
            continue
        event = None if is_echo(record.message) else _event(record)
        if event is not None:
            kind, subject = event
            unit, text = clean_text(record.unit, TEXT_MAX), clean_text(record.message, TEXT_MAX)
            entries.append(JournalEntry(record.at, unit, kind, clean_text(subject, TEXT_MAX), text))
        complaints = by_systemd if record.by_systemd else by_keepalived
        complaints.take(record.at, record.unit, record.message)
    found = (*by_keepalived.complaints, *by_systemd.complaints)
    return JournalInspection(tuple(entries), since, found, tuple(runs))


def first_written(lines: Sequence[bytes], otherwise: float) -> float:
    """When the first of these lines was written: before it there may have been more."""
    return next((record.at for record in journal_records(lines[:1]) if record.at), otherwise)


def _event(record: JournalRecord) -> tuple[JournalEventKind, str] | None:
    """What happened, and to which instance, script or unit."""
    message = record.message
    if record.by_systemd:
        kind = next((kind for kind, pattern in _BY_SYSTEMD if pattern.search(message)), None)
        return None if kind is None else (kind, record.unit)
    if (entered := transition(message)) is not None:
        return JournalEventKind.ENTERED, entered[0]
    if match := _EXEC.match(message):
        return JournalEventKind.SCRIPT_UNRUNNABLE, match["name"]
    if (check := check_event(message)) is not None:
        return check
    if match := _REFUSED.match(message):
        return JournalEventKind.SCRIPT_REFUSED, match["path"] or match["name"]
    if match := _FOREIGN.match(message):
        return JournalEventKind.FOREIGN_ADVERT, match["name"]
    return None


def check_event(message: str) -> tuple[JournalEventKind, str] | None:
    """What keepalived says of one of its checks, and the check's name; None for any other message."""
    if match := _RETURNS.match(message):
        return _returned(int(match["code"])), match["name"]
    match = _CHECK.match(message)
    if match is None:
        return None
    kind = JournalEventKind.SCRIPT_TIMED_OUT
    if match["word"] == "succeeded":
        kind = JournalEventKind.SCRIPT_PASSED
    elif match["word"] == "failed":
        status = re.search(r"exited with status ([0-9]{1,19})", message)
        kind = _returned(int(status[1])) if status else JournalEventKind.SCRIPT_FAILED
    return kind, match["name"]


def _returned(code: int) -> JournalEventKind:
    if code in CANNOT_RUN:
        return JournalEventKind.SCRIPT_UNRUNNABLE
    if code == TIMED_OUT:
        return JournalEventKind.SCRIPT_TIMED_OUT
    return JournalEventKind.SCRIPT_FAILED if code else JournalEventKind.SCRIPT_PASSED


# The small reads of an inspection: stat, df, ip link, nginx's error log, the neighbour table.

# Printed by `stat --format=`: the path comes last, for it may hold anything.
STAT_FORMAT = "%a %U %s %Y %n"
_STAT = re.compile(
    r"^(?P<mode>[0-7]{1,5}) (?P<owner>\S+) (?P<size>[0-9]{1,19}) (?P<at>[0-9]{1,19}) (?P<path>/.*)$", re.MULTILINE
)
_LINK = re.compile(r"^[0-9]{1,19}: (?P<name>[^:@\s]++)[^\n]*?link/ether (?P<mac>[0-9a-f:]{17})", re.MULTILINE)
_DF = re.compile(r"^.*\s(?:(?P<pct>[0-9]{1,19})%|-)\s+(?P<mount>/\S*)\s*$", re.MULTILINE)
# nginx's own words stand before a client's: a path or a host may say the same further on.
_EXHAUSTED = re.compile(
    rb"\S+ \S+ \[(?P<level>warn|alert|crit|error)\] \d+#\d+: (?:\*\d+ )?\d+ worker_connections are not enough"
)
_ARP = re.compile(r"^(?P<address>\S+)\s+0x\S+\s+(?P<flags>0x\S+)\s+(?P<mac>[0-9a-f:]{17})\s", re.MULTILINE)
# ATF_COM of linux/if_arp.h: the entry is complete.
COMPLETE = 0x2
# More than was asked for, or than any node has: each costs the time to be made harmless.
MOST_FILES, MOST_LINKS, MOST_MOUNTS = 2000, 1000, 100


def file_stamps(text: str) -> Mapping[str, FileStamp]:
    """By path; what stat could not find is left out."""
    found = {}
    for match in islice(_STAT.finditer(text), MOST_FILES):
        path = clean_text(match["path"], TEXT_MAX)
        owner, size = clean_text(match["owner"], TEXT_MAX), int(match["size"])
        found[path] = FileStamp(path, int(match["mode"], 8), owner, size, float(match["at"]))
    return found


def filesystems(space: str, inodes: str) -> tuple[Filesystem, ...]:
    """From `df -P` and `df -Pi` of the same paths. Each file system once."""
    by_space, by_inodes = _used(space), _used(inodes)
    mounts = dict.fromkeys((*by_space, *by_inodes))
    return tuple(Filesystem(mount, by_space.get(mount), by_inodes.get(mount)) for mount in mounts)


def hardware_addresses(text: str) -> Mapping[str, str]:
    return {clean_text(match["name"], 15): match["mac"] for match in islice(_LINK.finditer(text), MOST_LINKS)}


def inspect_error_log(lines: Iterable[bytes], zone_s: int) -> ErrorLogInspection:
    """From complete lines of nginx's error log. `zone_s`: the node's offset east of UTC."""
    exhausted: list[float] = []
    turned_away: list[float] = []
    sample, kept = "", tuple(lines)
    for line in kept:
        if (match := _EXHAUSTED.match(line)) is not None:
            at = logged_at(line, zone_s)
            exhausted += [] if at is None else [at]
            # With a warning it only lets go of idle connections, to make room.
            turned_away += [] if at is None or match["level"] == b"warn" else [at]
            sample = clean_bytes(line, TEXT_MAX)
    return ErrorLogInspection(
        tuple(exhausted), tuple(turned_away), sample, len(kept), nginx_complaints(kept, zone_s)
    )


def neighbours(text: str) -> Mapping[str, str]:
    """Address -> MAC, from /proc/net/arp; incomplete entries are left out."""
    return {match["address"]: match["mac"] for match in _ARP.finditer(text) if int(match["flags"], 16) & COMPLETE}


def _used(text: str) -> dict[str, float | None]:
    return {
        clean_text(match["mount"], TEXT_MAX): None if match["pct"] is None else float(match["pct"])
        for match in islice(_DF.finditer(text), MOST_MOUNTS)
    }
