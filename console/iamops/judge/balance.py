"""Whether requests were split evenly: one rule, for the drill `load-balance` and for `iamops balance`. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

# Of the requests of others, the part that may have been sent before or after ours and logged among them.
EDGES = 0.1


@dataclass(frozen=True, slots=True)
class SplitVerdict:
    """Even, not even, or (None) not known; and that as a sentence."""

    even: bool | None
    text: str


def split_verdict(
    sent: int,
    counts: Mapping[str, int],
    *,
    others: int = 0,
    beside: Mapping[str, int] | None = None,
    unread: Mapping[str, str] | None = None,
    answered: int | None = None,
) -> SplitVerdict:
    """Judges who got how many of `sent` requests.

    `counts` are the backends that take turns; `unread` says why the count of another such backend is not known.
    `beside`: how many requests of others went to each of them meanwhile, as nginx tells: each took a turn, so
    that all together must be even. Without that, `others` are lines of others in the services' own logs: at most
    that many turns were taken, and more of them than the test has requests excuse anything. With `answered` the
    counts must account for that many requests: what is in no log may have gone anywhere.
    """
    if unread:
        return SplitVerdict(None, f"cannot be told: {reasons_text(unread)}")
    if not counts:
        return SplitVerdict(None, "cannot be told: no backend takes requests")
    logged = sum(counts.values())
    if answered is not None and logged < answered:
        missing = f"the logs have {logged} of the {answered} requests that were answered"
        return SplitVerdict(None, f"cannot be told: {missing}")
    if answered is not None and not logged:
        return SplitVerdict(None, "cannot be told: no request was answered, and none is in the logs")
    most, least = max(counts.values()), min(counts.values())
    turn = 1 if sent % len(counts) else 0
    if most - least > turn and beside is not None:
        return _together(counts, beside, turn)
    if most - least > others + turn:
        return SplitVerdict(False, f"uneven beyond round robin: {_shown(counts)}")
    if most - least > turn and others >= sent:
        between = f"{others} lines of others stand between in their logs, more than the test has requests"
        return SplitVerdict(None, f"cannot be told: {_shown(counts)}, and {between}")
    return SplitVerdict(True, _even(counts, others if most - least > turn else 0))


def _together(counts: Mapping[str, int], beside: Mapping[str, int], turn: int) -> SplitVerdict:
    """The test's requests and those of others. At the edges of the test a few of these are on the wrong side."""
    others = {name: beside.get(name, 0) for name in counts}
    whole = {name: count + others[name] for name, count in counts.items()}
    allowed = turn + 1 + EDGES * sum(others.values())
    if max(whole.values()) - min(whole.values()) > allowed:
        added = f"; with the requests of others {_shown(whole)}" if any(others.values()) else ""
        return SplitVerdict(False, f"uneven beyond round robin: {_shown(counts)}{added}")
    return SplitVerdict(True, _even(counts, sum(others.values())))


def _shown(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items())


def reasons_text(reasons: Mapping[str, str]) -> str:
    """What is not known, and why, as part of a sentence."""
    return "; ".join(f"{name}: {reason}" for name, reason in reasons.items())


def _even(counts: Mapping[str, int], others: int) -> str:
    if len(counts) == 1:
        return f"even: {next(iter(counts))} is the only one that takes requests"
    shares = "/".join(str(count) for count in counts.values())
    between = f", with the turns that {others} requests of others took" if others else ""
    return f"even: {shares}{between}"
