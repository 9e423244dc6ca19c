"""What systemd complains of about a unit (service.c, unit.c)."""

from __future__ import annotations

from console.model.look import ComplaintKind as Kind
from console.parse.complaints.table import row

ROWS = (
    row(
        Kind.START_LIMIT,
        r": Start request repeated too quickly|: Failed with result 'start-limit-hit'",
        "it fell over so often that systemd starts it no more",
    ),
    row(
        Kind.OUT_OF_MEMORY,
        r": A process of this unit has been killed by the OOM killer|: Failed with result 'oom-kill'",
        "the node had no memory left, and the kernel killed it",
    ),
    row(
        Kind.STOP_TIMED_OUT,
        r": State 'stop-sigterm' timed out",
        "it did not end when it was stopped, and was killed",
    ),
)
