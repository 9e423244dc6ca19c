"""Numbers in words that somebody else wrote: plain ASCII digits of a bounded length, or none. Pure.

`int()` takes digits of every script and fails for a very long number; `str.isdigit()` is true for signs that
`int()` does not take; `float()` takes words and overflows to infinity.
"""

from __future__ import annotations

import re

# Enough for nanoseconds since 1970, and exact in every reader of JSON for all that is counted.
DIGITS = 19
_WHOLE = re.compile(rf"[0-9]{{1,{DIGITS}}}")
_SIGNED = re.compile(rf"[+-]?[0-9]{{1,{DIGITS}}}")
_REAL = re.compile(rf"[+-]?[0-9]{{1,{DIGITS}}}(?:\.[0-9]{{1,30}})?")


def whole(text: str | bytes) -> int | None:
    """A number without a sign; None for anything else."""
    said = _said(text)
    return int(said) if _WHOLE.fullmatch(said) else None


def signed(text: str | bytes) -> int | None:
    """A whole number, with a sign or without."""
    said = _said(text)
    return int(said) if _SIGNED.fullmatch(said) else None


def real(text: str | bytes) -> float | None:
    """A number with a decimal point or without; never infinite, and not in the form 1e9."""
    said = _said(text)
    return float(said) if _REAL.fullmatch(said) else None


def _said(text: str | bytes) -> str:
    return text if isinstance(text, str) else text.decode("ascii", "replace")
