"""Counts between two samples: what came late was written all along, what nobody counted is unknown. Pure."""

from __future__ import annotations

import itertools
from bisect import bisect_right
from collections.abc import Sequence

Samples = Sequence[tuple[float, int]]
"""(at, total) pairs, oldest first."""
# Counts come every second, or every ten where only our own probes are new; a longer silence is a hole.
HOLE_S = 15.0


def count_at(samples: Samples, times: Sequence[float], at: float) -> float | None:
    """The count at a moment: between two samples the lines are taken to have been written evenly.

    None before the first sample, and inside a hole. `times` are the samples' own.
    """
    place = bisect_right(times, at)
    if not place:
        return None
    before_at, before = samples[place - 1]
    if place == len(samples):
        return before
    after_at, after = samples[place]
    if after_at - before_at > HOLE_S:
        return before if at == before_at else None
    return before + (after - before) * (at - before_at) / (after_at - before_at)


def mean_rate(samples: Samples, now: float, window_s: float) -> float | None:
    """Mean per second over the window, or over what of it is behind the last hole; None: that is too little."""
    times = [at for at, _ in samples]
    if not samples:
        return None
    begins = max(now - window_s, times[0])
    holes = (after for before, after in itertools.pairwise(times) if after - before > HOLE_S)
    begins = max([begins, *(after for after in holes if now >= after > begins)])
    first, last = count_at(samples, times, begins), count_at(samples, times, now)
    if first is None or last is None or now - begins < 0.5:
        return None
    return max(0.0, last - first) / (now - begins)
