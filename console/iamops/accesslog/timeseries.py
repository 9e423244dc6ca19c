"""What was counted on every node over the last day: fine for the last hour, by the minute before. Bounded.

Slots are seconds since the epoch by the nodes' logs. Not part of the state: it is too big to be replaced with
every event; it is only added to.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from iamops.model.traffic import Traffic, merged

FINE_S = 10
COARSE_S = 60
HOUR_S = 3600
DAY_S = 86400
# A node's clock may be so far ahead of ours.
AHEAD_S = 60
TOP_FINE = 100
TOP_COARSE = 20
WINDOWS_S: Mapping[str, int] = {"1m": 60, "5m": 300, "15m": 900, "1h": 3600}


@dataclass(frozen=True, slots=True)
class TimeSeriesPoint:
    """A slot of a series: when it begins, how long it is, and its counts."""

    at: int
    span_s: int
    total: int
    by_class: Mapping[str, int]


class TrafficTimeSeries:
    """One series for all nodes. `now` is in seconds since the epoch."""

    def __init__(self) -> None:
        self._slots: dict[str, dict[int, Traffic]] = {}

    @property
    def nodes(self) -> tuple[str, ...]:
        return tuple(self._slots)

    def add(self, node: str, parts: Mapping[int, Traffic], now: float) -> None:
        """Adds what is no older than a day. What has no time, or a future one, belongs to now."""
        slots = self._slots.setdefault(node, {})
        for at, traffic in parts.items():
            start = _slot(now if at < 0 or at > now + AHEAD_S else at, now)
            if start <= now - DAY_S:
                continue
            _add(slots, start, traffic, TOP_FINE if start > now - HOUR_S else TOP_COARSE)
        # What is over an hour old is kept by the minute, what is over a day old not at all.
        for at in sorted(slots):
            if at > now - HOUR_S - COARSE_S:
                break
            if at <= now - DAY_S:
                del slots[at]
            elif at % COARSE_S:
                _add(slots, at // COARSE_S * COARSE_S, slots.pop(at), TOP_COARSE)

    def window(self, span_s: int, now: float, node: str | None = None) -> Traffic:
        """The last `span_s` seconds, of one node or of all."""
        return merged(traffic for _, traffic in self.slots(span_s, now, node))

    def since(self, span_s: int, now: float) -> int:
        """When the window begins: always with a full slot, so that the counts are exact."""
        return _slot(now - span_s, now)

    def series(
        self, span_s: int, now: float, node: str | None = None, points: int = 60
    ) -> tuple[TimeSeriesPoint, ...]:
        """The window as at most `points` points, oldest first; a slot without requests is a point of 0."""
        fine = FINE_S if span_s <= HOUR_S else COARSE_S
        step = max(fine, -(-span_s // points // fine) * fine)
        end = int(now) // step * step + step
        begin = end - -(-span_s // step) * step
        cells = {at: Traffic() for at in range(begin, end, step)}
        for at, traffic in self.slots(end - begin, now, node):
            if (cell := cells.get(at // step * step)) is not None:
                cell.statuses.update(traffic.statuses)
        return tuple(TimeSeriesPoint(at, step, cell.total, cell.classes) for at, cell in cells.items())

    def slots(self, span_s: int, now: float, node: str | None = None) -> Iterator[tuple[int, Traffic]]:
        """The slots of the window: when each begins, and its counts, which are only to be read."""
        begin = self.since(span_s, now)
        for name in self._slots if node is None else (node,):
            for at, traffic in self._slots.get(name, {}).items():
                if at >= begin:
                    yield at, traffic


def _add(slots: dict[int, Traffic], at: int, traffic: Traffic, top: int) -> None:
    slot = slots.setdefault(at, Traffic())
    slot.add(traffic)
    slot.keep_top(top)


def _slot(at: float, now: float) -> int:
    size = FINE_S if at > now - HOUR_S - COARSE_S else COARSE_S
    return int(at // size * size)
