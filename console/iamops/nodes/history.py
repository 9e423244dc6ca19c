"""What a node remembers: its journal from a time on, changed files, the notify log, ledgers. Changes nothing."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from iamops.model.foreign import real, whole
from iamops.model.journal import AnchorLine
from iamops.model.profile import Profile
from iamops.model.timestamps import calendar_time
from iamops.nodes.transport import CommandFailed, CommandResult, Transport, TransportError
from iamops.parse.journal import JournalRecord, anchor_line, is_echo, journal_records
from iamops.redact.clean import clean_bytes, clean_text

LINES_MAX = 2000
FILES_MAX = 200
JOURNAL_FIELDS = "MESSAGE,UNIT,_SYSTEMD_UNIT,_SOURCE_REALTIME_TIMESTAMP"
# "Startup finished", systemd's words at the end of a boot (sd-messages.h): of a machine, and of a container.
BOOTED = ("MESSAGE_ID=b07a249cd024414a82dd00cd181378ff", "MESSAGE_ID=eed00a68ffd84e31882105fd973abdd1")
# Asking for dumps leaves three lines every 30 s: they would crowd out a day of what matters.
_JOURNAL = (
    "since=$1; lines=$2; shift 2; "
    f'journalctl --quiet --output=json --output-fields={JOURNAL_FIELDS} "--since=@$since" "$@" '
    '| grep -avE "Sent signal SIG|Printing VRRP " | tail -n "$lines"'
)
CONFIG_DIRECTORIES = ("/etc/nginx", "/etc/keepalived")
# Backups and editors' leavings are no configuration.
_EDITED = (
    'since=$1; shift; find "$@" -type f ! -name "*~" ! -name ".*" -newermt "@$since" -printf "%T@ %p\\n" | sort -n'
)


class JournalUnavailable(Exception):
    """A node's history cannot be read; the message says why."""


def unit_matches(profile: Profile, node: str) -> tuple[str, ...]:
    """journalctl's matches for keepalived's own entries, and systemd's about the profile's units."""
    matches = [f"_SYSTEMD_UNIT={profile.keepalived.unit}.service"]
    for unit in profile.actionable_units_on(node):
        matches += ["+", "_PID=1", f"UNIT={unit}.service"]
    return tuple(matches)


async def journal_since(
    transport: Transport, profile: Profile, since: float, *, timeout_s: float
) -> tuple[tuple[JournalRecord, ...], bool]:
    """Those entries, and boots; oldest first.

    `since` is by the node's clock. The flag is True where there were more than LINES_MAX, and the older ones are
    left out. Raises JournalUnavailable, TransportError.
    """
    matches = (*unit_matches(profile, transport.node), "+", "_PID=1", *BOOTED)
    argv = ("sh", "-c", _JOURNAL, "journal", str(int(since)), str(LINES_MAX + 1), *matches)
    result = await transport.run(argv, timeout_s=timeout_s)
    lines = _lines_of(result)
    found = tuple(record for record in journal_records(lines[-LINES_MAX:]) if not is_echo(record.message))
    return found, len(lines) > LINES_MAX


async def edited_since(transport: Transport, since: float, *, timeout_s: float) -> tuple[tuple[float, str], ...]:
    """(when, path) of nginx's and keepalived's files changed since then, both by the node's clock.

    Raises JournalUnavailable, TransportError.
    """
    argv = ("sh", "-c", _EDITED, "edited", f"{since:.3f}", *CONFIG_DIRECTORIES)
    result = await transport.run(argv, timeout_s=timeout_s)
    found = []
    for line in _lines_of(result)[-FILES_MAX:]:
        at, _, path = line.decode("utf-8", "replace").partition(" ")
        edited_at = calendar_time(real(at))
        if path and edited_at is not None:
            found.append((edited_at, clean_text(path, 200)))
    return tuple(found)


