"""Files that must be regular ones, and directories for one user alone.

Whoever opens a fifo waits for somebody to write into it. Whoever may write above a directory can replace it.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO


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
    missing = [each for each in (directory, *directory.parents) if not each.exists()]
    for each in reversed(missing):
        each.mkdir(mode=0o700, exist_ok=True)
    if not directory.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, "is not a directory", str(directory))
    return missing
