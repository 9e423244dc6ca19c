"""Sums of a node's counts over a window, kept in blocks: a second of news is added, not an hour counted anew."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from console.model.traffic import Traffic, merged
from console.store.traffic_book import TrafficBook

# Hours, of blocks of six minutes, of minutes: a second's news costs about twenty additions, not 360.
BLOCKS_S = (3600, 360, 60)
# When the slots begin and how many requests each has: counts are only ever added to, so this tells a change.
Mark = tuple[tuple[int, int], ...]
Block = tuple[int, int]


class WindowSums:
    """What was summed up at the last look; of another book nothing of it is true."""

    def __init__(self) -> None:
        self._book: TrafficBook | None = None
        self._known: dict[str, dict[Block, tuple[Mark, Traffic]]] = {}

    def window(self, book: TrafficBook, span_s: int, now: float, node: str) -> Traffic:
        """The same as `book.window`. The answer is the caller's own."""
        if book is not self._book:
            self._book, self._known = book, {}
        kept: dict[Block, tuple[Mark, Traffic]] = {}
        slots = sorted(book.recent(span_s, now, node), key=lambda slot: slot[0])
        marked = [(at, traffic, traffic.total) for at, traffic in slots]
        whole = self._sum(self._known.get(node, {}), kept, marked, 0)
        self._known[node] = kept
        return whole

    def _sum(
        self,
        known: dict[Block, tuple[Mark, Traffic]],
        kept: dict[Block, tuple[Mark, Traffic]],
        slots: Sequence[tuple[int, Traffic, int]],
        level: int,
    ) -> Traffic:
        """Blocks that are as they were are taken as they were summed up then."""
        if level == len(BLOCKS_S):
            return merged(traffic for _, traffic, _ in slots)
        parts: list[Traffic] = []
        for number, inside in groupby(slots, key=lambda slot: slot[0] // BLOCKS_S[level]):
            block = list(inside)
            mark = tuple((at, total) for at, _, total in block)
            before = known.get((level, number))
            if before is not None and before[0] == mark:
                traffic = before[1]
                _keep_inner(known, kept, level, number)
            else:
                traffic = self._sum(known, kept, block, level + 1)
            kept[(level, number)] = (mark, traffic)
            parts.append(traffic)
        return merged(parts)


def _keep_inner(
    known: dict[Block, tuple[Mark, Traffic]], kept: dict[Block, tuple[Mark, Traffic]], level: int, number: int
) -> None:
    """What a block is made of stays known too: when the window moves on, only its edge is summed up anew."""
    for inner in range(level + 1, len(BLOCKS_S)):
        first = number * BLOCKS_S[level] // BLOCKS_S[inner]
        for each in range(first, first + BLOCKS_S[level] // BLOCKS_S[inner]):
            if (inner, each) in known:
                kept[(inner, each)] = known[(inner, each)]
