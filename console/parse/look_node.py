"""Parses the small reads of a deep look: stat, df, ip link, nginx's error log, the neighbour table. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import islice

from console.model.look import ErrorLook, FileStamp, Filesystem
from console.parse.complaints.nginx import nginx_complaints
from console.parse.log_time import logged_at
from console.parse.words import words, words_of

TEXT_MAX = 200
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
        path = words(match["path"], TEXT_MAX)
        owner, size = words(match["owner"], TEXT_MAX), int(match["size"])
        found[path] = FileStamp(path, int(match["mode"], 8), owner, size, float(match["at"]))
    return found


def filesystems(space: str, inodes: str) -> tuple[Filesystem, ...]:
    """From `df -P` and `df -Pi` of the same paths. A path on the same file system is told once."""
    by_space, by_inodes = _used(space), _used(inodes)
    mounts = dict.fromkeys((*by_space, *by_inodes))
    return tuple(Filesystem(mount, by_space.get(mount), by_inodes.get(mount)) for mount in mounts)


def hardware_addresses(text: str) -> Mapping[str, str]:
    """Interface -> MAC, from `ip -o link`."""
    return {words(match["name"], 15): match["mac"] for match in islice(_LINK.finditer(text), MOST_LINKS)}


def error_look(lines: Iterable[bytes], zone_s: int) -> ErrorLook:
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
            sample = words_of(line, TEXT_MAX)
    return ErrorLook(tuple(exhausted), tuple(turned_away), sample, len(kept), nginx_complaints(kept, zone_s))


def neighbours(text: str) -> Mapping[str, str]:
    """Address -> MAC, from /proc/net/arp; incomplete entries are left out."""
    return {match["address"]: match["mac"] for match in _ARP.finditer(text) if int(match["flags"], 16) & COMPLETE}


def _used(text: str) -> dict[str, float | None]:
    return {
        words(match["mount"], TEXT_MAX): None if match["pct"] is None else float(match["pct"])
        for match in islice(_DF.finditer(text), MOST_MOUNTS)
    }
