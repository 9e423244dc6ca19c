"""Parses the cheap reads of a Linux machine: load, memory, disks, clock, addresses, locks, turns. Pure."""

from __future__ import annotations

import itertools
import posixpath
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from iamops.model.facts import LockHolder, SafetyReport
from iamops.model.foreign import json_of, real, whole
from iamops.model.timestamps import calendar_time
from iamops.redact.clean import words, words_of


def load1(text: str) -> float | None:
    """The one-minute load average from /proc/loadavg."""
    first = text.split()[:1]
    return _float(first[0]) if first else None


def memory_used_pct(text: str) -> float | None:
    """Memory in use as the kernel sees it: 100 - MemAvailable/MemTotal, in percent."""
    sizes = {m[1]: int(m[2]) for m in re.finditer(r"^(\w+):\s+([0-9]{1,19}) kB", text, re.MULTILINE)}
    total, available = sizes.get("MemTotal"), sizes.get("MemAvailable")
    return round(100 * (1 - available / total), 1) if total and available is not None else None


def disk_used_pct(text: str) -> float | None:
    """The capacity column of `df -P /`, in percent."""
    match = re.search(r"\s([0-9]{1,19})%\s+/\s*$", text, re.MULTILINE)
    return float(match[1]) if match else None


def epoch_s(text: str) -> float | None:
    """The node's clock from `date +%s.%N`."""
    return calendar_time(_float(text.strip()))


def _float(text: str) -> float | None:
    return real(text)


# Cuts the output of a many-part remote script into its parts. Pure.

_MARK = re.compile(r"\n==iamops (?P<kind>begin|end) (?P<word>\S+)==\n")


@dataclass(frozen=True, slots=True)
class Section:
    """One command's output (stdout and stderr together) and exit status."""

    text: str
    exit_status: int

    @property
    def ok(self) -> bool:
        return self.exit_status == 0


