"""Who else watches a node, as its own lock table tells. Pure: text -> values."""

from __future__ import annotations

import re
from dataclasses import dataclass

from console.parse.numbers import real, whole

HELLO = "iamops-turn"
# Any user of the node may hold such a lock. More holders than that are not waited for: whoever is not among them
# looks as if alone, so that a crowd that is none slows nobody down.
HOLDERS_MAX = 12
# A century. What says more counts nothing.
UPTIME_MAX_S = 3.2e9
_LOCK = re.compile(
    r"[0-9]+: FLOCK +ADVISORY +READ +(?P<pid>[0-9]{1,10}) +"
    r"(?P<major>[0-9a-f]{2,8}):(?P<minor>[0-9a-f]{2,8}):(?P<inode>[0-9]{1,19}) "
)


@dataclass(frozen=True, slots=True)
class Place:
    """Our shared lock's process, and the directories of turns and of alarms as (device, inode)."""

    pid: int
    turns: tuple[int, int]
    alarms: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Turn:
    """Our place among those who watch a node. `uptime_s` is the node's; `alarms`: how many just saw trouble."""

    rank: int
    watchers: int
    uptime_s: float
    alarms: int = 0


def place_of(line: str) -> Place | None:
    """The first line of a stream that holds the lock: `iamops-turn PID DEVICE:INODE DEVICE:INODE`."""
    words = line.split()
    if len(words) != 4 or words[0] != HELLO:
        return None
    pid, turns, alarms = whole(words[1]), _file(words[2]), _file(words[3])
    return None if pid is None or turns is None or alarms is None else Place(pid, turns, alarms)


def turn_of(text: str, place: Place) -> Turn | None:
    """The node's uptime, then its lock table. None: our own lock is not in it, so nobody can be counted there."""
    first, _, table = text.partition("\n")
    uptime_s = real(first.strip())
    holders = sorted(_holders(table, place.turns))[:HOLDERS_MAX]
    if uptime_s is None or not 0 <= uptime_s <= UPTIME_MAX_S or place.pid not in holders:
        return None
    return Turn(holders.index(place.pid), len(holders), uptime_s, len(_holders(table, place.alarms)))


def _holders(table: str, file: tuple[int, int]) -> set[int]:
    found = (_LOCK.match(line) for line in table.splitlines())
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
