"""A value with its source and age, or the reason why it is not known. Promise 1: truth with an age."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

T = TypeVar("T")


class Freshness(StrEnum):
    """How far a value can be trusted now."""

    LIVE = "live"
    STALE = "stale"
    UNKNOWN = "unknown"


NOT_YET = "not observed yet"
STALE_AFTER_S = 4.0
UNKNOWN_AFTER_S = 12.0


@dataclass(frozen=True, slots=True)
class Observed(Generic[T]):
    """One observed value. `at` is session time in epoch seconds; `reason` says why `value` is None."""

    value: T | None = None
    at: float | None = None
    reason: str | None = NOT_YET

    @classmethod
    def of(cls, value: T, at: float) -> Observed[T]:
        return cls(value, at, None)

    def lost(self, reason: str) -> Observed[T]:
        """The source failed: there is no value any more, only the reason."""
        return Observed(None, self.at, reason)

    def age_s(self, now: float) -> float | None:
        return None if self.at is None else max(0.0, now - self.at)

    @property
    def known(self) -> bool:
        return self.value is not None

    @property
    def pending(self) -> bool:
        """Nothing was tried yet: neither a value nor a reason why there is none."""
        return self.reason == NOT_YET


def freshness(heard_at: float | None, now: float, cadence_s: float = 0.0) -> Freshness:
    """Freshness of something last confirmed at `heard_at` that is expected every `cadence_s` seconds.

    A stream confirms its values for as long as its node is heard, so its cadence is 0.
    """
    if heard_at is None:
        return Freshness.UNKNOWN
    age_s = now - heard_at
    if age_s > UNKNOWN_AFTER_S + cadence_s:
        return Freshness.UNKNOWN
    return Freshness.STALE if age_s > STALE_AFTER_S + cadence_s else Freshness.LIVE
