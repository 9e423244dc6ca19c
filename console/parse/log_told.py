"""Reads what a node's awk says of the lines that it counted. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from console.parse.log_counts import TAB, Counts
from console.parse.numbers import whole

# How many more parts than its first one a key has at least.
PARTS = {b"S": 1, b"Y": 0, b"P": 2, b"C": 1, b"R": 1, b"U": 1}

# Behind the slot of a row of statuses or paths.
_STATUS = re.compile(r"[^\t]*\t[0-9]{3}(\t|\Z)")


class NotCounted(ValueError):
    """What came back is not what the program prints."""


@dataclass(frozen=True, slots=True)
class Told:
    """What some awks said together. `anchor`: the first line, if it was to be told back. `size`: bytes read."""

    counts: Counts = field(default_factory=Counts)
    anchor: bytes | None = None
    size: int = 0


def told(lines: Iterable[bytes], awks: int = 1) -> Told:
    """What so many awks printed, one behind the other. Raises NotCounted."""
    counts, anchor, size, ended = Counts(), None, 0, 0
    tables = {
        b"S": counts.shapes,
        b"Y": counts.sent,
        b"P": counts.paths,
        b"C": counts.clients,
        b"R": counts.times,
        b"U": counts.answers,
    }
    for line in lines:
        kind, _, rest = line.partition(b"\t")
        if kind == b"A":
            anchor = rest
        elif kind == b"E":
            words = rest.split(b"\t")
            numbers = [number for word in words if (number := whole(word)) is not None]
            if len(numbers) != 4 or len(words) != 4:
                raise NotCounted(f"not a count: {line[:60]!r}")
            probes, unparsed, left_out, read = numbers
            counts.probes += probes
            counts.unparsed += unparsed
            counts.left_out += left_out
            size += read
            ended += 1
        elif kind in tables:
            number, key = _row(rest)
            if key.count(TAB) < PARTS[kind] or (kind in b"SP" and not _STATUS.match(key)):
                raise NotCounted(f"not a count: {line[:60]!r}")
            tables[kind][key] += number
        else:
            raise NotCounted(f"not a count: {line[:60]!r}")
    if ended != awks:
        raise NotCounted("the count broke off")
    return Told(counts, anchor, size)


def _row(rest: bytes) -> tuple[int, str]:
    said, tab, key = rest.partition(b"\t")
    number = whole(said)
    if not tab or number is None:
        raise NotCounted(f"not a count: {rest[:60]!r}")
    return number, key.decode("latin-1")
