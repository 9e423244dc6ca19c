"""Numbers and JSON that somebody else wrote. Pure."""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

# Numbers in words that somebody else wrote: plain ASCII digits of a bounded length, or none. Pure.
#
# `int()` takes digits of every script and fails for a very long number; `str.isdigit()` is true for signs that
# `int()` does not take; `float()` takes words and overflows to infinity.

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


def json_of(text: str | bytes) -> Any:
    """The value. Raises ValueError for what is no JSON, nested too deeply, or holds a number that no reader agrees
    on: NaN, one that is infinite as a float, one of more than 19 digits. A lone surrogate becomes U+FFFD.
    """
    try:
        found = json.loads(text, parse_constant=_no_number, parse_int=_whole, parse_float=_real)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return _plain(found) if _may_hold_surrogates(text) else found


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number")


def _whole(digits: str) -> int:
    if len(digits) > DIGITS + 1:
        raise ValueError("a number that is too long")
    return int(digits)


def _real(digits: str) -> float:
    number = float(digits)
    if number in (float("inf"), float("-inf")):
        raise ValueError("a number that is too large")
    return number


def _may_hold_surrogates(text: str | bytes) -> bool:
    needle = b"\\ud" if isinstance(text, bytes) else "\\ud"
    return needle in text.lower()  # type: ignore[operator]  # both are of one type


def _plain(value: Any) -> Any:
    """Without the halves of a pair that no encoding can write."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {_plain(key): _plain(each) for key, each in value.items()}
    return value
