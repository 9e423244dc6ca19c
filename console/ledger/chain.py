"""What of a ledger goes into nodes' journals, and what their lines are compared with."""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
from pathlib import Path

from console.ledger.audit import read
from console.ledger.record import Record, is_whole, record_of
from console.ledger.regular import regular
from console.model.anchor import PLACE_CHARS, Anchor, Chain, anchor_of

MACHINE = Path("/etc/machine-id")


def anchor(path: Path, record: Record) -> Anchor | None:
    """For a record that was just written; None if the ledger cannot be read any more."""
    try:
        first = next(read(path), None)
    except OSError:
        return None
    return anchor_of(first.hash, record.n, record.hash, place_of(path)) if first is not None else None


def chain_of(path: Path) -> Chain:
    """Every record that is whole, wherever it stands: `verify` judges their order. Raises OSError."""
    heads: set[tuple[int, str]] = set()
    ledger, place = None, place_of(path)
    try:
        with regular(path) as file:
            for line in file:
                record = record_of(line.rstrip(b"\r\n"))
                if record is None:
                    continue
                found = anchor_of(record.hash, record.n, record.hash, place)
                ledger = found.ledger if ledger is None else ledger
                if is_whole(line.rstrip(b"\r\n"), record):
                    heads.add((found.n, found.head))
    except FileNotFoundError:
        pass
    return Chain(ledger, frozenset(heads), max((n for n, _ in heads), default=0))


def place_of(path: Path) -> str:
    """The file on this machine, in a form that tells nobody its name."""
    return _place(os.path.realpath(path))


def places_of(path: Path) -> tuple[str, ...]:
    """`place_of`, and where the file would lie if fewer of the directories above it were links.

    Whoever puts a link in the place of a directory moves the ledger away, and another one to where it was: what
    nodes remember of the former is still said of this place.
    """
    whole = Path(os.path.abspath(path))
    above = [Path(os.path.realpath(each)) / whole.relative_to(each) for each in whole.parents]
    return tuple(dict.fromkeys((place_of(path), *(_place(str(each)) for each in (*above, whole)))))


def _place(path: str) -> str:
    machine = ""
    with contextlib.suppress(OSError, ValueError):
        machine = MACHINE.read_text(encoding="ascii").strip()
    where = f"{machine or socket.gethostname()}\n{path}"
    return hashlib.sha256(where.encode("utf-8", "surrogateescape")).hexdigest()[:PLACE_CHARS]
