"""What stands in a record, whatever it is: a line by another hand must not silence the others. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

NOTHING: Mapping[str, Any] = {}


def listed(value: Any) -> tuple[Any, ...]:
    """A list's entries; what should have been a list and is none is its only entry."""
    if value is None or value == "":
        return ()
    return tuple(value) if isinstance(value, list) else (value,)


def fields(value: Any) -> Mapping[str, Any]:
    """An object's fields; none of what is no object."""
    return value if isinstance(value, Mapping) else NOTHING


def text(value: Any) -> str:
    return "" if value is None else str(value)


def number(value: Any) -> float | None:
    """A finite number, or None."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if math.isfinite(found) else None


def figure(value: Any, form: str, unit: str) -> str:
    """A number with its unit; as it stands, where it is none; nothing for nothing."""
    found = number(value)
    return text(value) if found is None else f"{found:{form}} {unit}"
