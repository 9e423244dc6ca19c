"""A clock that goes on while the machine sleeps. The monotonic clock stands still then."""

from __future__ import annotations

import time


def since_boot() -> float:
    """Seconds, sleep included."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)
