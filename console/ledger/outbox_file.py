"""The outbox's file: checksummed lines, on disk when `append` returns, replaced as a whole now and then."""

from __future__ import annotations

import contextlib
import json
import os
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from console.parse.foreign_json import json_of

ASIDE_BYTES = 1024 * 1024


class OutboxFile:
    """One file and, beside it, `.bad`: lines that could not be read. Only one process may write."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.aside = path.with_suffix(".bad")

    def read(self, *, being_written: bool = False) -> tuple[list[Mapping[str, Any]], list[bytes]]:
        """Every whole line, oldest first, and every line that is not what was written. Raises OSError.

        `being_written`: a last line without its end is not counted as bad.
        """
        try:
            raw = self.path.read_bytes()
        except FileNotFoundError:
            return [], []
        if being_written:
            raw = raw[: raw.rfind(b"\n") + 1]
        whole, bad = list[Mapping[str, Any]](), list[bytes]()
        for line in raw.splitlines():
            entry = entry_of(line)
            if entry is not None:
                whole.append(entry)
            elif line:
                bad.append(line)
        return whole, bad

    def append(self, entry: Mapping[str, Any]) -> None:
        """Raises OSError, and then the file is as it was or ends in a torn line."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        file = os.open(self.path, flags, 0o600)
        try:
            _write(file, line_of(entry))
        finally:
            os.close(file)

    def replace(self, entries: Sequence[Mapping[str, Any]]) -> None:
        """The file with these lines and no others, or as it was. Raises OSError."""
        scratch = self.path.with_suffix(".new")
        file = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            _write(file, b"".join(line_of(entry) for entry in entries))
        finally:
            os.close(file)
        scratch.replace(self.path)
        directory = os.open(self.path.parent, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)

    def put_aside(self, lines: Sequence[bytes]) -> None:
        """Keeps lines for a person to look at, up to a bound. That this fails must not stop an alert."""
        with contextlib.suppress(OSError):
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
            file = os.open(self.aside, flags, 0o600)
            try:
                room = max(0, ASIDE_BYTES - os.fstat(file).st_size)
                os.write(file, b"\n".join((*lines, b""))[:room])
            finally:
                os.close(file)


def line_of(entry: Mapping[str, Any]) -> bytes:
    text = json.dumps(entry, separators=(",", ":"), ensure_ascii=True).encode("ascii")
    return b"%08x %s\n" % (zlib.crc32(text), text)


def entry_of(line: bytes) -> Mapping[str, Any] | None:
    """None for a line that was cut off or changed."""
    checksum, _, text = line.partition(b" ")
    if checksum != b"%08x" % zlib.crc32(text):
        return None
    try:
        entry = json_of(text)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None


def _write(file: int, content: bytes) -> None:
    left = memoryview(content)
    while left:
        left = left[os.write(file, left) :]
    os.fsync(file)
