"""A clock that goes on while the machine sleeps. Linux's monotonic clock stands still then."""

from __future__ import annotations

import time

# Only Linux has it; where there is none, the monotonic clock has to do.
CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def since_boot() -> float:
    """Seconds, sleep included."""
    return time.clock_gettime(CLOCK)
