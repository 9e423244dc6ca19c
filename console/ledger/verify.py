"""Checks the chain of a ledger: one changed byte anywhere is found, with the number of its record."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from console.ledger.audit import unfit
from console.ledger.head import Head, read_head
from console.ledger.record import BREAK, FIRST, Record, digest, is_whole, record_of
from console.ledger.regular import regular


@dataclass(frozen=True, slots=True)
class Break:
    """Where the chain is broken: the record (1 is the first), the line of the file, and how."""

    record: int
    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """`records` are the good ones before the break, if there is one."""

    records: int
    broken: Break | None = None


def verify(path: Path) -> Verdict:
    """Reads the whole ledger. No file is an empty ledger. Raises OSError when it cannot be read."""
    try:
        with regular(path) as file:
            content = file.read()
    except FileNotFoundError:
        content = b""
    good: list[Record] = []
    torn: bytes | None = None
    *lines, _ = content.split(b"\n")
    for number, line in enumerate(lines, start=1):
        record = record_of(line)
        reason = _wrong(line, record, good[-1] if good else None, torn)
        if reason is None and record is not None:
            good.append(record)
            torn = None
        elif record is None and torn is None and number < len(lines):
            torn = line  # a write that was cut off; the next record must say so
        else:
            return Verdict(len(good), Break(len(good) + 1, number, reason or "not a record"))
    # An unfinished line at the very end is a write that was cut off: the next record will say so.
    end = _wrong_end(torn, good, path, len(lines))
    return Verdict(len(good), end)


def _wrong(line: bytes, record: Record | None, last: Record | None, torn: bytes | None) -> str | None:
    if record is None:
        return "not a record"
    if not is_whole(line, record):
        return "its content does not fit its hash"
    if record.n != (last.n + 1 if last else 1):
        return f"it has number {record.n}: records are missing before it"
    if record.prev != (last.hash if last else FIRST):
        return "it does not follow the record before it"
    if record.torn != (None if torn is None else digest(torn)):
        return "what stands before it is not what it was written behind"
    if record.kind == BREAK:
        return f"when it was written: {record.raw.get('reason')}"
    return None


def _wrong_end(torn: bytes | None, good: list[Record], path: Path, lines: int) -> Break | None:
    """The end of the file against what the side file remembers."""
    if torn is not None:
        return Break(len(good) + 1, lines, "not a record")
    head, last = read_head(path), good[-1] if good else None
    why = unfit(head, last)
    if why is None:
        return None
    if isinstance(head, Head) and head.n > len(good):
        return Break(len(good) + 1, lines + 1, f"{head.n - len(good)} records are missing at the end")
    if isinstance(head, Head) and good[head.n - 1].hash != head.hash:
        return Break(head.n, head.n, "another record stands here than the one that was written")
    return Break(len(good), lines, why)
