"""The ledger's side file: how far the ledger goes, so that records cut off at its end are missed."""

from __future__ import annotations

import contextlib
import errno
import os
import re
from dataclasses import dataclass
from pathlib import Path

from console.ledger.regular import regular

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


def prepare_head(ledger: Path, head: Head) -> None:
    """What is going to be the side file, on disk under another name. Raises OSError."""
    # Whatever lies there was left by a crash, or put there: nothing is written into it.
    with contextlib.suppress(FileNotFoundError):
        _scratch(ledger).unlink()
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    file = os.open(_scratch(ledger), flags, 0o600)
    try:
        text = f"{head.n} {head.hash}\n".encode("ascii")
        if os.write(file, text) != len(text):
            raise OSError(errno.ENOSPC, "no space left for it", str(_scratch(ledger)))
        os.fsync(file)
    finally:
        os.close(file)


def put_head(ledger: Path) -> None:
    """It takes the place of the old one. Raises OSError, and then the old one stands."""
    _scratch(ledger).replace(head_file(ledger))
    settle(ledger.parent)


def settle(directory: Path) -> None:
    """The names in it are on disk. Some file systems cannot; of two side files the older one is left then."""
    with contextlib.suppress(OSError):
        opened = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)


def _scratch(ledger: Path) -> Path:
    return head_file(ledger).with_suffix(".new")
