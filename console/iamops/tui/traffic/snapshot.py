"""What the Traffic view shows at one time: each node's counts, all of them together, and what is not known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING

from iamops.accesslog.aggregate import DAY_S, HOUR_S, WINDOWS_S, TimeSeriesPoint, TrafficTimeSeries
from iamops.accesslog.filter import where
from iamops.accesslog.format import LogFormat
from iamops.model.traffic import LogTotals, Traffic, merged

if TYPE_CHECKING:
    from iamops.session.traffic import TrafficFeed


# --- sums of a node's counts over a window, kept in blocks: a new second is added, not an hour counted anew ---

# Hours, of blocks of six minutes, of minutes: a new second costs about twenty additions, not 360.
BLOCKS_S = (3600, 360, 60)
# When the slots begin and how many requests each has: counts only grow, so this shows a change.
Mark = tuple[tuple[int, int], ...]
Block = tuple[int, int]
"""The level, and the number of the block on that level."""

Sums = dict[Block, tuple[Mark, Traffic]]


class WindowSums:
    """What was summed up last time. Another series begins with nothing."""

    def __init__(self) -> None:
        self._series: TrafficTimeSeries | None = None
        self._known: dict[str, Sums] = {}

    def window(self, series: TrafficTimeSeries, span_s: int, now: float, node: str) -> Traffic:
        """The same as `series.window`. The answer is the caller's own."""
        if series is not self._series:
            self._series, self._known = series, {}
        kept: Sums = {}
        slots = sorted(series.slots(span_s, now, node), key=lambda slot: slot[0])
        marked = [(at, traffic, traffic.total) for at, traffic in slots]
        total = _sum(self._known.get(node, {}), kept, marked, 0)
        self._known[node] = kept
        return total


def _sum(known: Sums, kept: Sums, slots: Sequence[tuple[int, Traffic, int]], level: int) -> Traffic:
    """Blocks that have not changed keep the sum they had."""
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
            traffic = _sum(known, kept, block, level + 1)
        kept[(level, number)] = (mark, traffic)
        parts.append(traffic)
    return merged(parts)


def _keep_inner(known: Sums, kept: Sums, level: int, number: int) -> None:
    """The parts of a block are kept too: when the window moves on, only its edge is summed again."""
    for inner in range(level + 1, len(BLOCKS_S)):
        in_block = BLOCKS_S[level] // BLOCKS_S[inner]
        for block in ((inner, number * in_block + n) for n in range(in_block)):
            if block in known:
                kept[block] = known[block]


# --- the snapshot ---

SPANS_S: Mapping[str, int] = {**WINDOWS_S, "1d": DAY_S}
FIRST_SPAN = "15m"
POINTS = 90
# A window may begin with this long a silence and still be complete.
QUIET_S = 600


@dataclass(frozen=True, slots=True)
class NodeTraffic:
    """One node's share. `unknown` says why there are no numbers; `unreadable` why there are no new ones."""

    name: str
    traffic: Traffic
    points: tuple[TimeSeriesPoint, ...] = ()
    totals: LogTotals = field(default_factory=LogTotals)
    unreadable: str = ""
    unknown: str = ""


@dataclass(frozen=True, slots=True)
class TrafficSnapshot:
    """Everything the view shows. `begins` and `at` are session time; `all_nodes` is all of them together.

    `complete` is False where the counts do not reach back to the beginning of the window.
    """

    span: str
    at: float
    begins: float
    form: LogFormat
    where: str = ""
    nodes: tuple[NodeTraffic, ...] = ()
    all_nodes: Traffic = field(default_factory=Traffic)
    complete: bool = True

    @property
    def length_s(self) -> float:
        return max(1.0, self.at - self.begins)

    @property
    def known(self) -> bool:
        """Whether any node was counted."""
        return any(not node.unknown for node in self.nodes)


def snapshot_of(
    feed: TrafficFeed, sums: WindowSums, names: Iterable[str], span: str, now: float
) -> TrafficSnapshot:
    """Reads everything once."""
    series, length_s = feed.series, SPANS_S[span]
    filtered = where(feed.where)
    nodes = tuple(
        _node(feed, sums.window(series, length_s, now, name), name, length_s, now)
        if filtered.allows_node(name)
        else NodeTraffic(name, Traffic(), unknown="left out by the filter")
        for name in names
    )
    begins, complete = float(series.since(length_s, now)), True
    if length_s > HOUR_S:
        # Only the last hour is read when counting begins; a longer window begins with what there is.
        first = min((at for at, _ in series.slots(length_s, now)), default=begins)
        begins, complete = min(first, series.since(HOUR_S, now)), first < begins + QUIET_S
    all_nodes = merged(node.traffic for node in nodes)
    return TrafficSnapshot(span, now, begins, feed.form, feed.where, nodes, all_nodes, complete)


def _node(feed: TrafficFeed, traffic: Traffic, name: str, length_s: int, now: float) -> NodeTraffic:
    unreadable, totals = feed.unreadable(name), feed.totals(name)
    if not traffic.total and (unreadable or name not in feed.series.nodes):
        unknown = f"not read: {unreadable}" if unreadable else "nothing read yet"
        return NodeTraffic(name, traffic, (), totals, unreadable, unknown)
    points = feed.series.series(length_s, now, name, POINTS)
    # Nothing is known of an unread node after its last request: that is not 0.
    last = len(points)
    while unreadable and last and not points[last - 1].total:
        last -= 1
    return NodeTraffic(name, traffic, points[:last], totals, unreadable)


def times(number: int) -> str:
    """`once`, `3 times`."""
    return "once" if number == 1 else f"{number} times"
