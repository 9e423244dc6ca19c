"""Session time: epoch seconds that follow no correction of the wall clock, and go on while a machine sleeps."""

from __future__ import annotations

import time
from collections.abc import Callable

from iamops.nodes.supervisor import since_boot

Clock = Callable[[], float]


def session_clock() -> Clock:
    """A clock that starts at the wall time and advances with the time since boot, sleep included.

    An NTP step during a session must not make a value look fresh or stale, nor a suspended laptop hide its age.
    """
    offset_s = time.time() - since_boot()
    return lambda: since_boot() + offset_s
