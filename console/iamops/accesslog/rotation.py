"""A log and what rotation has made of it: its files, which is newer, and where reading stopped. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from iamops.model.foreign import whole

ANCHOR_MAX = 200
PACKED = (".gz", ".bz2", ".xz", ".zst")
_NUMBER = re.compile(r"\.([0-9]{1,19})$")
# What logrotate calls a file, by number or by date; not what a compressor has not finished, nor an editor's copy.
_ROTATED = re.compile(r"[.-]\d[\d_.T:-]*")


@dataclass(frozen=True, slots=True)
class LogFile:
    """A file of the log in a listing. `changed`: seconds since the epoch, on the node's clock."""

    inode: int
    size: int
    changed: int
    name: str

    @property
    def packed(self) -> bool:
        return self.name.endswith(PACKED)


@dataclass(frozen=True, slots=True)
class LogPosition:
    """Where reading of a file stopped: always behind a complete line.

    `anchor` is the end of that line: it is read again, and must be the same for the file to be the same.
    `done`: nothing more is to be read there, because the file is compressed, not wanted, or lost; then `offset`
    is its size.
    """

    inode: int
    offset: int
    name: str
    anchor: bytes = b""
    changed: int = 0
    done: bool = False


def listed(lines: Iterable[bytes]) -> tuple[LogFile, ...]:
    """What `stat -c '%i %s %Y %n'` printed."""
    found = []
    for line in lines:
        words = line.decode("utf-8", "surrogateescape").split(" ", 3)
        match [whole(word) for word in words[:3]]:
            case [int(inode), int(size), int(changed)] if len(words) == 4:
                found.append(LogFile(inode, size, changed, words[3]))
    return tuple(found)


def newest_first(files: Iterable[LogFile], log: str) -> tuple[LogFile, ...]:
    """The log itself, then what was rotated away: by its number where it has one, else by its last change.

    A compressed file beside the plain one is still being written.
    """
    known = [file for file in files if file.name == log or _ROTATED.fullmatch(_plain(file.name).removeprefix(log))]
    names = {file.name for file in known}

    def rank(file: LogFile) -> tuple[int, int]:
        if file.name == log:
            return (0, 0)
        match = _NUMBER.search(_plain(file.name).removeprefix(log))
        # A number gives the order even of files that were rotated within the same second.
        return (1, int(match[1])) if match and len(match[1]) < 5 else (2, -file.changed)

    return tuple(sorted((file for file in known if not file.packed or _plain(file.name) not in names), key=rank))


def _plain(name: str) -> str:
    """The name before it was compressed."""
    return next((name.removesuffix(ending) for ending in PACKED if name.endswith(ending)), name)


def split_lines(data: bytes) -> tuple[list[bytes], int]:
    """Complete lines, and how many bytes they take; what is still being written is left for later."""
    end = data.rfind(b"\n") + 1
    return (data[:end].split(b"\n")[:-1], end) if end else ([], 0)


def anchor_of(data: bytes) -> bytes:
    """The end of the last line of some text that ends with a complete line."""
    tail = data[-ANCHOR_MAX:]
    start = tail.rfind(b"\n", 0, len(tail) - 1) + 1
    return tail[start:]
