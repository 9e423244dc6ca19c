"""Rates from absolute counts: buckets of equal length, aligned to the clock so that graphs do not shimmer."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from iamops.model.traffic import CountSamples, count_at

BUCKETS_S = (1, 2, 5, 10, 15, 30)
BLOCKS = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True, slots=True)
class Axis:
    """Time from `start` in `number` buckets of `bucket_s` seconds; the last one is still filling."""

    start: float
    bucket_s: int
    number: int

    @classmethod
    def ending(cls, now: float, number: int, span_s: float = 120.0) -> Axis:
        """The finest buckets with which `number` of them cover at least `span_s`."""
        bucket_s = next((b for b in BUCKETS_S if b * number >= span_s), BUCKETS_S[-1])
        end = (int(now // bucket_s) + 1) * bucket_s
        return cls(end - number * bucket_s, bucket_s, number)

    @classmethod
    def covering(cls, now: float, columns: int, span_s: float) -> Axis:
        """As `ending`, but with no more buckets than it takes to cover the span."""
        axis = cls.ending(now, columns, span_s)
        return cls.ending(now, min(columns, -(-int(span_s) // axis.bucket_s)), span_s)

    @property
    def length_s(self) -> float:
        return float(self.bucket_s * self.number)

    def index(self, at: float) -> int | None:
        """The bucket of that time."""
        number = int((at - self.start) // self.bucket_s)
        return number if 0 <= number < self.number else None


class _Same:
    """Stands for samples in a cache key: the same tuple is the same graph, without comparing 600 pairs."""

    __slots__ = ("samples",)

    def __init__(self, samples: CountSamples) -> None:
        self.samples = samples

    def __hash__(self) -> int:
        return id(self.samples)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.samples is other.samples


def rates(samples: CountSamples, axis: Axis, now: float) -> tuple[float | None, ...]:
    """Mean rate per second in each bucket; None before the first sample, or where nothing was counted.

    What came late is spread over the time since the last count.
    The bucket that is still filling is judged as of the last whole second.
    """
    return _rates(_Same(samples), axis, int(now))


@lru_cache(maxsize=512)
def _rates(same: _Same, axis: Axis, now_s: int) -> tuple[float | None, ...]:
    samples = same.samples
    times = [at for at, _ in samples]
    found: list[float | None] = []
    for number in range(axis.number):
        start = axis.start + number * axis.bucket_s
        end = min(start + axis.bucket_s, now_s)
        before, after = count_at(samples, times, start), count_at(samples, times, end)
        if end - start < 1.0 or before is None or after is None:
            found.append(None)
        else:
            found.append(max(0, after - before) / (end - start))
    return tuple(found)


def share(part: CountSamples, whole: CountSamples, since: float) -> float | None:
    """Growth of `part` over growth of `whole` since a time (or since the first sample)."""
    grown = _growth(whole, since)
    return _growth(part, since) / grown if grown else None


def _growth(samples: CountSamples, since: float) -> int:
    if not samples:
        return 0
    place = max(1, bisect_right([at for at, _ in samples], since))
    return samples[-1][1] - samples[place - 1][1]


def blocks(values: Sequence[float | None], top: float) -> str:
    """One character per value; a space where nothing is known."""

    def block(value: float | None) -> str:
        if value is None:
            return " "
        if value <= 0 or top <= 0:
            return BLOCKS[0]
        return BLOCKS[min(len(BLOCKS) - 1, 1 + int(value / top * (len(BLOCKS) - 1.001)))]

    return "".join(block(value) for value in values)