def _lines_of(result: CommandResult) -> list[bytes]:
    """Raises JournalUnavailable where there is an error instead of output."""
    if not result.stdout and result.stderr.strip():
        raise JournalUnavailable(clean_bytes(result.stderr.strip().splitlines()[0], 160))
    return result.stdout.splitlines()


# What a drill reads from a node beside the live state: versions, and what its notify log gained.

TIMEOUT_S = 5.0
_NOTIFY_LINE = re.compile(rb"\[(?P<at>[-0-9]{10} [0-9:]{8})\] notify_(?P<word>[a-z]+)")
# The node's zone, and the end of a log that is in the node's local time: $1 is the log, $2 as for tail -c.
LOG_END = 'date +%z && tail -c "$2" -- "$1"'
_VERSION = re.compile(rb"(?:nginx/|Keepalived v)([0-9][0-9.]*)")
# sbin is not on every login user's path.
_VERSIONS = 'PATH="$PATH:/usr/sbin:/sbin"; "$1" "$2" 2>&1 | head -n 1'


@dataclass(frozen=True, slots=True)
class LogMark:
    """How long the notify log was; None with the reason where that is not known."""

    size: int | None
    reason: str = ""


async def notify_mark(transport: Transport, profile: Profile) -> LogMark:
    """Where the notify log ends now."""
    argv = ("stat", "--dereference", "--format=%s", profile.logs.notify)
    output, reason = await _output(transport, argv)
    if output is None:
        return LogMark(None, reason)
    size = whole(output.strip())
    return LogMark(size, "" if size is not None else f"stat said {clean_bytes(output, 60)!r}")


@dataclass(frozen=True, slots=True)
class NotifyLine:
    """A line of the notify log: epoch seconds by the node's clock, in whole seconds, and the state."""

    at: float
    state: str


async def notify_lines(
    transport: Transport, profile: Profile, mark: LogMark
) -> tuple[tuple[NotifyLine, ...] | None, str]:
    """The lines written behind the mark, in order; None and the reason where they cannot be read.

    A log that is shorter than the mark has been rotated: it is read from its beginning.
    """
    if mark.size is None:
        return None, mark.reason
    now = await notify_mark(transport, profile)
    start = mark.size if now.size is not None and now.size >= mark.size else 0
    argv = ("sh", "-c", LOG_END, "notify", profile.logs.notify, f"+{start + 1}")
    output, reason = await _output(transport, argv)
    if output is None:
        return None, reason
    zone, _, text = output.partition(b"\n")
    found = []
    for match in _NOTIFY_LINE.finditer(text):
        stamp = f"{match['at'].decode()} {zone.decode('ascii', 'replace')}"
        try:
            at = datetime.strptime(stamp, "%Y-%m-%d %H:%M:%S %z").timestamp()
        except ValueError:
            at = 0.0
        found.append(NotifyLine(at, match["word"].decode().upper()))
    return tuple(found), ""


async def _output(transport: Transport, argv: Sequence[str]) -> tuple[bytes | None, str]:
    """What a command printed; None and the reason where it failed. Raises LinkLost."""
    try:
        result = await transport.run(argv, timeout_s=TIMEOUT_S)
    except CommandFailed as failure:
        return None, failure.reason
    return (result.stdout, "") if result.ok else (None, clean_bytes(result.stderr.strip(), 160))


async def versions(transport: Transport) -> dict[str, str | None]:
    """keepalived's and nginx's version; None where there is none in their output."""
    found: dict[str, str | None] = {}
    for program, option in (("keepalived", "--version"), ("nginx", "-v")):
        output, _ = await _output(transport, ("sh", "-c", _VERSIONS, "version", program, option))
        match = _VERSION.search(output or b"")
        found[program] = match[1].decode() if match else None
    return found


# What a node's journal remembers of ledgers, read as the login user.

