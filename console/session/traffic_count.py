"""Counts every node's access log once, from a time on: for a command that looks and goes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from console.model.traffic import LogTotals, Traffic
from console.nodes.log_follower import LogFollower, Progress
from console.nodes.log_reader import LogReader, Unreadable, reading
from console.nodes.transport import Transport, TransportError
from console.parse.log_bounds import TooManyNames, add_bounded
from console.parse.log_counts import Counts, Recipe
from console.parse.log_tally import tallied
from console.parse.log_told import NotCounted
from console.parse.log_words import NO_TIME

TRIES = 3
# A node's clock may be so far ahead of ours.
AHEAD_S = 3600


@dataclass(frozen=True, slots=True)
class NodeTraffic:
    """What one node's logs hold, by slot (seconds since the epoch); or why that is not known."""

    slots: Mapping[int, Traffic]
    totals: LogTotals
    reason: str = ""


async def count_traffic(
    log: str, recipe: Recipe, since: float | None, made: Mapping[str, Transport | TransportError]
) -> dict[str, NodeTraffic]:
    """node -> its traffic. `since` None: the log's file of now, whatever times it holds."""
    wanted = [name for name in made if recipe.where.allows_node(name)]
    found = await asyncio.gather(*(_of_node(log, recipe, since, made[name]) for name in wanted))
    return dict(zip(wanted, found, strict=True))


async def _of_node(log: str, recipe: Recipe, since: float | None, made: Transport | TransportError) -> NodeTraffic:
    if isinstance(made, TransportError):
        return _unknown(made.reason)
    try:
        async with reading(made, log, recipe) as reader:
            counts, progress = await _whole(reader, log, since)
    except (Unreadable, NotCounted, TooManyNames) as failure:
        return _unknown(str(failure))
    except TransportError as failure:
        return _unknown(failure.reason)
    if not progress.places:
        return _unknown(f"there is no {log}")
    slots: dict[int, Traffic] = {}
    to_come = time.time() + AHEAD_S
    for at, each in tallied(counts, recipe).items():
        if _belongs(at, since):
            # What is still to come is no time: a clock that was set back, or a line of another format.
            slots.setdefault(NO_TIME if at > to_come else at, Traffic()).add(each)
    totals = LogTotals(counts.probes, counts.unparsed, counts.left_out, progress.lost)
    return NodeTraffic(slots, totals)


async def _whole(reader: LogReader, log: str, since: float | None) -> tuple[Counts, Progress]:
    """Begins again when the log is rotated meanwhile. Raises NotCounted when it never stands still."""
    for left in reversed(range(TRIES)):
        counts, progress = Counts(), Progress()
        try:
            add = partial(add_bounded, counts)
            await LogFollower(log, progress, add, time.monotonic).begin(reader, since)
        except NotCounted:
            if not left:
                raise
            continue
        break
    return counts, progress


def _belongs(at: int, since: float | None) -> bool:
    return since is None or at >= since or at == NO_TIME


def _unknown(reason: str) -> NodeTraffic:
    return NodeTraffic({}, LogTotals(), reason)
