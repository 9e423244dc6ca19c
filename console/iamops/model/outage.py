"""What clients lost during an action: attempts, compressed to segments, and the gaps between good ones. Pure.

Times are seconds of the monotonic clock, at which attempts were *started*: a client feels a gap from its
first request that fails until its next one that is answered.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

GAPS_KEPT = 20


class ProbeResult(StrEnum):
    """The result of an attempt. Refused: nobody listens. Dark: no answer in time. Wrong: a bad answer."""

    GOOD = "good"
    REFUSED = "refused"
    DARK = "dark"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class ProbeSample:
    """One attempt: when it was started, and how long its answer took if it was a good one."""

    at: float
    result: ProbeResult
    latency_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Samples:
    """Attempts one by one, oldest first. Session time is `ahead_s` ahead of theirs."""

    row: tuple[ProbeSample, ...] = ()
    ahead_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Segment:
    """Attempts in a row with the same result, answered by the same node."""

    result: ProbeResult
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
    failure lasted, by result. `failed_until` is the last failed attempt.
    """

    began: float
    ended: float | None
    duration_ms: float
    refused: int
    no_answer: int
    wrong: int
    from_node: str | None
    to_node: str | None
    uncertainty_ms: float
    spent_ms: Mapping[str, float] = field(default_factory=dict)
    failed_until: float = field(default=0.0, compare=False)


@dataclass(frozen=True, slots=True)
class AnsweringNodeChange:
    """When another node answered than before."""

    at: float
    from_node: str
    to_node: str


@dataclass(frozen=True, slots=True)
class GapReport:
    """All that was measured. `gaps` are the longest, in the order of time.

    `own_errors` are attempts this machine could not even make; `resolution_ms` is the longest span
    between two attempts: nothing shorter than that could surely be seen. Where nginx itself was asked that often,
    `services_resolution_ms` is the same of the services behind it. Holes are in none: `not_measured_ms` is how
    long nothing was asked in all.
    """

    attempts: int
    good: int
    refused: int
    no_answer: int
    wrong: int
    own_errors: int
    gaps: tuple[Gap, ...]
    moves: tuple[AnsweringNodeChange, ...]
    longest_ms: float | None
    total_ms: float
    last_node: str | None
    resolution_ms: float
    not_measured_ms: float = 0.0
    services_resolution_ms: float | None = None

    @property
    def asking_text(self) -> str:
        text = f"{self.attempts} requests, none further apart than {self.resolution_ms:.0f} ms"
        if self.services_resolution_ms is None:
            return text
        return f"{text}, to one service {self.services_resolution_ms:.0f} ms"

    @property
    def seen(self) -> str:
        """How well a client could see, in words."""
        own = f"{self.own_errors} requests could not be made on this machine" if self.own_errors else ""
        hole = not_measured(self.not_measured_ms) if self.attempts else ""
        return "; ".join(filter(None, (self.asking_text if self.attempts else "not measured", own, hole)))


@dataclass(frozen=True, slots=True)
class ProbeRow:
    """What was asked in one way, in the order of time; no segment reaches over a hole. `spacing_s` is the longest
    span between two attempts.
    """

    segments: tuple[Segment, ...]
    spacing_s: float
    own_errors: int = 0


def gap_report(rows: Sequence[ProbeRow], holes: Iterable[Hole] = ()) -> GapReport:
    """Rows over the same time, the one that asks most often first: what is lost in any of them is lost.

    Gaps that overlap are one. A row that asks seldom sees late that a gap is over; that makes it no longer.
    """
    unseen = tuple(holes)
    often, *seldom = rows
    gaps = _together(gap for row in rows for gap in _gaps(row.segments, unseen))
    longest = sorted(gaps, key=lambda gap: -gap.duration_ms)[:GAPS_KEPT]
    counts = _counts(segment for row in rows for segment in row.segments)
    answered = [
        [segment.node for segment in row.segments if segment.result is ProbeResult.GOOD and segment.node]
        for row in rows
    ]
    witness = next((row for row, who in zip(rows, answered, strict=True) if who), often)
    good = [(s.first, s.node) for s in witness.segments if s.result is ProbeResult.GOOD and s.node]
    moves = tuple(AnsweringNodeChange(at, a, b) for (_, a), (at, b) in itertools.pairwise(good) if a != b)
    return GapReport(
        attempts=counts.total(),
        good=counts[ProbeResult.GOOD],
        refused=counts[ProbeResult.REFUSED],
        no_answer=counts[ProbeResult.DARK],
        wrong=counts[ProbeResult.WRONG],
        own_errors=sum(row.own_errors for row in rows),
        gaps=tuple(sorted(longest, key=lambda gap: gap.began)),
        moves=moves,
        longest_ms=longest[0].duration_ms if longest else None,
        total_ms=round(sum(gap.duration_ms for gap in gaps), 1),
        last_node=next((who[-1] for who in answered if who), None),
        resolution_ms=round(often.spacing_s * 1000, 1),
        services_resolution_ms=round(max(row.spacing_s for row in seldom) * 1000, 1) if seldom else None,
        not_measured_ms=round(sum(hole.lasted_s for hole in unseen) * 1000, 1),
    )


