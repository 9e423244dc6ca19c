"""How a number and a unit's state are said in a sentence."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """`1 file`, `2 files`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def being(active: str) -> str:
    """systemd's ActiveState as what a unit is: `is inactive`, `has failed`."""
    return "has failed" if active == "failed" else f"is {active}"
