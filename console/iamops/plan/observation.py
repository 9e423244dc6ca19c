"""How an expectation stands, and what that rests on. Values only."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Judgement(StrEnum):
    """How an expectation stands."""

    HOLDS = "holds"
    NOT_YET = "not yet"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Observation:
    """A verdict and the observation it rests on, as a sentence. `old`: that is from before the step."""

    verdict: Judgement
    text: str
    old: bool = False

    @classmethod
    def of(cls, holds: bool, text: str) -> Observation:
        return cls(Judgement.HOLDS if holds else Judgement.NOT_YET, text)

    @classmethod
    def unknown(cls, text: str) -> Observation:
        return cls(Judgement.UNKNOWN, text)

    @property
    def holds(self) -> bool:
        return self.verdict is Judgement.HOLDS
