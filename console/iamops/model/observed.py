"""A value with its time, or the reason why it is not known. Promise 1: truth with an age.

The two are different types, so that nobody can read the one for the other: an Unknown has no value that could be
taken for false, 0 or empty. mypy refuses `seen.value` until the caller has said what it does without one.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeAlias, TypeVar

T = TypeVar("T")
# A value that is only read: Observed[object] takes any.
T_co = TypeVar("T_co", covariant=True)


class Freshness(StrEnum):
    """How far a value can be trusted now."""

    LIVE = "live"
    STALE = "stale"
    UNKNOWN = "unknown"


NOT_YET = "not observed yet"
STALE_AFTER_S = 4.0
UNKNOWN_AFTER_S = 12.0


@dataclass(frozen=True, slots=True)
class Known(Generic[T_co]):
    """A value as it was seen at `at`, session time in epoch seconds.

    `every_s`: within how many seconds the next one was promised, where that is not always the same.
    """

    value: T_co
    at: float
    every_s: float = 0.0

    def lost(self, reason: str) -> Unknown:
        """The source failed: there is no value any more, only the reason."""
        return Unknown(reason, self.at)

    def age_s(self, now: float) -> float:
        return max(0.0, now - self.at)


@dataclass(frozen=True, slots=True)
class Unknown:
    """No value, and why. `at`: when there last was one."""

    reason: str = NOT_YET
    at: float | None = None

    @property
    def every_s(self) -> float:
        """Nothing is promised of what is not known."""
        return 0.0

    def lost(self, reason: str) -> Unknown:
        return Unknown(reason, self.at)

    def age_s(self, now: float) -> float | None:
        return None if self.at is None else max(0.0, now - self.at)


Observed: TypeAlias = Known[T] | Unknown


def is_pending(seen: Observed[object]) -> bool:
    """Nothing was tried yet: there is neither a value nor a reason why there is none."""
    return isinstance(seen, Unknown) and seen.reason == NOT_YET


def freshness(heard_at: float | None, now: float, cadence_s: float = 0.0) -> Freshness:
    """Freshness of something last confirmed at `heard_at` that is expected every `cadence_s` seconds.

    A stream confirms its values as long as anything comes from its node, so its cadence is 0.
    """
    if heard_at is None:
        return Freshness.UNKNOWN
    age_s = now - heard_at
    if age_s > UNKNOWN_AFTER_S + cadence_s:
        return Freshness.UNKNOWN
    return Freshness.STALE if age_s > STALE_AFTER_S + cadence_s else Freshness.LIVE
