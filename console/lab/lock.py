"""One command at a time works on the lab: a lock the kernel releases when its holder dies."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from console.lab.errors import LabBusy

WAIT_S = 180.0


@contextmanager
def held(path: Path, progress: Callable[[str], None], *, wait_s: float = WAIT_S) -> Iterator[None]:
    """Holds the lock for the block; waits for another holder. Raises LabBusy."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="ascii") as file:
        deadline = time.monotonic() + wait_s
        told = False
        while not _taken(file.fileno()):
            if not told:
                progress(f"another command is working on the lab ({_holder(path)}); waiting for it")
                told = True
            if time.monotonic() >= deadline:
                raise LabBusy(
                    f"another command is working on the lab ({_holder(path)})", "try again when it is done"
                )
            time.sleep(0.1)
        os.ftruncate(file.fileno(), 0)
        file.write(f"pid {os.getpid()}")
        file.flush()
        yield


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(path: Path) -> str:
    return path.read_text(encoding="ascii").strip() or "just started"
