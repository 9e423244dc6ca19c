"""Files that tell of the cluster: for their owner only, whatever the umask, through no stranger's link."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from pathlib import Path

from console.ledger.regular import make_private

PRIVATE = 0o600
GIVEN = ("/dev/", "/proc/")


def write_private(path: Path, text: str) -> None:
    """Writes a file that nobody else can read; one that is there is replaced. Raises OSError.

    What is no regular file (a terminal, a pipe) is written to as it is, and so is what this process was given open
    (/dev/stdout). Another user's file is refused: whoever put it there would read on.
    """
    refuse_foreign_links(path)
    given = os.path.abspath(path).startswith(GIVEN)
    if not given:
        _give_up_shared(path)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, PRIVATE)
    with os.fdopen(handle, "w", encoding="utf-8") as sink:
        found = os.fstat(handle)
        if stat.S_ISREG(found.st_mode):
            if found.st_uid == os.geteuid():
                os.fchmod(handle, PRIVATE)
            elif not given:
                raise OSError(
                    errno.EPERM, "belongs to another user: remove it first, or name another file", str(path)
                )
            os.ftruncate(handle, 0)
        sink.write(text)


def _give_up_shared(path: Path) -> None:
    """A file of ours that others may open, or with a second name: whoever has it open would read what is new."""
    with contextlib.suppress(OSError):  # there is none; or it stays, and is for its owner alone from now on
        found = os.lstat(path)
        ours = stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid()
        if ours and (stat.S_IMODE(found.st_mode) & ~PRIVATE or found.st_nlink > 1):
            path.unlink()


def private_directory(path: Path) -> None:
    """Makes the directory and what is missing above it, for its owner alone. Raises OSError."""
    refuse_foreign_links(path)
    make_private(path)


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