def script(parts: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """One argv that runs several commands and marks where each begins and how it ended."""
    lines = []
    for name, argv in parts.items():
        lines.append(f"printf '\\n==iamops begin %s==\\n' {shlex.quote(name)}")
        lines.append(f"{shlex.join(argv)} 2>&1")
        lines.append("printf '\\n==iamops end %s==\\n' $?")
    return ("sh", "-c", "\n".join(lines))


def sections(text: str) -> Mapping[str, Section]:
    """The parts by name. A part that has no end mark is left out: it was cut off."""
    found: dict[str, Section] = {}
    marks = list(_MARK.finditer(text))
    for begin, end in itertools.pairwise(marks):
        status = whole(end["word"])
        if begin["kind"] == "begin" and end["kind"] == "end" and status is not None:
            found[begin["word"]] = Section(text[begin.end() : end.start()], status)
    return found


# What actions need and leave on a node: armed undos, who holds the lock, track files. Pure.

_LOCK = re.compile(r"iamops-lock from=(?P<origin>\S*) since=(?P<since>[0-9]{1,11}) (?P<note>.*)", re.DOTALL)
SOMEONE = LockHolder("someone", "an unknown address", 0.0, "an unknown action")
WORD_LIMIT = 120
# Of a kind on one node; no run arms as many, and whoever makes more has no say in how long reading them takes.
MOST_FILES = 200


def safety_report(timers: str, locks: str, track_files: str) -> SafetyReport:
    """From the paths of timer files, the arguments of lock holders, and the paths of track files."""
    return SafetyReport(
        _names(timers, "iamops-dead-man-"),
        lock_holder(locks.encode()),
        _names(track_files, "iamops-priority."),
    )


def lock_holder(found: bytes) -> LockHolder | None:
    """The first holder among NUL-separated arguments `iamops-lock from=… since=… {json}`; None: nobody."""
    first = next((each for each in found.split(b"\0") if each.strip()), None)
    if first is None:
        return None
    match = _LOCK.match(words_of(first.strip()))
    if match is None:
        return SOMEONE
    note = _note(match["note"])
    return LockHolder(
        note.get("who", SOMEONE.who),
        match["origin"] or "the node itself",
        float(match["since"]),
        note.get("action", SOMEONE.action),
        note.get("run", ""),
    )


def _note(text: str) -> dict[str, str]:
    try:
        raw = json_of(text)
    except ValueError:
        return {}
    return {key: words(str(raw[key]), WORD_LIMIT) for key in raw} if isinstance(raw, dict) else {}


def _names(paths: str, prefix: str) -> tuple[str, ...]:
    found = [line for line in paths.splitlines() if line.startswith("/run/") and f"/{prefix}" in line]
    names = tuple(_name(path).removeprefix(prefix) for path in found[:MOST_FILES])
    return names if len(found) <= MOST_FILES else (*names, f"{len(found) - MOST_FILES} more")


def _name(path: str) -> str:
    return words(posixpath.basename(path).removesuffix(".timer"), WORD_LIMIT)


# Who else watches a node, as its own lock table tells. Pure: text -> values.

HELLO = "iamops-turn"
# Any user of the node may hold such a lock. More holders than that are not waited for: whoever is not among them
# looks as if alone, so that a crowd that is none slows nobody down.
HOLDERS_MAX = 12
# A century. What says more counts nothing.
UPTIME_MAX_S = 3.2e9
_TURN = re.compile(
    r"[0-9]+: FLOCK +ADVISORY +READ +(?P<pid>[0-9]{1,10}) +"
    r"(?P<major>[0-9a-f]{2,8}):(?P<minor>[0-9a-f]{2,8}):(?P<inode>[0-9]{1,19}) "
)


@dataclass(frozen=True, slots=True)
class TurnFiles:
    """Our shared lock's process, and the directories of turns and of alarms as (device, inode)."""

    pid: int
    turns: tuple[int, int]
    alarms: tuple[int, int]


@dataclass(frozen=True, slots=True)
class WatchTurn:
    """Our place among those who watch a node. `uptime_s` is the node's; `alarms`: how many just saw trouble."""

    rank: int
    watchers: int
    uptime_s: float
    alarms: int = 0


def turn_files(line: str) -> TurnFiles | None:
    """The first line of a stream that holds the lock: `iamops-turn PID DEVICE:INODE DEVICE:INODE`."""
    words = line.split()
    if len(words) != 4 or words[0] != HELLO:
        return None
    pid, turns, alarms = whole(words[1]), _file(words[2]), _file(words[3])
    return None if pid is None or turns is None or alarms is None else TurnFiles(pid, turns, alarms)


def turn_of(text: str, place: TurnFiles) -> WatchTurn | None:
    """The node's uptime, then its lock table. None: our own lock is not in it, so nobody can be counted there."""
    first, _, table = text.partition("\n")
    uptime_s = real(first.strip())
    holders = sorted(_holders(table, place.turns))[:HOLDERS_MAX]
    if uptime_s is None or not 0 <= uptime_s <= UPTIME_MAX_S or place.pid not in holders:
        return None
    return WatchTurn(holders.index(place.pid), len(holders), uptime_s, len(_holders(table, place.alarms)))


def _holders(table: str, file: tuple[int, int]) -> set[int]:
    found = (_TURN.match(line) for line in table.splitlines())
    return {int(lock["pid"]) for lock in found if lock is not None and _locked(lock) == file}


def _locked(lock: re.Match[str]) -> tuple[int, int]:
    """The kernel writes a device in two hexadecimal parts; stat(1) joins them in one number, as glibc does."""
    major, minor = int(lock["major"], 16), int(lock["minor"], 16)
    device = (major & 0xFFF) << 8 | (minor & 0xFF) | (minor & ~0xFF) << 12 | (major & ~0xFFF) << 32
    return device, int(lock["inode"])


def _file(word: str) -> tuple[int, int] | None:
    device, _, inode = word.partition(":")
    numbers = whole(device), whole(inode)
    return None if numbers[0] is None or numbers[1] is None else (numbers[0], numbers[1])


# What sudo says beside the command that it runs all the same: no word of that command, and no refusal. Pure.

# A host name that does not resolve, a full /run or /var, a container without this or that right.
_BESIDE = re.compile(
    rb"^sudo: (?:unable to (?:resolve host|send audit message"
    rb"|(?:open|read|write to|create|mkdir|stat|lock|truncate) /(?:run|var)/)|setrlimit\()[^\n]*\n?",
    re.MULTILINE,
)


def without_warnings(stderr: bytes) -> bytes:
    """What is left begins with `sudo:` only where sudo has run nothing."""
    return _BESIDE.sub(b"", stderr) if b"sudo: " in stderr else stderr


# Parses `ip -o addr show` and `ip -ts -o monitor address` (iproute2). Pure.

# 2: eth0    inet 10.0.4.99/32 scope global eth0\       valid_lft forever preferred_lft forever
_ADDRESS = re.compile(r"^[0-9]{1,19}: (?P<link>\S+)\s+inet6? (?P<address>[0-9a-fA-F.:]+)")
_STAMP = re.compile(r"^\[(?P<stamp>[^\]]+)\] ?")


@dataclass(frozen=True, slots=True)
class AddressLine:
    """One address that came or went. `stamp`: when, on the node's clock; the monitor must run with TZ=UTC."""

    link: str
    address: str
    present: bool
    stamp: datetime | None = None


def address_list(text: str) -> frozenset[str]:
    """Every address in the output of `ip -o addr show`, without prefix lengths."""
    found = (_ADDRESS.match(line) for line in text.splitlines())
    return frozenset(match["address"] for match in found if match)


def monitor_line(line: str) -> AddressLine | None:
    """One line of the address monitor; None for lines that are not about an address."""
    stamp, rest = _stamp(line.strip())
    present = not rest.startswith("Deleted ")
    match = _ADDRESS.match(rest.removeprefix("Deleted "))
    if match is None:
        return None
    return AddressLine(match["link"], match["address"], present, stamp)


def _stamp(line: str) -> tuple[datetime | None, str]:
    match = _STAMP.match(line)
    if match is None:
        return None, line
    try:
        return datetime.fromisoformat(match["stamp"]).replace(tzinfo=UTC), line[match.end() :]
    except ValueError:
        return None, line[match.end() :]
