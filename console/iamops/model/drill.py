"""A drill as its author wrote it: what to do, what must follow and within which bound. Values only.

Roles are as of the beginning of each step: after `stop: keepalived` on the owner, the other node is the owner.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from iamops.model.facts import VrrpState


class DrillVerb(StrEnum):
    START = "start"
    STOP = "stop"
    RESTART = "restart"
    RELOAD = "reload"
    HANG = "hang"
    WAKE = "wake"
    SWITCHOVER = "switchover"
    REQUESTS = "requests"
    WATCH = "watch"
    POWER_OFF = "power-off"
    POWER_ON = "power-on"
    FREEZE = "freeze"
    THAW = "thaw"


UNIT_VERBS = (DrillVerb.START, DrillVerb.STOP, DrillVerb.RESTART, DrillVerb.RELOAD, DrillVerb.HANG, DrillVerb.WAKE)
MACHINE_VERBS = (DrillVerb.POWER_OFF, DrillVerb.POWER_ON, DrillVerb.FREEZE, DrillVerb.THAW)
# What takes a unit or a machine away, for a moment or until a later step, and what brings it back.
TAKES = (DrillVerb.STOP, DrillVerb.RESTART, DrillVerb.HANG, DrillVerb.POWER_OFF, DrillVerb.FREEZE)
GIVES_BACK = (DrillVerb.START, DrillVerb.WAKE, DrillVerb.RESTART, DrillVerb.POWER_ON, DrillVerb.THAW)
OWNER, STANDBY, EACH = "owner", "standby", "each"
# Of owner and standby the one with the higher priority, and the one without.
PREFERRED, OTHER = "preferred", "other"
ROLES = (OWNER, STANDBY, PREFERRED, OTHER)
# What a bound may name: times that follow from the live configuration of the nodes.
BOUND_NAMES = (
    *("vrrp.skew", "vrrp.raised", "vrrp.timeout", "vrrp.max", "vrrp.advert", "check.fault", "check.hang"),
    "check.recover",
)


@dataclass(frozen=True, slots=True)
class TimeTerm:
    """A named time with a factor, or `seconds` where `name` is None."""

    name: str | None
    factor: float = 1.0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Bound:
    """A sum of terms, as it was written: `check.fault + vrrp.skew`, `vrrp.max * 1.2`, `3 s`."""

    text: str
    terms: tuple[TimeTerm, ...]


@dataclass(frozen=True, slots=True)
class VipMovesTo:
    """The VIP comes to `who` (a role or a node) within the bound."""

    who: str
    within: Bound


@dataclass(frozen=True, slots=True)
class StateOf:
    """keepalived on `who` enters `state` within the bound."""

    who: str
    state: VrrpState
    within: Bound


@dataclass(frozen=True, slots=True)
class VipStays:
    """Nobody else takes the VIP, and no second node holds it, for this long."""

    lasting: Bound


@dataclass(frozen=True, slots=True)
class Outage:
    """The longest gap a client sees in this step."""

    at_most: Bound


@dataclass(frozen=True, slots=True)
class FailedRequests:
    """How many requests of the client probe may fail in this step."""

    at_most: int


@dataclass(frozen=True, slots=True)
class EvenSplit:
    """The requests of this step reached every backend equally often, as round robin does."""


Expected = VipMovesTo | StateOf | VipStays | Outage | FailedRequests | EvenSplit


@dataclass(frozen=True, slots=True)
class StateEntered:
    """A transition that must be seen, in order: `standby MASTER`. Also a line of the notify log."""

    who: str
    state: VrrpState


@dataclass(frozen=True, slots=True)
class DrillStep:
    """One step. `unit` for the unit verbs, `on` a role, a node or `each`; `count` requests per domain.

    `transitions` are all that may be logged by keepalived until the next step; `notify` the lines of
    the notify log. `line` is where it stands in its file.
    """

    verb: DrillVerb
    unit: str | None = None
    on: str = OWNER
    count: int = 0
    expect: tuple[Expected, ...] = ()
    transitions: tuple[StateEntered, ...] = ()
    notify: tuple[StateEntered, ...] = ()
    line: int = 0


class SteadyState(StrEnum):
    OWNED = "one-owner"
    STANDBY_READY = "standby-ready"
    UNITS = "units-running"
    DOMAINS = "domains-answer"
    SERVICES = "services-healthy"
    DATASTORES = "datastores-answer"
    CLIENT = "client-answered"


@dataclass(frozen=True, slots=True)
class Drill:
    """A whole drill. `disruptive` ones take a machine away: only in a lab, or with --allow-disruptive.

    `max_duration_s`: longer than that, it is undone and has failed.
    """

    name: str
    title: str
    about: str
    steady_state: tuple[SteadyState, ...]
    method: tuple[DrillStep, ...]
    restore: tuple[DrillStep, ...]
    max_duration_s: float
    source: str

    @property
    def steps(self) -> tuple[DrillStep, ...]:
        return (*self.method, *self.restore)

    @property
    def disruptive(self) -> bool:
        return any(move.verb in MACHINE_VERBS for move in self.steps)


@dataclass(frozen=True, slots=True)
class ResolvedStep:
    """One step with the nodes that its roles mean."""

    number: int
    move: DrillStep
    owner: str
    standby: str
    preferred: str

    def node(self, who: str) -> str:
        """The node that a role means; a node's own name is left as it is."""
        # Of the two, the one that is not preferred.
        other = self.standby if self.owner == self.preferred else self.owner
        roles = {OWNER: self.owner, STANDBY: self.standby, PREFERRED: self.preferred, OTHER: other}
        return roles.get(who, who)

    def nodes(self, every: Iterable[str]) -> tuple[str, ...]:
        """The nodes that the step acts on, of all that there are."""
        return tuple(every) if self.move.on == EACH else (self.target,)

    @property
    def target(self) -> str:
        """The node of a step that acts on one."""
        return self.node(self.move.on)

    @property
    def unit(self) -> str:
        """The unit of a step that is about one."""
        return self.move.unit or ""

    @property
    def acted_on(self) -> str:
        """The node whose check script matters for this step; of several, the owner."""
        return self.owner if self.move.on == EACH else self.target

    @property
    def moves_vip(self) -> bool:
        return self.owner != self.next_owner

    @property
    def next_owner(self) -> str:
        """Who holds the VIP when this step is over."""
        if self.move.verb is DrillVerb.SWITCHOVER:
            return self.standby
        if self.move.verb is DrillVerb.THAW:
            return self.preferred  # two masters meet, and the higher priority stays
        expected = [self.node(effect.who) for effect in self.move.expect if isinstance(effect, VipMovesTo)]
        return expected[-1] if expected else self.owner


def resolved_steps(drill: Drill, owner: str, standby: str, preferred: str) -> tuple[ResolvedStep, ...]:
    """Every step of method and restore, in order. `preferred` has the higher priority."""
    steps = list[ResolvedStep]()
    for number, move in enumerate(drill.steps):
        steps.append(ResolvedStep(number, move, owner, standby, preferred))
        if (next_owner := steps[-1].next_owner) != owner:
            owner, standby = next_owner, owner
    return tuple(steps)
