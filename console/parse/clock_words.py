"""Times in words. Pure."""

from __future__ import annotations

from datetime import UTC, datetime


def day_of(at: float) -> str:
    """The day, as 2026-11-29. Certificates may name years that no calendar of ours knows."""
    try:
        return datetime.fromtimestamp(at, UTC).date().isoformat()
    except (ValueError, OverflowError, OSError):
        return "a day beyond the calendar"
