"""Checks the chain of a ledger: one changed byte anywhere is found, with the number of its record."""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from iamops.judge.run import drill_ending_of, ending_of
from iamops.ledger.audit import Head, read, read_head, unfit
from iamops.ledger.files import regular
from iamops.ledger.record import BREAK, FIRST, Record, digest, is_torn, is_whole, record_of
from iamops.model.text import counted
from iamops.redact.clean import clean_text

# A writer holds the lock for some milliseconds; a longer hold is no writing.
LOCK_WAIT_S, TRY_AGAIN_S = 2.0, 0.01
REASON_CHARS = 300
OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


@dataclass(frozen=True, slots=True)
class Break:
    """Where the chain is broken: the record (1 is the first), the line of the file, and how."""

    record: int
    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class ChainVerdict:
    """`records` are the good ones before the break, if there is one. `notes`: what is odd and breaks nothing."""

    records: int
    broken: Break | None = None
    notes: tuple[str, ...] = ()


def verify(path: Path) -> ChainVerdict:
    """Reads the whole ledger. No file is an empty ledger. Raises OSError when it cannot be read."""
    content, notes = b"", tuple[str, ...]()
    try:
        with regular(path) as file, _unwritten(file.fileno()):
            # The ledger and its side file, at the same time.
            content, head = file.read(), read_head(path)
            notes = tuple(_other_hands(path, os.fstat(file.fileno())))
    except FileNotFoundError:
        head = read_head(path)
    *lines, rest = content.split(b"\n")
    chain = _ChainCheck()
    for number, line in enumerate(lines, start=1):
        broken = chain.line(number, line)
        if broken is not None:
            return ChainVerdict(len(chain.good), broken, notes)
    broken = chain.end(rest, len(lines)) or _wrong_end(head, chain.good, len(lines))
    return ChainVerdict(len(chain.good), broken, (*notes, *chain.notes(), *_behind(head, chain.good)))


def _other_hands(path: Path, found: os.stat_result) -> Iterator[str]:
    """Who else may write to it."""
    if path.is_symlink():
        yield f"{path} is a link: no action writes to a ledger through one"
    if found.st_uid != os.geteuid():
        yield f"{path} belongs to another user (uid {found.st_uid})"
    if found.st_mode & OTHERS_WRITE:
        yield f"others may write to {path}: chmod 600 {path}"
    directory = path.parent.stat().st_mode
    if directory & OTHERS_WRITE and not directory & stat.S_ISVTX:
        yield f"others may replace it: chmod 700 {path.parent}"


@contextlib.contextmanager
def _unwritten(file: int) -> Iterator[None]:
    """Nobody writes meanwhile. A lock that is not to be had is done without: it only keeps others from writing."""
    deadline = time.monotonic() + LOCK_WAIT_S
    with contextlib.suppress(OSError):  # a file system without locks
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() < deadline:
                    time.sleep(TRY_AGAIN_S)
                    continue
            break
    yield


@dataclass(slots=True)
class _ChainCheck:
    """The chain line by line. `odd` are the lines since the last record that are none."""

    good: list[Record] = field(default_factory=list)
    odd: list[bytes] = field(default_factory=list)
    odd_from: int = 0
    converted: int = 0
    unfinished: int = 0

    def line(self, number: int, line: bytes) -> Break | None:
        record = record_of(line)
        if record is None:
            self.odd_from = self.odd_from if self.odd else number
            self.odd.append(line)
            return None
        reason = self._wrong(line, record)
        if reason is not None:
            if self.odd and record.torn is None:
                return Break(len(self.good) + 1, self.odd_from, "not a record")
            return Break(len(self.good) + 1, number, reason)
        self.converted += line.endswith(b"\r")
        self.good.append(record)
        self.odd.clear()
        return None

    def end(self, rest: bytes, lines: int) -> Break | None:
        """What stands behind the last record: a write that was cut off is no break, anything else is one."""
        last = record_of(rest)
        if last is not None and is_whole(rest, last):
            return self.line(lines + 1, rest)  # it lacks nothing but the end of its line
        if not self.odd and not rest:
            return None
        self.unfinished = self.odd_from if self.odd else lines + 1
        if is_torn(b"\n".join([*self.odd, rest])):
            return None
        return Break(len(self.good) + 1, self.unfinished, "not a record")

    def notes(self) -> Iterator[str]:
        if self.converted:
            yield (
                f"{self.converted} lines end with CR LF: a program has converted the file, "
                "and every record in it is as it was written"
            )
        if self.unfinished:
            yield f"line {self.unfinished} is unfinished: a write that was cut off; the next record will say so"

    def _wrong(self, line: bytes, record: Record) -> str | None:
        last = self.good[-1] if self.good else None
        if not is_whole(line.removesuffix(b"\r"), record):
            return "its content does not fit its hash"
        if record.n != (last.n + 1 if last else 1):
            return f"it has number {record.n}: records are missing before it"
        if record.prev != (last.hash if last else FIRST):
            return "it does not follow the record before it"
        # The unfinished lines before it, as they were written or with CR LF since.
        as_written, without_cr = b"\n".join(self.odd), b"\n".join(line.removesuffix(b"\r") for line in self.odd)
        if record.torn not in ((digest(as_written), digest(without_cr)) if self.odd else (None,)):
            return "what stands before it is not what it was written behind"
        if record.kind == BREAK:
            return f"when it was written: {clean_text(str(record.raw.get('reason')), REASON_CHARS)}"
        return None


