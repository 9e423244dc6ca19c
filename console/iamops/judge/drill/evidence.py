"""What was seen during a drill, by step, and what must hold throughout it. Times are session time in seconds."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from iamops.judge.drill.report import Invariant
from iamops.judge.run import Stage, StepReport
from iamops.model.drill import MACHINE_VERBS, Bound, DrillVerb, ResolvedStep
from iamops.model.facts import VrrpState
from iamops.model.foreign import Json
from iamops.model.outage import Gap
from iamops.model.running import LiveVrrp
from iamops.plan.steps import StepKind
from iamops.plan.vrrp_timing import LOST_ADVERTS, Pair, Window, skew_of, window

# A gap begins at the last request before the change, which may lie just before our command's own time.
BEFORE_S = 0.05
# A command that takes a machine away needs a moment itself, and nobody knows when in it the machine went.
FENCING_S = 0.5
# Kernel and daemon act one after the other; adverts and address changes take their milliseconds.
OVERLAP_S = 0.1
Holding: TypeAlias = tuple[float, float, frozenset[str]]
VIP_WAY, SAME_CONFIG = "the VIP goes where it should", "the configuration stays what it was"


@dataclass(frozen=True, slots=True)
class DrillStepRun:
    """How a drill's step went, which is several steps of the run. `began`: when its first command was sent;
    `acted_until`: when the last was over. `stage` is `done`, `failed`, `unknown` or `waiting`. `output`: what it
    measured, by domain.
    """

    number: int
    title: str
    stage: str
    began: float | None = None
    acted_until: float | None = None
    output: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WitnessedChange:
    """A change on a node: `at` when we heard of it, `happened` on the node, by its clock as far as known."""

    at: float
    happened: float
    uncertainty_s: float
    node: str


@dataclass(frozen=True, slots=True)
class AddressSeen(WitnessedChange):
    """The VIP came to the node's kernel, or left it."""

    present: bool


@dataclass(frozen=True, slots=True)
class StateSeen(WitnessedChange):
    """keepalived on the node entered a state."""

    state: VrrpState


@dataclass(frozen=True, slots=True)
class DrillEvidence:
    """Everything that was seen. `gaps` are in session time. `notify`: words of the notify log by node, or None
    where it could not be read; `notify_reason` says why. `live_after` is what each node runs with in the end, None
    when nobody looked.
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


@dataclass(frozen=True, slots=True)
class DrillRunPlan:
    """The drill's steps, what each node runs with, and what may be added to theory."""

    steps: tuple[ResolvedStep, ...]
    live: dict[str, LiveVrrp]
    allowance_s: float

    def allowance_of(self, step: ResolvedStep) -> float:
        return self.allowance_s + (FENCING_S if step.move.verb in MACHINE_VERBS else 0.0)

    def pair(self, step: ResolvedStep) -> Pair:
        return Pair(self.live[step.owner], self.live[step.standby])

    def window(self, step: ResolvedStep, bound: Bound) -> Window:
        return window(bound, self.pair(step), self.live[step.acted_on])


