"""What clients lost during an action: attempts, compressed to segments, and the gaps between good ones. Pure.

Times are seconds of the monotonic clock, at which attempts were *started*: a client feels a gap from its
first request that fails until its next one that is answered.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

GAPS_KEPT = 20


class Fate(StrEnum):
    """What became of an attempt. Refused: nobody listens. Dark: no answer in time. Wrong: a bad answer."""

    GOOD = "good"
    REFUSED = "refused"
    DARK = "dark"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Sample:
    """One attempt: when it was started, and how long its answer took if it was a good one."""

    at: float
    fate: Fate
    latency_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Samples:
    """Attempts one by one, oldest first. Session time is `ahead_s` ahead of theirs."""

    row: tuple[Sample, ...] = ()
    ahead_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Segment:
    """Attempts in a row with the same fate, answered by the same node."""

    fate: Fate
    node: str | None
    first: float
    last: float
    count: int


@dataclass(frozen=True, slots=True)
class Hole:
    """A time in which nothing was asked: the process was stopped, starved, or its machine slept.

    `lasted_s` counts sleep too, in which the clock of `began` and `ended` stands still.
    """

    began: float
    ended: float
    lasted_s: float


@dataclass(frozen=True, slots=True)
class Gap:
    """From the first failed attempt to the next good one; `ended` None while it lasts.

    A hole in the measuring ends a gap at its last failed attempt: what came later, nobody saw. The service
    went between the last good attempt and the first failed one, and came back between the last failed one and
    the next good one: `uncertainty_ms` is the longer of the two spans. `spent_ms` is how long each kind of
    failure lasted, by fate.
    """

    began: float
    ended: float | None
    duration_ms: float
    refused: int
    dark: int
    wrong: int
    from_node: str | None
    to_node: str | None
    uncertainty_ms: float
    spent_ms: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Move:
    """The moment at which another node answered than before."""

    at: float
    from_node: str
    to_node: str


@dataclass(frozen=True, slots=True)
class GapReport:
    """All that was measured. `gaps` are the longest, in the order of time.

    `own_errors` are attempts this machine could not even make; `resolution_ms` is the longest span
    between two attempts: nothing shorter than that could surely be seen. Holes are in neither: `not_measured_ms`
    is how long nothing was asked in all.
    """

    attempts: int
    good: int
    refused: int
    dark: int
    wrong: int
    own_errors: int
    gaps: tuple[Gap, ...]
    moves: tuple[Move, ...]
    longest_ms: float | None
    total_ms: float
    last_node: str | None
    resolution_ms: float
    not_measured_ms: float = 0.0


def gap_report(
    segments: Iterable[Segment], resolution_s: float, own_errors: int = 0, holes: Iterable[Hole] = ()
) -> GapReport:
    """Segments in the order of time; none of them reaches over a hole."""
    row, unseen = tuple(segments), tuple(holes)
    counts = {fate: sum(each.count for each in row if each.fate is fate) for fate in Fate}
    gaps = _gaps(row, unseen)
    longest = sorted(gaps, key=lambda gap: -gap.duration_ms)[:GAPS_KEPT]
    answered = [each.node for each in row if each.fate is Fate.GOOD]
    return GapReport(
        attempts=sum(counts.values()),
        good=counts[Fate.GOOD],
        refused=counts[Fate.REFUSED],
        dark=counts[Fate.DARK],
        wrong=counts[Fate.WRONG],
        own_errors=own_errors,
        gaps=tuple(sorted(longest, key=lambda gap: gap.began)),
        moves=_moves(row),
        longest_ms=longest[0].duration_ms if longest else None,
        total_ms=round(sum(gap.duration_ms for gap in gaps), 1),
        last_node=answered[-1] if answered else None,
        resolution_ms=round(resolution_s * 1000, 1),
        not_measured_ms=round(sum(each.lasted_s for each in unseen) * 1000, 1),
    )


def together(reports: tuple[GapReport, ...]) -> GapReport:
    """Rows of attempts over the same time, the one that asks most often first: what is lost in any is lost."""
    first = reports[0]
    gaps = list(first.gaps)
    for gap in (gap for each in reports[1:] for gap in each.gaps):
        same = next((each for each in gaps if _overlap(each, gap)), None)
        if same is not None:
            gaps.remove(same)
        gaps.append(gap if same is None else _joined(same, gap))
    longest = sorted(gaps, key=lambda gap: -gap.duration_ms)[:GAPS_KEPT]
    return replace(
        first,
        attempts=sum(each.attempts for each in reports),
        good=sum(each.good for each in reports),
        refused=sum(each.refused for each in reports),
        dark=sum(each.dark for each in reports),
        wrong=sum(each.wrong for each in reports),
        own_errors=sum(each.own_errors for each in reports),
        gaps=tuple(sorted(longest, key=lambda gap: gap.began)),
        moves=max((each.moves for each in reports), key=len),
        longest_ms=longest[0].duration_ms if longest else None,
        total_ms=max(first.total_ms, round(sum(gap.duration_ms for gap in gaps), 1)),
        last_node=next((each.last_node for each in reports if each.last_node), None),
    )


def _overlap(one: Gap, other: Gap) -> bool:
    return one.began <= (math.inf if other.ended is None else other.ended) and other.began <= (
        math.inf if one.ended is None else one.ended
    )


def _joined(often: Gap, seldom: Gap) -> Gap:
    """A single failure while nobody was answered at all belongs to that: it says nothing of how long it took."""
    counts = {fate: getattr(often, fate) + getattr(seldom, fate) for fate in ("refused", "dark", "wrong")}
    inside = often.began <= seldom.began and seldom.refused + seldom.dark + seldom.wrong == 1
    if inside and seldom.ended is not None:
        return replace(often, **counts)
    began = min(often.began, seldom.began)
    ends = [each for each in (often.ended, seldom.ended) if each is not None]
    longest = max(often, seldom, key=lambda gap: gap.duration_ms)
    ended = max(ends) if len(ends) == 2 else None
    until = began + longest.duration_ms / 1000 if ended is None else ended
    return replace(longest, began=began, ended=ended, duration_ms=round((until - began) * 1000, 1), **counts)


def not_measured(ms: float) -> str:
    """How long nobody looked, in words; empty when somebody always did."""
    return f"not measured for {ms / 1000:.1f} s" if ms else ""


def _gaps(row: tuple[Segment, ...], holes: tuple[Hole, ...]) -> list[Gap]:
    gaps: list[Gap] = []
    before: Segment | None = None
    failed: list[Segment] = []
    last: Segment | None = None
    before_s = 0.0
    for segment in row:
        if last is not None and _blind_between(last, segment, holes):
            blind_s = segment.first - last.last
            gaps += [_gap(before, failed, None, unseen_s=(before_s, blind_s))] if failed else []
            before, failed, before_s = None, [], blind_s
        last = segment
        if segment.fate is not Fate.GOOD:
            failed.append(segment)
            continue
        if failed:
            gaps.append(_gap(before, failed, segment, unseen_s=(before_s, 0.0)))
        before, failed, before_s = segment, [], 0.0
    return [*gaps, _gap(before, failed, None, unseen_s=(before_s, 0.0))] if failed else gaps


def _blind_between(earlier: Segment, later: Segment, holes: tuple[Hole, ...]) -> bool:
    return any(earlier.last <= hole.began and hole.ended <= later.first for hole in holes)


def _gap(
    before: Segment | None, failed: list[Segment], after: Segment | None, *, unseen_s: tuple[float, float]
) -> Gap:
    """`unseen_s`: how long nobody looked just before it, and just after it: it may have begun or ended there."""
    began, last = failed[0].first, failed[-1].last
    ended = after.first if after else last if unseen_s[1] else None
    edges = [*unseen_s, *([began - before.last] if before else [])]
    edges += [after.first - last] if after else []
    return Gap(
        began=began,
        ended=ended,
        duration_ms=round(((last if ended is None else ended) - began) * 1000, 1),
        refused=_count(failed, Fate.REFUSED),
        dark=_count(failed, Fate.DARK),
        wrong=_count(failed, Fate.WRONG),
        from_node=before.node if before else None,
        to_node=after.node if after else None,
        uncertainty_ms=round(max(edges, default=0.0) * 1000, 1),
        spent_ms=_spent_ms(failed, ended),
    )


def _spent_ms(failed: list[Segment], ended: float | None) -> dict[str, float]:
    """Each kind of failure lasts from its first attempt until the first of the next kind."""
    ends = [*(segment.first for segment in failed[1:]), failed[-1].last if ended is None else ended]
    spent: dict[str, float] = {}
    for segment, end in zip(failed, ends, strict=True):
        spent[segment.fate] = round(spent.get(segment.fate, 0.0) + (end - segment.first) * 1000, 1)
    return spent


def _count(segments: list[Segment], fate: Fate) -> int:
    return sum(segment.count for segment in segments if segment.fate is fate)


def _moves(row: tuple[Segment, ...]) -> tuple[Move, ...]:
    good = [each for each in row if each.fate is Fate.GOOD and each.node is not None]
    pairs = itertools.pairwise(good)
    return tuple(Move(b.first, a.node, b.node) for a, b in pairs if a.node and b.node and a.node != b.node)
