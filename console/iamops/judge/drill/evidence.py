"""What was seen during a drill, as the judge needs it. Values only; times are session time in seconds."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from iamops.judge.drill.report import Invariant
from iamops.model.drill import MACHINE_VERBS, Bound, DrillVerb
from iamops.model.facts import VrrpState
from iamops.model.outage import Gap
from iamops.model.running import LiveVrrp
from iamops.plan.roles import ResolvedStep
from iamops.plan.vrrp_timing import LOST_ADVERTS, Pair, Window, skew_of, window


@dataclass(frozen=True, slots=True)
class DrillStepRun:
    """How one step of the drill went. `began`: when its first command was sent; `acted_until`: when the
    last of its steps was over. `stage` is `done`, `failed`, `unknown` or `waiting`.
    """

    number: int
    title: str
    stage: str
    began: float | None = None
    acted_until: float | None = None
    output: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NodeChange:
    """A change on a node: `at` when we heard of it, `happened` on the node, by its clock as far as known."""

    at: float
    happened: float
    uncertainty_s: float
    node: str


@dataclass(frozen=True, slots=True)
class AddressSeen(NodeChange):
    """The VIP came to the node's kernel, or left it."""

    present: bool


@dataclass(frozen=True, slots=True)
class StateSeen(NodeChange):
    """keepalived on the node entered a state."""

    state: VrrpState


@dataclass(frozen=True, slots=True)
class DrillEvidence:
    """Everything. `gaps` are in session time. `notify`: words of the notify log by node, or None where it
    could not be read; `notify_reason` says why. `live_after` is what each node runs with in the end, None when
    nobody looked.
    """

    owner: str
    began: float
    ended: float
    step_runs: tuple[DrillStepRun, ...]
    addresses: tuple[AddressSeen, ...] = ()
    states: tuple[StateSeen, ...] = ()
    gaps: tuple[Gap, ...] = ()
    measured: bool = True
    notify: Mapping[str, tuple[str, ...] | None] = field(default_factory=dict)
    notify_reason: Mapping[str, str] = field(default_factory=dict)
    live_after: Mapping[str, LiveVrrp] | None = field(default_factory=dict)


# A drill's way: its legs with what the nodes run with, and each leg's part of what was seen. Pure.

# A gap begins at the last request before the change, which may lie just before our command's own time.
BEFORE_S = 0.05
# A command that takes a machine away needs a moment itself, and nobody knows when in it the machine went.
FENCING_S = 0.5


@dataclass(frozen=True, slots=True)
class DrillRunPlan:
    """The legs, what each node runs with, and what may be added to theory."""

    steps: tuple[ResolvedStep, ...]
    live: dict[str, LiveVrrp]
    allowance_s: float

    def allowance_of(self, leg: ResolvedStep) -> float:
        return self.allowance_s + (FENCING_S if leg.move.verb in MACHINE_VERBS else 0.0)

    def pair(self, leg: ResolvedStep) -> Pair:
        return Pair(self.live[leg.owner], self.live[leg.standby])

    def window(self, leg: ResolvedStep, bound: Bound) -> Window:
        return window(bound, self.pair(leg), self.live[leg.acted_on])


@dataclass(frozen=True, slots=True)
class StepWindow:
    """One leg's part of the evidence: from its first command to the first command of the next.

    What belongs to it is told by when it happened: news of it may arrive when the next step has begun.
    """

    step: ResolvedStep
    run: DrillStepRun
    start: float
    end: float

    @property
    def title(self) -> str:
        return self.run.title

    def has(self, at: float, early_s: float = 0.0) -> bool:
        return self.start - early_s <= at < self.end


def slices(course: DrillRunPlan, evidence: DrillEvidence) -> tuple[StepWindow, ...]:
    """The legs that were begun. The last one ends when its steps were over, or with the drill if all is done."""
    begun = [run for run in evidence.step_runs if run.began is not None]
    found: list[StepWindow] = []
    for run, after in itertools.zip_longest(begun, begun[1:]):
        end = after.began if after is not None else _end(run, evidence)
        found.append(StepWindow(course.steps[run.number], run, run.began or 0.0, end or evidence.ended))
    return tuple(found)


def gaps_of(evidence: DrillEvidence, part: StepWindow) -> list[Gap]:
    return [gap for gap in evidence.gaps if part.has(gap.began, BEFORE_S)]


def _end(run: DrillStepRun, evidence: DrillEvidence) -> float | None:
    """What an undo brings about is no part of the leg that failed."""
    return evidence.ended if run.stage == "done" else run.acted_until


# What must hold during the whole of a drill: one owner at a time, nobody for no longer than theory allows,
# the VIP only where it should be, and the configuration as it was. Pure.

# Kernel and daemon act one after the other; adverts and address changes take their milliseconds.
OVERLAP_S = 0.1
VIP_WAY, SAME_CONFIG = "the VIP goes where it should", "the configuration stays what it was"


