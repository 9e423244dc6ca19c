"""Times that a calendar knows, and how they are written in documents. Pure."""

from __future__ import annotations

from datetime import UTC, datetime

# The last year that every calendar here knows, in any zone.
LAST_MOMENT_S = 253_370_764_800.0


def calendar_time(at: float | None) -> float | None:
    """Epoch seconds from 1970 to the end of 9998; None for any other."""
    return at if at is not None and 0 <= at <= LAST_MOMENT_S else None


def rfc3339(at: float, timespec: str = "milliseconds") -> str:
    """Epoch seconds as RFC 3339 writes them, in UTC. Raises ValueError or OverflowError for any other."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec=timespec).replace("+00:00", "Z")
