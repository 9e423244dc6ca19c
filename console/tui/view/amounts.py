"""Ages, times and amounts as short text. Whole seconds: an age that ticks ten times a second is noise."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache


def age(seconds: float | None) -> str:
    """`<1s`, `12s`, `3m`, `5h`, `2d`; a dash for an age that is not known."""
    if seconds is None:
        return "-"
    if seconds < 1:
        return "<1s"
    for limit, unit_s, unit in ((60, 1, "s"), (3600, 60, "m"), (86400, 3600, "h")):
        if seconds < limit:
            return f"{int(seconds // unit_s)}{unit}"
    return f"{int(seconds // 86400)}d"


def clock(at: float) -> str:
    """The time of day in the operator's own zone."""
    return datetime.fromtimestamp(at, tz=UTC).astimezone().strftime("%H:%M:%S")


@lru_cache(maxsize=1024)
def day(at: float) -> str:
    """The day in the operator's own zone: `Sat 28 Nov`."""
    return datetime.fromtimestamp(at, tz=UTC).astimezone().strftime("%a %d %b")


def latency(ms: float | None) -> str:
    """`0.9 ms`, `12 ms`, `1.4 s`."""
    if ms is None:
        return ""
    if ms < 9.95:
        return f"{ms:.1f} ms"
    return f"{ms:.0f} ms" if ms < 999.5 else f"{ms / 1000:.1f} s"


def count(number: float) -> str:
    """`950`, `12.3k`, `4.5M`."""
    for limit, divisor, unit in ((1000, 1, ""), (999_950, 1000, "k"), (999_950_000, 1_000_000, "M")):
        if number < limit:
            return f"{number / divisor:.1f}{unit}" if unit else f"{number:.0f}"
    return f"{number / 1_000_000_000:.1f}G"


def rate(per_s: float) -> str:
    """`0/s`, `2.5/s`, `120/s`, `1.2k/s`."""
    return f"{per_s:.1f}/s" if 0 < per_s < 99.95 else f"{count(per_s)}/s"


def percent(share: float) -> str:
    """A share of 1 in percent; a share that is not zero never reads as zero."""
    points = share * 100
    if points == 0:
        return "0%"
    if points < 0.1:
        return "<0.1%"
    return f"{points:.1f}%" if points < 9.95 else f"{points:.0f}%"


def span(seconds: float) -> str:
    """A length of time: `50s`, `2m`, `10m`."""
    return f"{seconds:.0f}s" if seconds < 120 else f"{seconds / 60:.0f}m"
