"""A ledger beside what nodes' journals remember of it: is every anchored record still there?"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from iamops.ledger.files import ledger_token, place_token, regular
from iamops.ledger.record import is_whole, record_of
from iamops.model.journal import AnchorLine, Chain, anchor_of


def chain_of(path: Path) -> Chain:
    """Every record that is whole, wherever it stands: `verify` judges their order. Raises OSError."""
    heads: set[tuple[int, str]] = set()
    ledger, place = None, ledger_token(path)
    try:
        with regular(path) as file:
            for line in file:
                content = line.rstrip(b"\r\n")
                record = record_of(content)
                if record is None:
                    continue
                found = anchor_of(record.hash, record.n, record.hash, place)
                ledger = ledger or found.ledger
                if is_whole(content, record):
                    heads.add((found.n, found.head))
    except FileNotFoundError:
        pass
    return Chain(ledger, frozenset(heads), max((n for n, _ in heads), default=0))


def places_of(path: Path) -> tuple[str, ...]:
    """`ledger_token`, and where the file would lie if fewer of the directories above it were links.

    A link in the place of a directory moves the ledger away, and another one to where it was: what nodes remember
    of the former still names this place.
    """
    absolute = Path(os.path.abspath(path))
    above = [Path(os.path.realpath(parent)) / absolute.relative_to(parent) for parent in absolute.parents]
    return tuple(dict.fromkeys((ledger_token(path), *(place_token(str(place)) for place in (*above, absolute)))))


class Misfit(StrEnum):
    """How a ledger is not what a journal remembers."""

    MISSING = "missing"  # it is shorter
    DIFFERS = "differs"  # another record stands there
    REPLACED = "replaced"  # another ledger stands in the file


@dataclass(frozen=True, slots=True)
class Unfit:
    """A line that does not fit the ledger, and why, as a sentence without node and time."""

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
            now = "the file holds no record" if own.ledger is None else f"ledger {own.ledger} stands in the file"
            was = f"record {line.anchor.n} of ledger {line.anchor.ledger} had been written here"
            found = Unfit(Misfit.REPLACED, line, f"{was}, and {now} now")
        else:
            others.setdefault(line.anchor.ledger, []).append(line)
            continue
        if found is None:
            matched.append(line)
        else:
            unfit.append(found)
    vouching = [line for line in matched if line.anchor.ledger == own.ledger and line.anchor.n <= intact]
    last = max(vouching, key=lambda line: line.anchor.n, default=None)
    other_ledgers = tuple(
        OtherLedger(
            ledger,
            len(of_other),
            tuple(dict.fromkeys(line.by for line in of_other if line.by)),
            min(line.at for line in of_other),
            max(line.at for line in of_other),
        )
        for ledger, of_other in others.items()
    )
    return Compared(len(matched), last, tuple(unfit), other_ledgers)


def proven(compared: Mapping[str, Compared]) -> int:
    """The last record that some node vouches for, and with it all before; 0 for none."""
    return max((node.proven.anchor.n for node in compared.values() if node.proven is not None), default=0)


def _against(line: AnchorLine, chain: Chain) -> Unfit | None:
    anchor = line.anchor
    if (anchor.n, anchor.head) in chain.heads:
        return None
    if anchor.n > chain.last:
        reason = f"record {anchor.n} had been written, and the ledger ends with record {chain.last}"
        return Unfit(Misfit.MISSING, line, reason)
    return Unfit(Misfit.DIFFERS, line, f"record {anchor.n} is not the one that had been written")
