"""JSON that somebody else wrote. Pure."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from console.parse.numbers import DIGITS


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
