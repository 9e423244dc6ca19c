"""The shape of a plan: steps with argv, deadline, observation and undo, what must be done to say yes to it, and
what a planner answers.
"""

from __future__ import annotations

import hashlib
import shlex
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from iamops.model.state import ClusterState
from iamops.model.vip import Contested, OwnedBy, OwnerUnknown, owner_of
from iamops.plan.action import Action, ServiceAction, UnitVerb
from iamops.plan.config.change import PushedFiles
from iamops.plan.expectation import Expectation, StateExpectation
from iamops.redact.clean import without_secrets

SUDO = ("sudo", "-n")

# More conditions than these become one list.
FEW = 6


class StepKind(StrEnum):
    """What a step is for. `look` changes nothing; `arm` and `disarm` only touch the dead-man's timer.

    `watch` sends no command: what is expected must hold all the time it lasts. `ask` sends requests to the
    VIP from the operator's machine. `stage` puts files where no daemon looks. `confirm` waits for the operator.
    """

    LOOK = "look"
    ARM = "arm"
    DO = "do"
    DISARM = "disarm"
    WATCH = "watch"
    ASK = "ask"
    STAGE = "stage"
    CONFIRM = "confirm"


@dataclass(frozen=True, slots=True)
class Undo:
    """How one change is taken back, and the dead-man's timer that does the same without us.

    `only_if` is an expectation: the undo is needed only where it does not hold. `dead_man` is the
    systemd unit name without its suffix, or None where nothing was armed. `here`: it runs on the operator's
    machine, because the node itself is gone. `fires_s`: how long after it was armed the timer fires, where
    that is not the profile's `dead_man_s`. `files`: what it takes back is believed when their digests are seen.
    """

    name: str
    title: str
    node: str
    argv: tuple[str, ...]
    expect: tuple[StateExpectation, ...]
    timeout_s: float
    within_s: float
    dead_man: str | None
    only_if: StateExpectation | None = None
    here: bool = False
    fires_s: int | None = None
    files: PushedFiles | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One command on one node, and what must be observed after it within `within_s` seconds.

    `needs_s` is what theory says the observation may take at least; `within_s` is how long we look.
    `undo` (on `arm`) is what the timer carries; `requires_undo` names the undo that a step makes necessary,
    `clears_undo` the one it makes superfluous. `refuses`: a failure here has changed nothing, and is a refusal
    with this code, about this `subject` on its node: what a guard would name for the same reason. `lasts_s` (on
    `watch`) is how long; `count` (on `ask`) how many requests per domain. `move` is the number of the drill's
    step that it belongs to. `here`: it runs on the operator's machine. `sealed`: stdin may hold secrets, and is
    neither shown nor kept. `together`: sent at the same moment to other nodes. `keeps`: the files that stay from
    here on; no undo comes after this step. `puts_back`: the files that must be seen to be the old ones again.
    """

    kind: StepKind
    title: str
    node: str
    argv: tuple[str, ...]
    timeout_s: float
    expect: tuple[Expectation, ...] = ()
    within_s: float = 5.0
    needs_s: float = 0.0
    stdin: str = ""
    undo: Undo | None = None
    requires_undo: str | None = None
    clears_undo: str | None = None
    refuses: str | None = None
    subject: str = ""
    lasts_s: float = 0.0
    count: int = 0
    move: int | None = None
    here: bool = False
    sealed: bool = False
    together: tuple[Step, ...] = ()
    keeps: PushedFiles | None = None
    puts_back: PushedFiles | None = None

    @property
    def given(self) -> str:
        """What goes to stdin, as it may be shown."""
        if not self.sealed:
            return self.stdin
        return f"({len(self.stdin)} bytes, sha256 {hashlib.sha256(self.stdin.encode()).hexdigest()[:12]})"

    @property
    def all_clears_undo(self) -> tuple[str, ...]:
        """Every undo that becomes superfluous with this step."""
        own = (self.clears_undo,) if self.clears_undo else ()
        return (*own, *(name for other in self.together for name in other.all_clears_undo))


@dataclass(frozen=True, slots=True)
class Handover:
    """VIPs, by instance, that go from one node to another at the same time. `taker` None: nobody takes them.

    `comes`: the owner lets go of nothing; the taker is what comes up, and preempts.
    """

    moves: tuple[str, ...]
    owner: str
    taker: str | None
    comes: bool = False


@dataclass(frozen=True, slots=True)
class Impact:
    """What an action does to the VIPs and to the service, as the guards must know it.

    `moves`: every VIP that moves at some point; `handovers`: when and where to, in order. `owner` and `taker`: of
    the first of them, or of the drill's own instance. `planned`: the move is what is wanted, not a side effect.
    """

    touches: tuple[str, ...]
    moves: tuple[str, ...] = ()
    owner: str | None = None
    taker: str | None = None
    planned: bool = False
    lasting: bool = False
    stops_service: tuple[str, ...] = ()
    stops_datastore: tuple[str, ...] = ()
    needs_owner: bool = False
    handovers: tuple[Handover, ...] = ()


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a client may lose, and how long after the last change the effects may still show. Seconds.

    `gap_s` None: nobody can tell, because nothing else serves what is taken away.
    """

    gap_s: float | None
    lasts_s: float

    @property
    def sentence(self) -> str:
        watched = f"asked until {self.lasts_s:.1f} s after the last change"
        if self.gap_s is None:
            return f"a client is not served while nothing else serves, for as long as that takes; it is {watched}"
        if self.gap_s == 0:
            return f"a client loses nothing; it is {watched}"
        return f"a client gets no answer for about {self.gap_s:.2f} s; it is {watched}"


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be run, in order. `prediction` says what it will do to clients; `notes` what to know.

    `fingerprint` names the state it rests on: another fingerprint is another plan; `fingerprint_without_vrrp` the
    same without VRRP's own states, for a person who agreed to any plan. `before` must hold before
    anything is done, `steady_state` in the end, within `settle_s`. `unknown`: what must be known to make a plan
    and is not: it has no steps and is refused. `forecast`: what the measured gap is judged by. `watched`:
    what must hold besides once the effects of the last change have shown.
    """

    action: Action
    prediction: str
    steps: tuple[Step, ...]
    steady_state: tuple[StateExpectation, ...]
    impact: Impact
    notes: tuple[str, ...] = ()
    followups: tuple[Undo, ...] = ()
    before: tuple[StateExpectation, ...] = ()
    settle_s: float = 8.0
    unknown: str | None = None
    forecast: Forecast | None = None
    asked_host: str | None = None
    watched: tuple[StateExpectation, ...] = ()
    fingerprint: str = ""
    fingerprint_without_vrrp: str = ""

    @property
    def acting(self) -> tuple[Step, ...]:
        """The steps that change something."""
        return tuple(step for step in self.steps if step.kind is StepKind.DO)

    @property
    def ending(self) -> tuple[str, ...]:
        """All that must hold in the end, each once; nothing where nothing is done."""
        return tuple(dict.fromkeys(_sentences((*self.steady_state, *self.watched)))) if self.steps else ()

    @property
    def nodes(self) -> tuple[str, ...]:
        """The nodes that are touched, in the order of the plan."""
        return tuple(dict.fromkeys(self.impact.touches))

    @property
    def first(self) -> tuple[str, ...]:
        """What must hold before, in sentences; many of them as one list, so that the steps stay in sight."""
        holding = _sentences(self.before)
        return (
            tuple(holding) if len(holding) <= FEW else (f"all {len(holding)} of these hold: {'; '.join(holding)}",)
        )


def command_line(argv: Sequence[str]) -> str:
    """A command as a person may see it: quoted for a shell, without the passwords among its words."""
    return without_secrets(shlex.join(argv))


def _sentences(expected: Iterable[Expectation]) -> list[str]:
    return [expectation.sentence for expectation in expected]


@dataclass(frozen=True, slots=True)
class Confirmation:
    """`typed` is what must be typed, or None where a plain yes is enough. `why` says what makes it so."""

    typed: str | None
    why: str


def confirmation(plan: Plan, state: ClusterState, now: float) -> Confirmation:
    """What the operator must do. `now` in epoch seconds."""
    action = plan.action
    if not isinstance(action, ServiceAction):
        return Confirmation(state.profile.name, action.typed_because)
    if plan.impact.stops_datastore:
        return Confirmation(action.node, f"{', '.join(plan.impact.stops_datastore)} has no other node")
    if action.verb is UnitVerb.RELOAD:
        return Confirmation(None, "no VIP moves")
    if plan.impact.handovers and all(handover.comes for handover in plan.impact.handovers):
        return Confirmation(action.node, f"the VIP comes to {action.node}")
    for name in state.profile.vrrp:
        match owner_of(state, name, now):
            case OwnedBy(node) if node == action.node:
                return Confirmation(action.node, f"{action.node} owns the VIP")
            case Contested(nodes) if action.node in nodes:
                return Confirmation(action.node, f"{action.node} has the VIP, and so has another node")
            case OwnerUnknown(unseen) if action.node in unseen:
                return Confirmation(action.node, f"{action.node} may own the VIP: its addresses are not known")
    return Confirmation(None, "no VIP moves")


A_co = TypeVar("A_co", bound=Action, covariant=True)


class Planner(ABC, Generic[A_co]):
    """One action beside the observed state. Its methods raise NotKnown for what a plan cannot do without."""

    def __init__(self, action: A_co, state: ClusterState, now: float) -> None:
        """Raises NoSuchTarget."""
        action.check(state.profile)
        self.action, self.state, self.now = action, state, now
        self.profile = state.profile

    @abstractmethod
    def impact(self) -> Impact:
        """What the action does to VIPs and services."""

    @abstractmethod
    def plan(self) -> Plan:
        """Its steps, and what must be so in the end."""

    @abstractmethod
    def forecast(self, impact: Impact) -> Forecast | None:
        """What clients may lose; None: the action has budgets of its own."""

    def watched_nodes(self) -> Iterable[str]:
        """The nodes whose keepalived must be as well afterwards as it was before."""
        return ()

    def vrrp_nodes(self) -> Iterable[str]:
        """The nodes whose VRRP states the plan asks for."""
        return self.watched_nodes()

    def acted_on(self, nodes: tuple[str, ...]) -> Iterable[tuple[str, str]]:
        """The units that are started, stopped, restarted or reloaded, each with its node."""
        return ()

    def lost_backends(self, nodes: tuple[str, ...]) -> Iterable[tuple[str, str]]:
        """Units that go with a whole machine, with their nodes."""
        return ()

    def awaited(self, nodes: tuple[str, ...]) -> Iterable[tuple[str, str]]:
        """Units that fall with these and must be well again, with their nodes."""
        return ()