def _together(gaps: Iterable[Gap]) -> list[Gap]:
    """All gaps with those that overlap made one, in the order of time."""
    found: list[Gap] = []
    for gap in sorted(gaps, key=lambda gap: gap.began):
        if found and (found[-1].ended is None or gap.began <= found[-1].ended):
            found[-1] = _joined(found[-1], gap)
        else:
            found.append(gap)
    return found


def _joined(one: Gap, other: Gap) -> Gap:
    """Both as one; what the longer one says of nodes and kinds counts. `one` begins first.

    Each has ended somewhere between its last failure and its next good answer: where both spans have a part in
    common, it was there.
    """
    failed_until = max(one.failed_until, other.failed_until)
    ended = None
    if one.ended is not None and other.ended is not None:
        sooner, later = sorted((one.ended, other.ended))
        ended = sooner if sooner >= failed_until else later
    longest = max(one, other, key=lambda gap: gap.duration_ms)
    until = max(gap.began + gap.duration_ms / 1000 for gap in (one, other)) if ended is None else ended
    return replace(
        longest,
        began=one.began,
        ended=ended,
        duration_ms=round((until - one.began) * 1000, 1),
        refused=one.refused + other.refused,
        no_answer=one.no_answer + other.no_answer,
        wrong=one.wrong + other.wrong,
        uncertainty_ms=max(one.uncertainty_ms, other.uncertainty_ms),
        failed_until=failed_until,
    )


def not_measured(ms: float) -> str:
    """How long nothing was asked, in words; empty when that never was so."""
    return f"not measured for {ms / 1000:.1f} s" if ms else ""


def _gaps(row: tuple[Segment, ...], holes: tuple[Hole, ...]) -> list[Gap]:
    gaps: list[Gap] = []
    before: Segment | None = None
    failed: list[Segment] = []
    last: Segment | None = None
    before_s = 0.0
    for segment in row:
        if last is not None and any(last.last <= hole.began and hole.ended <= segment.first for hole in holes):
            blind_s = segment.first - last.last
            gaps += [_gap(before, failed, None, unseen_s=(before_s, blind_s))] if failed else []
            before, failed, before_s = None, [], blind_s
        last = segment
        if segment.result is not ProbeResult.GOOD:
            failed.append(segment)
            continue
        if failed:
            gaps.append(_gap(before, failed, segment, unseen_s=(before_s, 0.0)))
        before, failed, before_s = segment, [], 0.0
    return [*gaps, _gap(before, failed, None, unseen_s=(before_s, 0.0))] if failed else gaps


def _gap(
    before: Segment | None, failed: list[Segment], after: Segment | None, *, unseen_s: tuple[float, float]
) -> Gap:
    """`unseen_s`: how long nothing was asked just before and just after it: it may have begun or ended there."""
    began, last = failed[0].first, failed[-1].last
    ended = after.first if after else last if unseen_s[1] else None
    edges = [*unseen_s, *([began - before.last] if before else [])]
    edges += [after.first - last] if after else []
    counts = _counts(failed)
    return Gap(
        began=began,
        ended=ended,
        duration_ms=round(((last if ended is None else ended) - began) * 1000, 1),
        refused=counts[ProbeResult.REFUSED],
        no_answer=counts[ProbeResult.DARK],
        wrong=counts[ProbeResult.WRONG],
        from_node=before.node if before else None,
        to_node=after.node if after else None,
        uncertainty_ms=round(max(edges, default=0.0) * 1000, 1),
        spent_ms=_spent_ms(failed, ended),
        failed_until=last,
    )


def _spent_ms(failed: list[Segment], ended: float | None) -> dict[str, float]:
    """Each kind of failure lasts from its first attempt until the first of the next kind."""
    ends = [*(segment.first for segment in failed[1:]), failed[-1].last if ended is None else ended]
    spent: dict[str, float] = {}
    for segment, end in zip(failed, ends, strict=True):
        spent[segment.result] = round(spent.get(segment.result, 0.0) + (end - segment.first) * 1000, 1)
    return spent


def _counts(segments: Iterable[Segment]) -> Counter[ProbeResult]:
    counts: Counter[ProbeResult] = Counter()
    for segment in segments:
        counts[segment.result] += segment.count
    return counts
