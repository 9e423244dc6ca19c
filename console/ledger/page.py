"""The ledger as a reader wants it: the records, and whether they can be believed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from console.ledger.audit import read
from console.ledger.record import Record
from console.ledger.verify import Verdict, verify


@dataclass(frozen=True, slots=True)
class Page:
    """Records, oldest first, and the verdict on their chain."""

    records: tuple[Record, ...]
    verdict: Verdict


def page(path: Path) -> Page:
    """Reads and checks a ledger; no file is an empty one. Raises OSError when it cannot be read."""
    return Page(tuple(read(path)), verify(path))