OWN_MAX, OTHERS_MAX = 8000, 500
BYTES_MAX = 6 * 1024 * 1024
ANCHORS_TIMEOUT_S = 30.0
ANCHOR_FIELDS = "MESSAGE,_UID,_SOURCE_REALTIME_TIMESTAMP"
# A line that is there already is left out, and other ledgers have a share of their own: many lines of one do not
# crowd out those of the others that contradict it.
_AWK = """
!match($0, /"MESSAGE" ?: ?"run=[A-Za-z0-9-]+ ledger=[0-9a-f]+ n=[0-9]+ head=[0-9a-f]+ place=[0-9a-f]+/) { next }
{ words = split(substr($0, RSTART, RLENGTH), word, " ")
  key = word[words - 3] " " word[words - 2] " " word[words - 1] }
{ here = index(" " places " ", " " substr(word[words], 7) " ") }
word[words - 3] != "ledger=" ledger && !here { other[o++ % others] = $0; next }
key in seen { next }
n >= 100000 { exit }
{ seen[key] = 1; own[n++ % most] = $0 }
END {
  for (i = (n > most ? n - most : 0); i < n; i++) print own[i % most]
  for (i = (o > others ? o - others : 0); i < o; i++) print other[i % others]
  print "left out " (n > most ? n - most : 0) " " (o > others ? o - others : 0)
}
"""
# Without --quiet: it would hide that the login user may not read all of the journal.
_READ_ANCHORS = (
    f"journalctl --no-pager --output=json --output-fields={ANCHOR_FIELDS} SYSLOG_IDENTIFIER=iamops "
    "| grep -aF ' ledger=' "
    '| awk -v ledger="$1" -v places="$2" -v most="$3" -v others="$4" "$6" '
    '| tail -c "$5"'
)
_LEFT = re.compile(rb"left out ([0-9]{1,9}) ([0-9]{1,9})")
_HINT = b"not seeing messages from other users"
OWN_ONLY = "the login user may read its own lines only: put it in the group systemd-journal or adm"


@dataclass(frozen=True, slots=True)
class JournalRead:
    """A node's anchors, oldest first. `unreadable`: why there are none; `notes`: what of them was not read."""

    lines: tuple[AnchorLine, ...] = ()
    unreadable: str = ""
    notes: tuple[str, ...] = ()


def anchors_argv(ledger: str | None, places: Collection[str]) -> tuple[str, ...]:
    """The command that reads a journal for this ledger."""
    bounds = (str(OWN_MAX), str(OTHERS_MAX), str(BYTES_MAX))
    return ("sh", "-c", _READ_ANCHORS, "anchors", ledger or "none", " ".join(places), *bounds, _AWK)


async def anchors_of(transport: Transport, ledger: str | None, places: Collection[str]) -> JournalRead:
    """This ledger's lines, then a few of others. Bounded in lines, bytes and time. Never raises for a node."""
    try:
        result = await transport.run(anchors_argv(ledger, places), timeout_s=ANCHORS_TIMEOUT_S)
    except TransportError as failure:
        return JournalRead(unreadable=failure.reason)
    raw = result.stdout.splitlines()
    complaints, notes = result.stderr.strip().splitlines(), list[str]()
    if complaints:
        notes.append(OWN_ONLY if _HINT in result.stderr else clean_bytes(complaints[0], 160))
    lines = tuple(anchor for line in raw if (anchor := anchor_line(line)) is not None)
    if not lines and notes:
        return JournalRead(unreadable=notes[0])
    left_out = _LEFT.fullmatch(raw[-1]) if raw and len(result.stdout) < BYTES_MAX else None
    if left_out is None:
        notes.append("not all of its lines could be read")
    elif own := int(left_out[1]):
        notes.append(f"its oldest {own} lines of this ledger were not read")
    if left_out is not None and (others := int(left_out[2])):
        notes.append(f"{others} lines of other ledgers were not read")
    return JournalRead(lines, "", tuple(notes))
