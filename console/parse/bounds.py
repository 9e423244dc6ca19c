"""The bounds of a drill: `check.fault + vrrp.skew`, `vrrp.max * 1.2`, `250 ms`. Text -> Bound. Pure."""

from __future__ import annotations

import difflib
import re

from console.model.drill import BOUND_NAMES, Bound, Term
from console.parse.words import words

MOST_S = 3600.0
MOST_TIMES = 100.0
_NUMBER = r"[0-9]+(?:\.[0-9]+)?"
_TIME = re.compile(rf"(?P<number>{_NUMBER}) ?(?P<unit>s|ms)")
# More than names are made of, so that a misspelt one is still told as a name.
_NAMED = re.compile(rf"(?P<name>[A-Za-z][A-Za-z0-9_.-]*)(?: ?\* ?(?P<factor>{_NUMBER}))?")
EXPECTED = "a time such as `3 s` or `250 ms`, or a named one such as `vrrp.max * 1.2`; `+` adds several"


def parse_bound(text: str) -> Bound:
    """Raises ValueError, saying what was expected. Reports print the text: it becomes one line."""
    written = " ".join(text.split())
    return Bound(written, tuple(_term(part.strip()) for part in written.split("+")))


def _term(text: str) -> Term:
    if time := _TIME.fullmatch(text):
        return _time(float(time["number"]), time["unit"])
    named = _NAMED.fullmatch(text)
    if named is None:
        raise ValueError(f"expected {EXPECTED}, found {words(repr(text), 60)}")
    return _named(named["name"], float(named["factor"] or 1.0))


def _time(number: float, unit: str) -> Term:
    seconds = number / 1000 if unit == "ms" else number
    if seconds > MOST_S:
        raise ValueError(f"expected at most {MOST_S:.0f} s, found {number:.15g} {unit}")
    return Term(None, seconds=seconds)


def _named(name: str, factor: float) -> Term:
    if name not in BOUND_NAMES:
        near = difflib.get_close_matches(name, BOUND_NAMES, n=1)
        hint = f"did you mean {near[0]}?" if near else f"one of: {', '.join(BOUND_NAMES)}"
        raise ValueError(f"no time is named {words(repr(name), 60)}; {hint}")
    if not 0 < factor <= MOST_TIMES:
        raise ValueError(f"expected a factor above 0 and up to {MOST_TIMES:.0f}, found {factor:g}")
    return Term(name, factor)
