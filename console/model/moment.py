"""Times that a calendar can tell: whatever is none was not dated by a clock that anybody reads. Pure."""

from __future__ import annotations

# The last year that every calendar here knows, in any zone.
LAST_MOMENT_S = 253_370_764_800.0


def moment(at: float | None) -> float | None:
    """Epoch seconds from 1970 to the end of 9998; None for any other."""
    return at if at is not None and 0 <= at <= LAST_MOMENT_S else None