@dataclass(frozen=True, slots=True)
class StepWindow:
    """A step's part of the evidence: from its first command to the first command of the next.

    It holds what happened in it: the report of that may arrive when the next step has begun.
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

    def gaps(self, evidence: DrillEvidence) -> list[Gap]:
        return [gap for gap in evidence.gaps if self.has(gap.began, BEFORE_S)]


def step_windows(plan: DrillRunPlan, evidence: DrillEvidence) -> Iterator[StepWindow]:
    """The steps that were begun. The last one ends when it was over, or with the drill if all is done."""
    begun = [run for run in evidence.step_runs if run.began is not None]
    for run, following in itertools.zip_longest(begun, begun[1:]):
        # What an undo brings about is no part of the step that failed.
        end = evidence.ended if run.stage == "done" else run.acted_until
        if following is not None:
            end = following.began
        yield StepWindow(plan.steps[run.number], run, run.began or 0.0, end or evidence.ended)


def invariants(plan: DrillRunPlan, evidence: DrillEvidence) -> tuple[Invariant, ...]:
    """What must hold throughout: one owner, nobody for no longer than theory allows, the VIP only where it
    should be, and the configuration as it was. The last, only where somebody looked at it in the end.
    """
    after = evidence.live_after
    holdings = tuple(_holdings(evidence))
    return (
        _never_two(plan, evidence, holdings),
        _never_none(plan, holdings),
        _way_of_the_vip(plan, evidence, holdings),
        *((_same_config(plan, after),) if after is not None else ()),
    )


def _holdings(evidence: DrillEvidence) -> Iterator[Holding]:
    """Spans of time and who held the VIP in them, on one clock."""
    holders, start = frozenset({evidence.owner}), evidence.began
    for change in sorted(evidence.addresses, key=lambda change: change.happened):
        yield start, change.happened, holders
        start = change.happened
        holders = holders | {change.node} if change.present else holders - {change.node}
    yield start, evidence.ended, holders


def _never_two(plan: DrillRunPlan, evidence: DrillEvidence, holdings: Sequence[Holding]) -> Invariant:
    longest_s = max([0.0, *(end - start for start, end, holders in holdings if len(holders) > 1)])
    allowed_s = OVERLAP_S + max((change.uncertainty_s for change in evidence.addresses), default=0.0)
    # A machine that was frozen wakes up as the owner it was: two, until the better one is heard.
    if any(step.move.verb is DrillVerb.THAW for step in plan.steps):
        allowed_s += max(live.advert_interval_s for live in plan.live.values())
    text = f"longest time with two owners: {longest_s * 1000:.0f} ms of {allowed_s * 1000:.0f} ms"
    return Invariant("never two owners", longest_s <= allowed_s, text)


def _never_none(plan: DrillRunPlan, holdings: Sequence[Holding]) -> Invariant:
    longest_s = max((end - start for start, end, holders in holdings if not holders), default=0.0)
    silences_s = [0.0]
    for step in plan.steps:
        if step.moves_vip:
            # From the owner's last moment to the taker's first: a skew, or the whole wait where no farewell came.
            pair = plan.pair(step)
            lost_s = LOST_ADVERTS * pair.owner.advert_interval_s if step.move.verb in MACHINE_VERBS else 0.0
            silences_s.append(lost_s + skew_of(pair.taker))
    allowed_s = max(silences_s) + max((plan.allowance_of(step) for step in plan.steps), default=0.0)
    text = f"longest time without an owner: {longest_s * 1000:.0f} ms of {allowed_s * 1000:.0f} ms"
    return Invariant("never without an owner for longer than theory", longest_s <= allowed_s, text)


def _way_of_the_vip(plan: DrillRunPlan, evidence: DrillEvidence, holdings: Sequence[Holding]) -> Invariant:
    """The nodes that held the VIP alone, one after the other."""

    def way(names: Sequence[str]) -> str:
        return " -> ".join(name for name, _ in itertools.groupby((evidence.owner, *names)))

    begun = {run.number for run in evidence.step_runs if run.began is not None}
    went = way([next(iter(holders)) for _, _, holders in holdings if len(holders) == 1])
    wanted = way([step.next_owner for step in plan.steps if step.number in begun])
    text = f"the VIP went {went}"
    return Invariant(VIP_WAY, went == wanted, text if went == wanted else f"{text}, instead of {wanted}")


def _same_config(plan: DrillRunPlan, live_after: Mapping[str, LiveVrrp]) -> Invariant:
    """A restart loads what lies on the disk: an edit that nobody had loaded shows itself only now."""
    changed = [
        f"{node} came back with {', '.join(changes)}"
        for node, after in live_after.items()
        if not plan.live[node].assumed and (changes := plan.live[node].changes(after))
    ]
    unknown = list(silent_now(plan, live_after))
    if early := [node for node, before in plan.live.items() if before.assumed]:
        unknown.append(f"keepalived on {' and '.join(early)} did not tell before what it ran with: not compared")
    holds = False if changed else None if unknown else True
    text = "; ".join((*changed, *unknown))
    return Invariant(SAME_CONFIG, holds, text or "every node runs with what it ran with before")


def silent_now(plan: DrillRunPlan, live_after: Mapping[str, LiveVrrp] | None) -> Iterator[str]:
    """Nodes that reported before what they ran with, and do not any more: their keepalived failed, perhaps.

    None of them where nobody looked in the end.
    """
    for node, before in plan.live.items():
        if live_after is not None and not before.assumed and node not in live_after:
            yield f"what keepalived on {node} runs with now is not known: it does not tell"


def step_run(drill_step: ResolvedStep, steps: Sequence[StepReport]) -> DrillStepRun:
    own = [step for step in steps if step.step.move == drill_step.number]
    acts = [step for step in own if step.step.kind in (StepKind.DO, StepKind.ASK, StepKind.WATCH)]
    title = acts[0].step.title if acts else str(drill_step.move.verb)
    if drill_step.move.verb is DrillVerb.SWITCHOVER:
        title = f"switchover to {drill_step.standby}"
    begun = [step.began for step in acts if step.began is not None]
    if not begun:
        return DrillStepRun(drill_step.number, title, "waiting")
    worst = [step.stage for step in own if step.stage in (Stage.FAILED, Stage.UNKNOWN)]
    stage = str(worst[0]) if worst else "running"
    if all(step.stage is Stage.DONE for step in own):
        stage = "done"
    output: Json = {}
    for step in acts:
        output |= json.loads(step.output) if step.output else {}
    ended = max((step.ended for step in own if step.ended is not None), default=None)
    return DrillStepRun(drill_step.number, title, stage, begun[0], ended, output)


def taken_away(plan: DrillRunPlan, steps: Sequence[StepReport]) -> Iterator[AddressSeen]:
    """A machine that is off or frozen answers for no address, though its kernel reports no change."""
    for drill_step in plan.steps:
        own = (s.began for s in steps if s.step.move == drill_step.number and s.step.kind is StepKind.DO)
        at, node, verb = next(own, None), drill_step.node(drill_step.move.on), drill_step.move.verb
        if at is None:
            continue
        if verb in (DrillVerb.POWER_OFF, DrillVerb.FREEZE) and node == drill_step.owner:
            yield AddressSeen(at, at, 0.0, node, present=False)
        elif verb is DrillVerb.THAW:
            yield AddressSeen(at, at, 0.0, node, present=True)
