"""Numbers and JSON that somebody else wrote, and the type of a JSON document. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NoReturn, TypeAlias

# Any: a value that was read is of no known type until somebody has looked.
Json: TypeAlias = dict[str, Any]
ReadJson: TypeAlias = Mapping[str, Any]


# Numbers are plain ASCII digits of a bounded length, or none. `int()` takes digits of every script and fails for
# very long numbers; `str.isdigit()` is true for signs that `int()` does not take; `float()` takes words and
# overflows to infinity.

# Enough for nanoseconds since 1970, and exact in every reader of JSON for all that is counted.
DIGITS = 19
_WHOLE = re.compile(rf"[0-9]{{1,{DIGITS}}}")
_REAL = re.compile(rf"[+-]?[0-9]{{1,{DIGITS}}}(?:\.[0-9]{{1,30}})?")


def whole(text: str | bytes) -> int | None:
    """A number without a sign; None for anything else."""
    digits = _ascii(text)
    return int(digits) if _WHOLE.fullmatch(digits) else None


def real(text: str | bytes) -> float | None:
    """A number with a decimal point or without; never infinite, and not in the form 1e9."""
    digits = _ascii(text)
    return float(digits) if _REAL.fullmatch(digits) else None


def _ascii(text: str | bytes) -> str:
    return text if isinstance(text, str) else text.decode("ascii", "replace")


def json_of(text: str | bytes) -> Any:
    """The value. Raises ValueError for what is no JSON, nested too deeply, or holds a number that no reader agrees
    on: NaN, one that is infinite as a float, one of more than 19 digits. A lone surrogate becomes U+FFFD.
    """
    try:
        found = json.loads(text, parse_constant=_no_number, parse_int=_whole, parse_float=_real)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    lone_surrogates = b"\\ud" in text.lower() if isinstance(text, bytes) else "\\ud" in text.lower()
    return _plain(found) if lone_surrogates else found


def json_object(text: str | bytes) -> dict[str, Any]:
    """The object's members; none for anything that is no JSON object."""
    try:
        found = json_of(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


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


def _plain(value: Any) -> Any:
    """Without the halves of a pair that no encoding can write."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {_plain(key): _plain(item) for key, item in value.items()}
    return value
