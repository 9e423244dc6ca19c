"""The audit ledger: append-only JSON lines, each chained to the one before by its hash.

Beside it stands a side file that says how far it goes. Where the two do not fit, someone else has been at one of
them, or it was lost: the next record that is written says so, and stays the place where the chain is broken.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from iamops.ledger.files import ledger_token, make_private, regular, sync_directory
from iamops.ledger.record import (
    BREAK,
    FIRST,
    LARGEST_BYTES,
    Record,
    digest,
    fitting,
    is_torn,
    is_whole,
    line_of,
    record_of,
)
from iamops.model.journal import Anchor, anchor_of
from iamops.model.timestamps import rfc3339
from iamops.redact.clean import clean_document

# The ledger's side file: how far the ledger goes, so that records cut off at its end are missed.

LONGEST = 1024
_FORM = re.compile(r"([1-9][0-9]{0,15}) ([0-9a-f]{64})\n?")


@dataclass(frozen=True, slots=True)
class Head:
    """The number and the hash of the record that was written last."""

    n: int
    hash: str


def head_file(ledger: Path) -> Path:
    return ledger.with_suffix(".head")


def read_head(ledger: Path) -> Head | str | None:
    """None if there is none; in words why it says nothing."""
    try:
        with regular(head_file(ledger)) as file:
            text = file.read(LONGEST).decode("ascii", "replace")
    except FileNotFoundError:
        return None
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    form = _FORM.fullmatch(text)
    return Head(int(form[1]), form[2]) if form else "does not say it"


def _prepare_head(ledger: Path, head: Head) -> Path:
    """What is going to be the side file, on disk under another name. Raises OSError."""
    scratch = head_file(ledger).with_suffix(".new")
    # Whatever lies there was left by a crash, or put there: nothing is written into it.
    with contextlib.suppress(FileNotFoundError):
        scratch.unlink()
    file = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        text = f"{head.n} {head.hash}\n".encode("ascii")
        if os.write(file, text) != len(text):
            raise OSError(errno.ENOSPC, "no space left for it", str(scratch))
        os.fsync(file)
    finally:
        os.close(file)
    return scratch


def _settle(directory: Path) -> None:
    """Some file systems cannot; of two side files the older one is left then."""
    with contextlib.suppress(OSError):
        sync_directory(directory)


# For one record of any size, and one that says why the ledger does not fit its side file.
ROOM_BYTES = LARGEST_BYTES + 64 * 1024
# The lock is waited for in the loop that keeps the screen alive.
CHECK_WAIT_S, APPEND_WAIT_S, TRY_AGAIN_S = 0.1, 2.0, 0.01
# How much is looked at first for the last record: it carries a plan and two state summaries.
TAIL_BYTES = 1024 * 1024


class LedgerError(Exception):
    """The ledger cannot take a record; says which file, why, and what to do."""

    def __init__(self, path: Path, reason: str, next_step: str) -> None:
        super().__init__(f"{path}: {reason}; {next_step}")


class Audit:
    """Appends to one file. Several processes may do so at once; each record is on disk when `append` returns."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        self._path = path
        self._clock = clock

    def check(self) -> None:
        """Raises LedgerError when a record could not be written now."""
        # The outcome of an action must still fit after its intent was written.
        with self._opened(CHECK_WAIT_S, 2 * ROOM_BYTES):
            pass

    def record(self, kind: str, body: Mapping[str, object]) -> Anchor | None:
        """Like `append`; returns what nodes are to remember of the record."""
        return anchor(self._path, self.append(kind, body))

    def append(self, kind: str, body: Mapping[str, object]) -> Record:
        """Writes one record without secrets and returns it; one that is too large is cut, and says so (`cut`).

        Raises LedgerError, and then nothing was written.
        """
        body = clean_document(body)
        with self._opened(APPEND_WAIT_S, ROOM_BYTES) as file:
            last, torn = _end_of(file)
            why = unfit(read_head(self._path), last)
            if why is not None:
                last, torn = self._write(file, BREAK, {"reason": why}, last, torn), b""
            return self._write(file, kind, body, last, torn)

    def _write(self, file: int, kind: str, body: Mapping[str, object], last: Record | None, torn: bytes) -> Record:
        """One record, and the side file after it: both or neither."""
        line = line_of(
            n=last.n + 1 if last else 1,
            at=rfc3339(self._clock()),
            kind=kind,
            prev=last.hash if last else FIRST,
            torn=digest(torn.removesuffix(b"\n")) if torn else None,
            body=fitting(body),
        )
        record = record_of(line[:-1])
        assert record is not None  # noqa: S101 - we have just made it
        before = os.fstat(file).st_size
        if before and os.pread(file, 1, before - 1) != b"\n":
            line = b"\n" + line
        try:
            head = _prepare_head(self._path, Head(record.n, record.hash))
            if os.write(file, line) != len(line):
                raise OSError(errno.ENOSPC, "no space left for the whole record")
            os.fsync(file)
            head.replace(head_file(self._path))
            _settle(self._path.parent)
        except OSError as error:
            with contextlib.suppress(OSError):
                os.ftruncate(file, before)
                os.fsync(file)
            raise self._failed(error) from None
        return record

    @contextlib.contextmanager
    def _opened(self, wait_s: float, needed_bytes: int) -> Iterator[int]:
        """The file, locked against other processes, and with room on its disk."""
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            # A directory that a power failure takes away would take the ledger along.
            for made in make_private(self._path.parent):
                _settle(made.parent)
            file = os.open(self._path, flags, 0o600)
        except OSError as error:
            if error.errno == errno.ELOOP and self._path.is_symlink():
                raise LedgerError(self._path, "is a link", "put the ledger itself in its place") from None
            raise self._failed(error) from None
        try:
            found = os.fstat(file)
            if not stat.S_ISREG(found.st_mode):
                raise LedgerError(self._path, "is not a regular file", "move it away")
            if found.st_uid != os.geteuid():
                reason = f"belongs to another user (uid {found.st_uid}): its records are not yours"
                raise LedgerError(self._path, reason, "move it away, or set XDG_STATE_HOME to a place of your own")
            self._lock(file, wait_s)
            disk = os.fstatvfs(file)
            room = disk.f_bavail * disk.f_frsize
            if room < needed_bytes:
                reason = f"only {room // 1024} KiB are free on its disk"
                raise LedgerError(self._path, reason, "make room, or set XDG_STATE_HOME to another place")
            yield file
        except OSError as error:  # a disk that cannot be read, a file system without locks
            raise self._failed(error) from None
        finally:
            os.close(file)

    def _lock(self, file: int, wait_s: float) -> None:
        """Others need it for some milliseconds. A longer hold must not delay an action, nor its end."""
        deadline = time.monotonic() + wait_s
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    reason = f"another process has held its lock for {wait_s:g} s"
                    raise LedgerError(self._path, reason, f"look: fuser -v {self._path}") from None
                time.sleep(TRY_AGAIN_S)
            else:
                return

    def _failed(self, error: OSError) -> LedgerError:
        path = Path(error.filename) if error.filename else self._path
        return LedgerError(path, error.strerror or str(error), f"look: ls -ld {self._path.parent}")


