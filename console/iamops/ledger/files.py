"""Files that must be regular ones, and directories for one user alone.

Opening a fifo waits for a writer, and a directory can be replaced by anybody who may write above it.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import socket
import stat
from pathlib import Path
from typing import BinaryIO

from iamops.model.journal import PLACE_CHARS

MACHINE = Path("/etc/machine-id")


def regular(path: Path) -> BinaryIO:
    """The file, to be read. Raises OSError, also for what is no regular file."""
    file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if stat.S_ISREG(os.fstat(file).st_mode):
        return os.fdopen(file, "rb")
    os.close(file)
    raise OSError(errno.EINVAL, "is not a regular file; move it away", str(path))


def make_private(directory: Path) -> list[Path]:
    """Makes it and what is missing above it, each for its owner alone whatever the umask; returns what was made.

    `mkdir(parents=True)` gives the upper ones the mode that the umask leaves. Raises OSError.
    """
    missing = [path for path in (directory, *directory.parents) if not path.exists()]
    for path in reversed(missing):
        path.mkdir(mode=0o700, exist_ok=True)
    if not directory.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, "is not a directory", str(directory))
    return missing


def sync_directory(directory: Path) -> None:
    """The names in it are on disk. Raises OSError, on some file systems always."""
    opened = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def place_token(path: str) -> str:
    """A path on this machine, in a form that tells nobody its name."""
    machine = ""
    with contextlib.suppress(OSError, ValueError):
        machine = MACHINE.read_text(encoding="ascii").strip()
    where = f"{machine or socket.gethostname()}\n{path}"
    return hashlib.sha256(where.encode("utf-8", "surrogateescape")).hexdigest()[:PLACE_CHARS]


def ledger_token(ledger: Path) -> str:
    return place_token(os.path.realpath(ledger))
