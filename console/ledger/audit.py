"""The audit ledger: append-only JSON lines, each chained to the one before by its hash."""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from console.ledger.record import FIRST, Record, digest, line_of, record_of
from console.ledger.regular import regular

# The outcome of an action must still fit after its intent was written.
ROOM_BYTES = 1024 * 1024
# Where the last record begins, looked for from the end: a record carries a plan and two pictures.
TAIL_BYTES = 1024 * 1024


class LedgerError(Exception):
    """The ledger cannot take a record; says which file, why, and what to do."""

    def __init__(self, path: Path, reason: str, next_step: str) -> None:
        super().__init__(f"{path}: {reason}; {next_step}")
        self.path = path
        self.reason = reason
        self.next_step = next_step


class Audit:
    """Appends to one file. Several processes may do so at once; each record is on disk when `append` returns."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        self._path = path
        self._clock = clock

    def check_writable(self) -> None:
        """Raises LedgerError when a record could not be written now."""
        with self._opened() as file:
            self._check_room(file)

    def append(self, kind: str, body: Mapping[str, Any]) -> Record:
        """Writes one record and returns it. Raises LedgerError, and then nothing was written."""
        with self._opened() as file:
            self._check_room(file)
            last, torn = _end_of(file)
            line = line_of(
                n=last.n + 1 if last else 1,
                at=_rfc3339(self._clock()),
                kind=kind,
                prev=last.hash if last else FIRST,
                torn=digest(torn) if torn else None,
                body=body,
            )
            self._write(file, (b"\n" if torn else b"") + line)
            record = record_of(line[:-1])
            assert record is not None  # noqa: S101 - we have just written it
            self._write_head(record)
        return record

    @contextlib.contextmanager
    def _opened(self) -> Iterator[int]:
        """The file, locked against other processes."""
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            file = os.open(self._path, flags, 0o600)
        except OSError as error:
            raise self._failed(error) from None
        try:
            if not stat.S_ISREG(os.fstat(file).st_mode):
                raise LedgerError(self._path, "is not a regular file", "move it away")
            fcntl.flock(file, fcntl.LOCK_EX)
            yield file
        finally:
            os.close(file)

    def _check_room(self, file: int) -> None:
        free = os.fstatvfs(file)
        room = free.f_bavail * free.f_frsize
        if room < ROOM_BYTES:
            reason = f"only {room // 1024} KiB are free on its disk"
            raise LedgerError(self._path, reason, "make room, or set XDG_STATE_HOME to another place")

    def _write(self, file: int, line: bytes) -> None:
        """All of it or nothing."""
        before = os.fstat(file).st_size
        try:
            if os.write(file, line) != len(line):
                raise OSError(28, "no space left for the whole record")
            os.fsync(file)
        except OSError as error:
            with contextlib.suppress(OSError):
                os.ftruncate(file, before)
            raise self._failed(error) from None

    def _write_head(self, record: Record) -> None:
        """Beside the ledger stands how far it goes, so that records cut off at its end are missed."""
        head = head_file(self._path)
        scratch = head.with_suffix(".new")
        try:
            scratch.write_text(f"{record.n} {record.hash}\n", encoding="ascii")
            scratch.replace(head)
        except OSError as error:
            raise self._failed(error) from None

    def _failed(self, error: OSError) -> LedgerError:
        return LedgerError(self._path, error.strerror or str(error), f"look: ls -ld {self._path.parent}")


def head_file(path: Path) -> Path:
    """The side file that says how far the ledger goes."""
    return path.with_suffix(".head")


def read(path: Path) -> Iterator[Record]:
    """Every line that is a record, oldest first; none if there is no ledger. Checks nothing. Raises OSError."""
    try:
        with regular(path) as file:
            for line in file:
                record = record_of(line.rstrip(b"\n"))
                if record is not None:
                    yield record
    except FileNotFoundError:
        return


def _end_of(file: int) -> tuple[Record | None, bytes]:
    """The last whole record, and what stands unfinished behind it: a write that was cut off."""
    size = os.fstat(file).st_size
    tail = os.pread(file, TAIL_BYTES, max(0, size - TAIL_BYTES))
    *lines, torn = tail.split(b"\n")
    last = next((record for line in reversed(lines) if (record := record_of(line)) is not None), None)
    return last, torn


def _rfc3339(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