def _behind(head: Head | str | None, good: Sequence[Record]) -> Iterator[str]:
    """A crash leaves that too, so it is no break; but so does a hand that can write to the ledger alone."""
    last = good[-1] if good else None
    if isinstance(head, Head) and last is not None and head.n == last.n - 1:
        yield (
            f"the side file ends with record {head.n}: iamops was ended while it wrote record {last.n}, "
            f"or another hand wrote it"
        )


def _wrong_end(head: Head | str | None, good: Sequence[Record], lines: int) -> Break | None:
    """The end of the file against what the side file remembers."""
    why = unfit(head, good[-1] if good else None)
    if why is None:
        return None
    if isinstance(head, Head) and head.n > len(good):
        missing = head.n - len(good)
        text = f"{counted(missing, 'record')} {'is' if missing == 1 else 'are'} missing at the end"
        return Break(len(good) + 1, lines + 1, text)
    if isinstance(head, Head) and good[head.n - 1].hash != head.hash:
        return Break(head.n, head.n, "another record stands here than the one that was written")
    return Break(len(good), lines, why)


# The ledger's records gathered run by run: what a run did and how it ended, whichever record says so.
#
# A drill leaves three records: the engine's intent and outcome (or its refusal), and the drill's own report with a
# verdict. They are one run, and the verdict is how it ended.

DRILL = "drill"


@dataclass(frozen=True, slots=True)
class LedgerRun:
    """Everything the ledger has about one run, in its order."""

    run: str
    records: tuple[Record, ...]

    @property
    def last(self) -> Record:
        return self.records[-1]

    @property
    def breaks(self) -> bool:
        """No run: a record that says why the ledger did not fit its side file."""
        return self.last.kind == BREAK

    @property
    def outcome(self) -> str:
        """`succeeded`, `undone`, `failed`, `unknown`, `refused`; of a drill `passed`; empty: not known."""
        if self._report:
            return drill_ending_of(self._report)
        return next((ended for r in reversed(self.records) if (ended := ending_of(r.raw))), "")

    @property
    def sentence(self) -> str:
        return str(self._report.get("sentence") or self.value("sentence") or "")

    def value(self, key: str) -> Any:
        """What the newest record that has it says."""
        return next((r.raw[key] for r in reversed(self.records) if r.raw.get(key) not in (None, "")), None)

    @property
    def owners(self) -> tuple[Any, Any]:
        """The owners of the VIPs before and after, where records have them."""
        states = (self.value("before"), self.value("after"))
        before, after = (state.get("owners") if isinstance(state, Mapping) else None for state in states)
        return before, after

    @property
    def _report(self) -> Mapping[str, Any]:
        found = next((r.raw.get("drill_report") for r in reversed(self.records) if r.kind == DRILL), None)
        return found if isinstance(found, Mapping) else {}


def runs_of(records: Sequence[Record]) -> tuple[LedgerRun, ...]:
    """In the order of each run's first record; a record without a run stands for itself."""
    found: dict[str, list[Record]] = {}
    for record in records:
        found.setdefault(record.run or str(record.n), []).append(record)
    return tuple(LedgerRun(run, tuple(of_run)) for run, of_run in found.items())


@dataclass(frozen=True, slots=True)
class LedgerPage:
    """The ledger as a reader wants it: its records, oldest first, and the verdict on their chain."""

    records: tuple[Record, ...]
    verdict: ChainVerdict


def ledger_page(path: Path) -> LedgerPage:
    """Reads and checks a ledger; no file is an empty one. Raises OSError when it cannot be read."""
    return LedgerPage(tuple(read(path)), verify(path))