def invariants(course: DrillRunPlan, evidence: DrillEvidence) -> tuple[Invariant, ...]:
    """What must hold all the time. The configuration, only where somebody looked at it in the end."""
    after = evidence.live_after
    return (
        _never_two(course, evidence),
        _never_none(course, evidence),
        _way_of_the_vip(course, evidence),
        *((_same_config(course, after),) if after is not None else ()),
    )


def _never_two(course: DrillRunPlan, evidence: DrillEvidence) -> Invariant:
    longest_s, unsure_s = 0.0, 0.0
    for start, end, holders in _holdings(evidence):
        if len(holders) > 1:
            longest_s = max(longest_s, end - start)
    unsure_s = max((a.uncertainty_s for a in evidence.addresses), default=0.0)
    allowed_s = OVERLAP_S + unsure_s + (_advert_s(course) if _thaws(course) else 0.0)
    text = f"longest time with two owners: {longest_s * 1000:.0f} ms of {allowed_s * 1000:.0f} ms"
    return Invariant("never two owners", longest_s <= allowed_s, text)


def _never_none(course: DrillRunPlan, evidence: DrillEvidence) -> Invariant:
    longest_s = max((end - start for start, end, holders in _holdings(evidence) if not holders), default=0.0)
    allowed_s = max((_silence_s(course, leg) for leg in course.steps if leg.moves_vip), default=0.0)
    allowed_s += max((course.allowance_of(leg) for leg in course.steps), default=0.0)
    text = f"longest time without an owner: {longest_s * 1000:.0f} ms of {allowed_s * 1000:.0f} ms"
    return Invariant("never without an owner for longer than theory", longest_s <= allowed_s, text)


def _way_of_the_vip(course: DrillRunPlan, evidence: DrillEvidence) -> Invariant:
    """The nodes that held the VIP alone, one after the other."""
    alone = [next(iter(holders)) for _, _, holders in _holdings(evidence) if len(holders) == 1]
    way = _without_repeats([evidence.owner, *alone])
    begun = {run.number for run in evidence.step_runs if run.began is not None}
    wanted = _without_repeats([evidence.owner, *(leg.next_owner for leg in course.steps if leg.number in begun)])
    text = f"the VIP went {' -> '.join(way)}"
    if way == wanted:
        return Invariant(VIP_WAY, True, text)
    return Invariant(VIP_WAY, False, f"{text}, instead of {' -> '.join(wanted)}")


def _same_config(course: DrillRunPlan, live_after: Mapping[str, LiveVrrp]) -> Invariant:
    """A restart loads what lies on the disk: an edit that nobody had loaded shows itself only now."""
    changed = [
        f"{node} came back with {', '.join(changes)}"
        for node, after in live_after.items()
        if not course.live[node].assumed and (changes := course.live[node].changes(after))
    ]
    early = [node for node, before in course.live.items() if before.assumed]
    told_late = f"keepalived on {' and '.join(early)} did not tell before what it ran with: not compared"
    unknown = [*silent_now(course, live_after), *([told_late] if early else [])]
    holds = False if changed else None if unknown else True
    text = "; ".join((*changed, *unknown))
    return Invariant(SAME_CONFIG, holds, text or "every node runs with what it ran with before")


def silent_now(course: DrillRunPlan, live_after: Mapping[str, LiveVrrp] | None) -> Iterator[str]:
    """Nodes that told before what they ran with, and do not tell it any more: their keepalived failed, perhaps.

    None of them where nobody looked in the end.
    """
    for node, before in course.live.items():
        if live_after is not None and not before.assumed and node not in live_after:
            yield f"what keepalived on {node} runs with now is not known: it does not tell"


def _silence_s(course: DrillRunPlan, leg: ResolvedStep) -> float:
    """From the owner's last moment to the taker's first: a skew, or the whole wait where no farewell came."""
    pair = course.pair(leg)
    if leg.move.verb in MACHINE_VERBS:
        return LOST_ADVERTS * pair.owner.advert_interval_s + skew_of(pair.taker)
    return skew_of(pair.taker)


def _holdings(evidence: DrillEvidence) -> Iterator[tuple[float, float, frozenset[str]]]:
    """Spans of time and who held the VIP in them, on one clock."""
    holders = {evidence.owner}
    changes = sorted(evidence.addresses, key=lambda a: a.happened)
    edges = [evidence.began, *(a.happened for a in changes), evidence.ended]
    for (start, end), change in zip(pairwise(edges), [*changes, None], strict=True):
        yield start, end, frozenset(holders)
        if change is not None:
            _apply(holders, change)


def _apply(holders: set[str], change: AddressSeen) -> None:
    if change.present:
        holders.add(change.node)
    else:
        holders.discard(change.node)


def _thaws(course: DrillRunPlan) -> bool:
    """A machine that was frozen wakes up as the owner it was: two, until the better one is heard."""
    return any(leg.move.verb is DrillVerb.THAW for leg in course.steps)


def _advert_s(course: DrillRunPlan) -> float:
    return max(live.advert_interval_s for live in course.live.values())


def _without_repeats(names: Sequence[str]) -> list[str]:
    return [name for n, name in enumerate(names) if n == 0 or name != names[n - 1]]
