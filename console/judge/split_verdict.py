"""Whether requests were split evenly: one rule, for the drill `load-balance` and for `iamops balance`. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SplitVerdict:
    """Even, not even, or (None) not to be told; and that as a sentence."""

    even: bool | None
    text: str


def split_verdict(
    sent: int,
    counts: Mapping[str, int],
    *,
    others: int = 0,
    unread: Mapping[str, str] | None = None,
    answered: int | None = None,
) -> SplitVerdict:
    """Judges who got how many of `sent` requests.

    `counts` are the backends that take turns; `unread` says why the count of another such backend is not known.
    `others` are strangers' requests in between: each took a turn, so that much unevenness is no fault. With
    `answered` the counts must account for so many requests: what is in no log may have gone to anyone.
    """
    if unread:
        return SplitVerdict(None, f"cannot be told: {told(unread)}")
    if not counts:
        return SplitVerdict(None, "cannot be told: no backend takes requests")
    if answered is not None:
        missing = _unaccounted(sum(counts.values()), answered)
        if missing:
            return SplitVerdict(None, f"cannot be told: {missing}")
    most, least = max(counts.values()), min(counts.values())
    turn = 1 if sent % len(counts) else 0
    if most - least > others + turn:
        shown = ", ".join(f"{name} {count}" for name, count in counts.items())
        return SplitVerdict(False, f"uneven beyond round robin: {shown}")
    return SplitVerdict(True, _even(counts, others if most - least > turn else 0))


def told(reasons: Mapping[str, str]) -> str:
    """What is not known, and why, as part of a sentence."""
    return "; ".join(f"{name}: {reason}" for name, reason in reasons.items())


def _even(counts: Mapping[str, int], others: int) -> str:
    if len(counts) == 1:
        return f"even: {next(iter(counts))} is the only one that takes requests"
    shares = "/".join(str(count) for count in counts.values())
    between = f", with the turns that {others} requests of others took" if others else ""
    return f"even: {shares}{between}"


def _unaccounted(logged: int, answered: int) -> str:
    if logged < answered:
        return f"the logs have {logged} of the {answered} requests that were answered"
    return "" if logged else "no request was answered, and none is in the logs"
