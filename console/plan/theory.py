"""What VRRP's theory and the live configuration allow: the bounds of a drill as windows of seconds. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from console.model.drill import Bound
from console.model.live import LiveCheck, LiveVrrp
from console.plan.known import NotKnown
from console.plan.timing import HIGHEST_PRIORITY, LOST_ADVERTS

# What a check script itself takes to run, where it is answered: it is part of the time until it fails.
SCRIPT_S = 0.1


@dataclass(frozen=True, slots=True)
class Window:
    """From the earliest to the latest moment, in seconds."""

    lower_s: float
    upper_s: float

    def __add__(self, other: Window) -> Window:
        return Window(self.lower_s + other.lower_s, self.upper_s + other.upper_s)

    def times(self, factor: float) -> Window:
        return Window(self.lower_s * factor, self.upper_s * factor)


@dataclass(frozen=True, slots=True)
class Pair:
    """Who lets go and who takes over, with what they are really running with."""

    owner: LiveVrrp
    taker: LiveVrrp


def window(bound: Bound, pair: Pair, acted_on: LiveVrrp) -> Window:
    """The sum of its terms. `acted_on` is the node whose check script matters. Raises NotKnown."""
    total = Window(0.0, 0.0)
    for term in bound.terms:
        if term.name is None:
            total += Window(0.0, term.seconds)
        else:
            total += NAMED[term.name](pair, acted_on).times(term.factor)
    return total


def skew_of(live: LiveVrrp, priority: int | None = None) -> float:
    """Version 2 counts in whole seconds whatever the interval is; version 3 in adverts (RFC 5798 6.1)."""
    unit_s = 1.0 if live.version == 2 else live.advert_interval_s
    return (256 - (live.priority if priority is None else priority)) / 256 * unit_s


def _skew(pair: Pair, acted_on: LiveVrrp) -> Window:
    skew_s = skew_of(pair.taker)
    return Window(skew_s, skew_s)


def _raised(pair: Pair, acted_on: LiveVrrp) -> Window:
    skew_s = skew_of(pair.taker, HIGHEST_PRIORITY)
    return Window(skew_s, skew_s)


def _timeout(pair: Pair, acted_on: LiveVrrp) -> Window:
    """The last advert was heard up to an interval ago when the owner fell silent."""
    advert_s, skew_s = pair.owner.advert_interval_s, skew_of(pair.taker)
    return Window((LOST_ADVERTS - 1) * advert_s + skew_s, LOST_ADVERTS * advert_s + skew_s)


def _max(pair: Pair, acted_on: LiveVrrp) -> Window:
    upper_s = _timeout(pair, acted_on).upper_s
    return Window(0.0, upper_s)


def _advert(pair: Pair, acted_on: LiveVrrp) -> Window:
    return Window(0.0, pair.owner.advert_interval_s)


def _fault(pair: Pair, acted_on: LiveVrrp) -> Window:
    check = _deciding(acted_on)
    return Window((check.fall - 1) * check.interval_s, check.fall * check.interval_s + SCRIPT_S)


def _hang(pair: Pair, acted_on: LiveVrrp) -> Window:
    check, noticed = _deciding(acted_on), _fault(pair, acted_on)
    return Window(noticed.lower_s + check.timeout_s, noticed.upper_s + check.timeout_s)


def _recover(pair: Pair, acted_on: LiveVrrp) -> Window:
    check = _deciding(acted_on)
    return Window(0.0, check.rise * check.interval_s + SCRIPT_S)


def _deciding(live: LiveVrrp) -> LiveCheck:
    """Of several checks the quickest to fail decides, of those that make a FAULT where there are any.

    Raises NotKnown where there is none, or none is told.
    """
    if live.checks is None:
        raise NotKnown(f"how often keepalived runs the check of {live.instance} is not known: it does not tell")
    if not live.checks:
        raise NotKnown(f"when {live.instance} would fail cannot be told: keepalived tracks no check for it")
    faulting = [check for check in live.checks if check.weight == 0]
    return min(faulting or live.checks, key=lambda check: check.fall * check.interval_s)


NAMED: Mapping[str, Callable[[Pair, LiveVrrp], Window]] = {
    "vrrp.skew": _skew,
    "vrrp.raised": _raised,
    "vrrp.timeout": _timeout,
    "vrrp.max": _max,
    "vrrp.advert": _advert,
    "check.fault": _fault,
    "check.hang": _hang,
    "check.recover": _recover,
}
