"""What of a ledger goes into nodes' journals, and what their lines are compared with."""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from iamops.ledger.audit import read
from iamops.ledger.files import regular
from iamops.ledger.record import Record, is_whole, record_of
from iamops.model.journal import PLACE_CHARS, Anchor, AnchorLine, Chain, anchor_of

MACHINE = Path("/etc/machine-id")


def anchor(path: Path, record: Record) -> Anchor | None:
    """For a record that was just written; None if the ledger cannot be read any more."""
    try:
        first = next(read(path), None)
    except OSError:
        return None
    return anchor_of(first.hash, record.n, record.hash, ledger_token(path)) if first is not None else None


def chain_of(path: Path) -> Chain:
    """Every record that is whole, wherever it stands: `verify` judges their order. Raises OSError."""
    heads: set[tuple[int, str]] = set()
    ledger, place = None, ledger_token(path)
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


def ledger_token(path: Path) -> str:
    """The file on this machine, in a form that tells nobody its name."""
    return _place(os.path.realpath(path))


def places_of(path: Path) -> tuple[str, ...]:
    """`place_of`, and where the file would lie if fewer of the directories above it were links.

    Whoever puts a link in the place of a directory moves the ledger away, and another one to where it was: what
    nodes remember of the former is still said of this place.
    """
    whole = Path(os.path.abspath(path))
    above = [Path(os.path.realpath(each)) / whole.relative_to(each) for each in whole.parents]
    return tuple(dict.fromkeys((ledger_token(path), *(_place(str(each)) for each in (*above, whole)))))


def _place(path: str) -> str:
    machine = ""
    with contextlib.suppress(OSError, ValueError):
        machine = MACHINE.read_text(encoding="ascii").strip()
    where = f"{machine or socket.gethostname()}\n{path}"
    return hashlib.sha256(where.encode("utf-8", "surrogateescape")).hexdigest()[:PLACE_CHARS]


# A ledger against what nodes' journals remember of it: is every anchored record still there? Pure.


class Misfit(StrEnum):
    """How a ledger is not what a journal remembers."""

    MISSING = "missing"  # it is shorter
    DIFFERS = "differs"  # another record stands there
    REPLACED = "replaced"  # another ledger stands in the file


@dataclass(frozen=True, slots=True)
class Unfit:
    """A line that the ledger does not fit, and why, as a sentence without node and time."""

    kind: Misfit
    line: AnchorLine
    reason: str


@dataclass(frozen=True, slots=True)
class OtherLedger:
    """Lines of a ledger that is not compared. `first_at`, `last_at`: epoch s by the node's clock."""

    ledger: str
    lines: int
    by: tuple[str, ...]
    first_at: float
    last_at: float


@dataclass(frozen=True, slots=True)
class Compared:
    """One node's lines. `proven`: the line of the highest record that is there as it was, with all before it."""

    matched: int
    proven: AnchorLine | None
    unfit: tuple[Unfit, ...]
    others: tuple[OtherLedger, ...]

    @property
    def lines(self) -> int:
        return self.matched + len(self.unfit) + sum(other.lines for other in self.others)


def compare(
    lines: Sequence[AnchorLine], own: Chain, places: Collection[str], *, intact: int, earlier: Sequence[Chain] = ()
) -> Compared:
    """`own` is the ledger that stands at `places` now, its chain intact up to record `intact`; `earlier`: ledgers
    that stood there and were moved away.
    """
    chains = {chain.ledger: chain for chain in (*earlier, own) if chain.ledger is not None}
    unfit: list[Unfit] = []
    matched: list[AnchorLine] = []
    others: dict[str, list[AnchorLine]] = {}
    for line in lines:
        chain = chains.get(line.anchor.ledger)
        if chain is not None:
            found = _against(line, chain)
        elif line.anchor.place in places:
            found = Unfit(Misfit.REPLACED, line, _replaced(line, own))
        else:
            others.setdefault(line.anchor.ledger, []).append(line)
            continue
        if found is None:
            matched.append(line)
        else:
            unfit.append(found)
    vouching = [line for line in matched if line.anchor.ledger == own.ledger and line.anchor.n <= intact]
    last = max(vouching, key=_number, default=None)
    return Compared(len(matched), last, tuple(unfit), tuple(_other(*each) for each in others.items()))


def proven(compared: Mapping[str, Compared]) -> int:
    """The last record that some node vouches for, and with it all before; 0 for none."""
    return max((_number(each.proven) for each in compared.values() if each.proven is not None), default=0)


def _against(line: AnchorLine, chain: Chain) -> Unfit | None:
    anchor = line.anchor
    if (anchor.n, anchor.head) in chain.heads:
        return None
    if anchor.n > chain.last:
        reason = f"record {anchor.n} had been written, and the ledger ends with record {chain.last}"
        return Unfit(Misfit.MISSING, line, reason)
    reason = f"record {anchor.n} is not the one that had been written"
    return Unfit(Misfit.DIFFERS, line, reason)


def _replaced(line: AnchorLine, own: Chain) -> str:
    now = "the file holds no record now" if own.ledger is None else f"ledger {own.ledger} stands in the file now"
    return f"record {line.anchor.n} of ledger {line.anchor.ledger} had been written here, and {now}"


def _number(line: AnchorLine) -> int:
    return line.anchor.n


def _other(ledger: str, lines: Sequence[AnchorLine]) -> OtherLedger:
    return OtherLedger(
        ledger,
        len(lines),
        tuple(_distinct(line.by for line in lines)),
        min(line.at for line in lines),
        max(line.at for line in lines),
    )


def _distinct(words: Iterable[str]) -> list[str]:
    return [word for word in dict.fromkeys(words) if word]
