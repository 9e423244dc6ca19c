"""One line of the ledger: its canonical form, its hash, and the way back. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SCHEMA = "iamops.audit/1"
FIRST = "0" * 64
# The kind of a record that says why the ledger does not fit its side file.
BREAK = "break"
RESERVED = frozenset({"schema", "n", "at", "kind", "prev", "hash", "torn"})
# No ledger gets there; a number by another hand must still be one that can be counted on and printed.
LAST_N = 10**15


@dataclass(frozen=True, slots=True)
class Record:
    """A record as it stands in the file. `raw` is everything in it, `hash` its place in the chain.

    `torn` is the SHA-256 of what stood unfinished before it (`is_torn`), if anything did.
    """

    n: int
    at: str
    kind: str
    prev: str
    hash: str
    raw: Mapping[str, Any]
    torn: str | None = None

    @property
    def run(self) -> str:
        """The run it belongs to, or an empty word."""
        return str(self.raw.get("run", ""))


def line_of(n: int, at: str, kind: str, prev: str, torn: str | None, body: Mapping[str, Any]) -> bytes:
    """The line for a new record, newline included. Raises ValueError for a body with reserved keys."""
    taken = RESERVED & body.keys()
    if taken:
        raise ValueError(f"the ledger keeps these keys for itself: {', '.join(sorted(taken))}")
    fields = {**body, "schema": SCHEMA, "n": n, "at": at, "kind": kind, "prev": prev}
    if torn is not None:
        fields["torn"] = torn
    return canonical({**fields, "hash": hash_of(fields)}) + b"\n"


def canonical(fields: Mapping[str, Any]) -> bytes:
    """The one way in which a record is written: sorted, compact, ASCII."""
    return json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode("ascii")


def hash_of(fields: Mapping[str, Any]) -> str:
    """SHA-256 over everything but the hash itself."""
    return hashlib.sha256(canonical({key: value for key, value in fields.items() if key != "hash"})).hexdigest()


def digest(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


def record_of(line: bytes) -> Record | None:
    """A line without its newline as a record; None for what is none, whoever wrote it."""
    try:
        raw = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(raw, dict) or type(raw.get("n")) is not int or not 0 < raw["n"] < LAST_N:
        return None
    words = [raw.get(key) for key in ("at", "kind", "prev", "hash")]
    if not all(isinstance(word, str) for word in words) or not isinstance(raw.get("torn"), str | None):
        return None
    at, kind, prev, own = map(str, words)
    return Record(raw["n"], at, kind, prev, own, raw, raw.get("torn"))


def is_torn(rest: bytes) -> bool:
    """Is what stands behind a record what a power failure leaves of a write?

    That is a line without an end, or one whose first block was never filled. Other whole lines are somebody's.
    """
    return bool(rest) and (b"\n" not in rest or rest.startswith(b"\0"))


def is_whole(line: bytes, record: Record) -> bool:
    """Is the line, byte for byte, what was written?"""
    try:
        return canonical(record.raw) == line and hash_of(record.raw) == record.hash
    except (ValueError, RecursionError):
        return False
