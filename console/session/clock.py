"""Session time: epoch seconds that never jump, because they follow the monotonic clock."""

from __future__ import annotations

import time
from collections.abc import Callable

Clock = Callable[[], float]


def session_clock() -> Clock:
    """A clock that starts at the wall time and advances with the monotonic clock.

    An NTP step during a session must not make a value look fresh or stale.
    """
    offset_s = time.time() - time.monotonic()
    return lambda: time.monotonic() + offset_s
