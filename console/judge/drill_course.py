"""A drill's way: its legs with what the nodes run with, and each leg's part of what was seen. Pure."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from console.judge.drill_evidence import Evidence, LegRun
from console.model.drill import MACHINE_VERBS, Bound
from console.model.gap import Gap
from console.model.live import LiveVrrp
from console.plan.legs import Leg
from console.plan.theory import Pair, Window, window

# A gap begins at the last request before the change, which may lie just before our command's own time.
BEFORE_S = 0.05
# A command that takes a machine away needs a moment itself, and nobody knows when in it the machine went.
FENCING_S = 0.5


@dataclass(frozen=True, slots=True)
class Course:
    """The legs, what each node runs with, and what may be added to theory."""

    legs: tuple[Leg, ...]
    live: dict[str, LiveVrrp]
    allowance_s: float

    def allowance_of(self, leg: Leg) -> float:
        return self.allowance_s + (FENCING_S if leg.move.verb in MACHINE_VERBS else 0.0)

    def pair(self, leg: Leg) -> Pair:
        return Pair(self.live[leg.owner], self.live[leg.standby])

    def window(self, leg: Leg, bound: Bound) -> Window:
        return window(bound, self.pair(leg), self.live[leg.acted_on])


@dataclass(frozen=True, slots=True)
class Slice:
    """One leg's part of the evidence: from its first command to the first command of the next.

    What belongs to it is told by when it happened: news of it may arrive when the next step has begun.
    """

    leg: Leg
    run: LegRun
    start: float
    end: float

    @property
    def title(self) -> str:
        return self.run.title

    def has(self, at: float, early_s: float = 0.0) -> bool:
        return self.start - early_s <= at < self.end


def slices(course: Course, evidence: Evidence) -> tuple[Slice, ...]:
    """The legs that were begun. The last one ends when its steps were over, or with the drill if all is done."""
    begun = [run for run in evidence.legs if run.began is not None]
    found: list[Slice] = []
    for run, after in itertools.zip_longest(begun, begun[1:]):
        end = after.began if after is not None else _end(run, evidence)
        found.append(Slice(course.legs[run.number], run, run.began or 0.0, end or evidence.ended))
    return tuple(found)


def gaps_of(evidence: Evidence, part: Slice) -> list[Gap]:
    return [gap for gap in evidence.gaps if part.has(gap.began, BEFORE_S)]


def _end(run: LegRun, evidence: Evidence) -> float | None:
    """What an undo brings about is no part of the leg that failed."""
    return evidence.ended if run.stage == "done" else run.acted_until
