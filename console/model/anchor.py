"""A ledger's head in a node's journal: what a run writes there, and what of it is read back."""

from __future__ import annotations

from dataclasses import dataclass

LEDGER_CHARS, HEAD_CHARS, PLACE_CHARS = 16, 32, 12


@dataclass(frozen=True, slots=True)
class Anchor:
    """How far a ledger went. `ledger` is the beginning of its first record's hash, `head` that of record `n`'s;
    `place` stands for the file and the machine it lies on.
    """

    ledger: str
    n: int
    head: str
    place: str

    @property
    def words(self) -> str:
        return f"ledger={self.ledger} n={self.n} head={self.head} place={self.place}"


@dataclass(frozen=True, slots=True)
class AnchorLine:
    """An anchor as a journal has it. `at`: epoch s by the node's clock; `uid`: who wrote it, by journald's own
    word; `by`: whom the line names, sanitised.
    """

    anchor: Anchor
    at: float
    run: str
    uid: int | None = None
    by: str = ""


@dataclass(frozen=True, slots=True)
class Chain:
    """A ledger's whole records as (n, head). `ledger` is None if there is none; `last` is the highest n or 0."""

    ledger: str | None
    heads: frozenset[tuple[int, str]]
    last: int


def anchor_of(first_hash: str, n: int, hash_: str, place: str) -> Anchor:
    """From the hashes (64 hex digits) of a ledger's first record and of record n."""
    return Anchor(first_hash[:LEDGER_CHARS], n, hash_[:HEAD_CHARS], place)


def noted(run: str, anchor: Anchor | None, text: str) -> str:
    """A run's line for a node's journal. The anchor comes before every word that somebody may choose."""
    return " ".join(["run=" + run, *([anchor.words] if anchor is not None else []), text])
