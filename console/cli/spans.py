"""Spans and moments on the command line: `90s`, `15m`, `2h`, `1d`, `2026-11-24T17:00`."""

from __future__ import annotations

import argparse
import math
import re
import time
from datetime import datetime

_SPAN = re.compile(r"(?P<number>\d{1,6})(?P<unit>[smhd])", re.ASCII)
_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def span_s(text: str) -> float | None:
    """Seconds; None if the text is not a span."""
    match = _SPAN.fullmatch(text)
    return float(int(match["number"]) * _UNITS_S[match["unit"]]) if match else None


def seconds(text: str, *, most: float = 86400.0) -> float:
    """A plain number of seconds, from 0 to `most`."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= most:
        raise argparse.ArgumentTypeError(f"expected 0 to {most:g} seconds, found {text}")
    return value


def moment(text: str, *others: str) -> float:
    """Epoch seconds: so long ago, or a time. `others`: what else the option takes, for the error."""
    if (back_s := span_s(text)) is not None:
        return time.time() - back_s
    try:
        return datetime.fromisoformat(text).astimezone().timestamp()
    except (ValueError, OverflowError):
        known = ", ".join(("15m", "2h", "1d", "2026-11-24T17:00", *others))
        raise argparse.ArgumentTypeError(f"expected one of {known}; found {text!r}") from None
