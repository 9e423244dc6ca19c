"""Files that tell of the cluster: for their owner only, whatever the umask, through no stranger's link."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

PRIVATE = 0o600


def write_private(path: Path, text: str) -> None:
    """Writes a file that nobody else can read; one that is there is replaced in place. Raises OSError.

    What is no regular file (a terminal, a pipe) is written to as it is.
    """
    refuse_foreign_links(path)
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
    handle = os.open(path, flags, PRIVATE)
    with os.fdopen(handle, "w", encoding="utf-8") as sink:
        found = os.fstat(handle)
        if stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid():
            os.fchmod(handle, PRIVATE)
        sink.write(text)


def private_directory(path: Path) -> None:
    """Makes the directory and what is missing above it, for its owner alone. Raises OSError."""
    refuse_foreign_links(path)
    path.mkdir(mode=0o700, parents=True, exist_ok=True)


def refuse_foreign_links(path: Path) -> None:
    """Raises OSError where the path leads through, or to, a link that another user has put there."""
    whole = Path(os.path.abspath(path))
    for part in (*reversed(whole.parents), whole):
        try:
            found = os.lstat(part)
        except OSError:
            return
        if stat.S_ISLNK(found.st_mode) and found.st_uid not in (os.geteuid(), 0):
            raise OSError(errno.ELOOP, "leads through another user's link, and is not followed", str(part))
