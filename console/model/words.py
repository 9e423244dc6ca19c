"""How a number, a span of time and a unit's state are said in a sentence."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """`1 file`, `2 files`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def lasting(seconds: float) -> str:
    """`40 ms`, `12 s`, `3 min`, `5 h`, `4 days`."""
    if seconds < 1:
        return f"{1000 * max(0.0, seconds):.0f} ms"
    for unit, size in (("s", 1), ("min", 60), ("h", 3600)):
        if round(seconds / size) < (48 if unit == "h" else 120):
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds / 86400:.0f} days"


def being(active: str) -> str:
    """systemd's ActiveState as what a unit is: `is inactive`, `has failed`."""
    return "has failed" if active == "failed" else f"is {active}"