def unfit(head: Head | str | None, last: Record | None) -> str | None:
    """Why the side file and the end of the ledger cannot be of the same hand; None when they fit.

    The side file may be one record behind: that is what a power failure between the two leaves.
    """
    match head, last:
        case None, None:
            return None
        case None, Record():
            return "the side file that says how far the ledger goes is gone"
        case str(why), _:
            return f"the side file that says how far the ledger goes {why}"
        case Head(n), None:
            return f"all {n} records are gone"
        case Head(n, hash_), Record():
            if (n, hash_) in ((last.n, last.hash), (last.n - 1, last.prev)):
                return None
            if n > last.n:
                first = last.n + 1
                return f"record {n} is missing" if n == first else f"records {first} to {n} are missing"
            return f"the ledger ends with record {last.n}, and not as it was left with record {n}"
    raise AssertionError(head)


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


def anchor(path: Path, record: Record) -> Anchor | None:
    """For a record that was just written; None if the ledger cannot be read any more."""
    try:
        first = next(read(path), None)
    except OSError:
        return None
    return anchor_of(first.hash, record.n, record.hash, ledger_token(path)) if first is not None else None


def _end_of(file: int) -> tuple[Record | None, bytes]:
    """The last record, and what stands unfinished behind it: a write that was cut off.

    A record that lacks nothing but the end of its line is one.
    """
    size, window = os.fstat(file).st_size, TAIL_BYTES
    while True:
        tail = os.pread(file, window, max(0, size - window))
        *lines, rest = tail.split(b"\n")
        last = record_of(rest)
        if last is not None and is_whole(rest, last):
            return last, b""
        last, behind = None, [rest]
        for line in reversed(lines):
            last = record_of(line)
            if last is not None:
                break
            behind.append(line)
        if last is not None or window >= size:
            torn = b"\n".join(reversed(behind))
            return last, torn if is_torn(torn) else b""
        window *= 8
