"""One line of the ledger: its canonical form, its hash, and the way back. Pure."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
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
    """A line without its newline as a record; None for what is none."""
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


# A record's body as JSON can hold it, and not larger than a line may be.

# A plan with two state summaries has some ten thousand bytes; a drill's report seldom a hundred thousand.
LARGEST_BYTES = 1024 * 1024
# Texts of more characters are shortened, and lists of more than an eighth as many entries.
LIMITS = (64 * 1024, 8 * 1024, 1024, 128)
DEEPEST = 50
NOTE = "cut"


def fitting(body: Mapping[str, Any]) -> dict[str, Any]:
    """The body, with `cut` where something was left out: how large it was, and what was shortened."""
    complete = {str(key): plain(value) for key, value in body.items()}
    size = _size(complete)
    if size <= LARGEST_BYTES:
        return complete
    for limit in LIMITS:
        note = f"the record had {size} bytes: texts over {limit} characters, lists over {limit // 8} are shortened"
        shorter = {**{key: _short(value, limit) for key, value in complete.items()}, NOTE: note}
        if _size(shorter) <= LARGEST_BYTES:
            return shorter
    texts = {key: _short(value, LIMITS[-1]) for key, value in complete.items() if isinstance(value, str)}
    kept = dict(list(texts.items())[: LIMITS[-1]])
    return {**kept, NOTE: f"the record had {size} bytes: only its short texts are kept"}


def plain(value: Any, depth: int = 1) -> Any:
    """Only what every reader of JSON understands."""
    if value is None or isinstance(value, (bool, int)) or (isinstance(value, float) and math.isfinite(value)):
        return value
    if not isinstance(value, Mapping | list | tuple):
        return str(value)
    if depth > DEEPEST:
        return f"(nested deeper than {DEEPEST})"
    if isinstance(value, Mapping):
        return {str(key): plain(entry, depth + 1) for key, entry in value.items()}
    return [plain(entry, depth + 1) for entry in value]


def _short(value: Any, limit: int) -> Any:
    if isinstance(value, str) and len(value) > limit:
        return f"{value[:limit]}… (+{len(value) - limit} characters)"
    if isinstance(value, dict):
        return {key[:limit]: _short(entry, limit) for key, entry in list(value.items())[:limit]}
    if isinstance(value, list):
        kept = [_short(entry, limit) for entry in value[: limit // 8]]
        return kept if len(value) <= len(kept) else [*kept, f"… (+{len(value) - len(kept)} entries)"]
    return value


def _size(body: Mapping[str, Any]) -> int:
    return len(json.dumps(body, separators=(",", ":")))


# What stands in a record, whatever it is: a line by another hand must not silence the others.


def listed(value: Any) -> tuple[Any, ...]:
    """A list's entries; what should have been a list and is none is its only entry."""
    if value is None or value == "":
        return ()
    return tuple(value) if isinstance(value, list) else (value,)


def fields(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def text(value: Any) -> str:
    return "" if value is None else str(value)


def finite_number(value: Any) -> float | None:
    """A finite number, or None."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        with contextlib.suppress(OverflowError):
            return float(value) if math.isfinite(value) else None
    return None


def figure(value: Any, form: str, unit: str) -> str:
    """A number with its unit; as it stands, where it is none; nothing for nothing."""
    found = finite_number(value)
    return text(value) if found is None else f"{found:{form}} {unit}"
