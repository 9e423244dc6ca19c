"""A maintenance silence: alerts are held back until it ends, when its time is over or by hand."""

from __future__ import annotations

from dataclasses import dataclass

from iamops.model.foreign import Json, ReadJson
from iamops.model.timestamps import calendar_time, rfc3339
from iamops.redact.clean import clean_text

SCHEMA = "iamops.silence/1"
LONGEST_S = 7 * 86400.0
# Whoever begins one and whoever looks need not agree on the second.
LEEWAY_S = 60.0
REASON_LIMIT = 300


@dataclass(frozen=True, slots=True)
class Silence:
    """`since` and `until` are epoch s; `by` and `reason` are sanitised."""

    since: float
    until: float
    reason: str
    by: str

    def holds(self, now: float) -> bool:
        return now < self.until and not self.lies_ahead(now)

    def lies_ahead(self, now: float) -> bool:
        """It was written by a clock that has been set back since: it would hold for as long as that was wrong."""
        return self.since > now + LEEWAY_S

    def document(self) -> Json:
        """What is written to disk; the times once more for people."""
        return {
            "schema": SCHEMA,
            "since": self.since,
            "until": self.until,
            "reason": self.reason,
            "by": self.by,
            "ends": rfc3339(self.until),
        }


def silence_of(raw: ReadJson) -> Silence:
    """The way back. Raises ValueError, TypeError or KeyError for what is no silence."""
    since, until = float(raw["since"]), float(raw["until"])
    if calendar_time(since) is None or not 0 <= until - since <= LONGEST_S:
        raise ValueError("a silence lasts a week at most")
    return Silence(
        since, until, clean_text(str(raw["reason"]), REASON_LIMIT), clean_text(str(raw["by"]), REASON_LIMIT)
    )
