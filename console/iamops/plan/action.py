"""What an operator can ask for: actions as values, and the command line that asks for the same."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar

from iamops.model.drill import Drill
from iamops.model.profile import Profile
from iamops.model.running import LiveVrrp
from iamops.plan.config.change import NodeFilesChange, changes_identity

# What timers, SSH and a busy machine may add to VRRP's theory.
ALLOWANCE_S = 0.25


class UnitVerb(StrEnum):
    """What systemd is asked to do with one unit."""

    START = "start"
    STOP = "stop"
    RESTART = "restart"
    RELOAD = "reload"


@dataclass(frozen=True, slots=True)
class ServiceAction:
    """One verb for one unit on one node."""

    verb: UnitVerb
    unit: str
    node: str

    @property
    def sentence(self) -> str:
        return f"{self.verb} {self.unit} on {self.node}"

    @property
    def argv(self) -> tuple[str, ...]:
        return (self.verb, self.unit, self.node)


@dataclass(frozen=True, slots=True)
class RollingRestart:
    """A unit restarted on every node that has it, one after the other, the VIP's owner last."""

    # Why the operator must type the cluster's name.
    typed_because: ClassVar[str] = "every node is touched"
    unit: str

    @property
    def sentence(self) -> str:
        return f"rolling restart of {self.unit}"

    @property
    def argv(self) -> tuple[str, ...]:
        return ("restart", self.unit, "--rolling")


@dataclass(frozen=True, slots=True)
class Switchover:
    """A planned move of an instance's VIP. `to` None: the best standby. `plain`: without the track file."""

    typed_because: ClassVar[str] = "the VIP moves"
    to: str | None = None
    instance: str | None = None
    plain: bool = False

    @property
    def sentence(self) -> str:
        what = f" of {self.instance}" if self.instance else ""
        how = ", the plain way" if self.plain else ""
        return f"switchover{what}{f' to {self.to}' if self.to else ''}{how}"

    @property
    def argv(self) -> tuple[str, ...]:
        to = ("--to", self.to) if self.to else ()
        instance = ("--instance", self.instance) if self.instance else ()
        return ("switchover", *to, *instance, *(("--plain",) if self.plain else ()))


@dataclass(frozen=True, slots=True)
class DrillAction:
    """A whole drill on one instance. `live` is what each node's keepalived is really running with.

    `allowance_s`: what timers, SSH and scripts may add to theory. `disruptive`: a machine may be taken away.
    """

    typed_because: ClassVar[str] = "the VIP moves"
    drill: Drill
    live: Mapping[str, LiveVrrp] = field(default_factory=dict)
    instance: str | None = None
    allowance_s: float = ALLOWANCE_S
    disruptive: bool = False

    @property
    def sentence(self) -> str:
        return f"drill {self.drill.name}"

    @property
    def argv(self) -> tuple[str, ...]:
        instance = ("--instance", self.instance) if self.instance else ()
        allow = ("--allow-disruptive",) if self.disruptive else ()
        return ("drill", "run", self.drill.source, *instance, *allow)


@dataclass(frozen=True, slots=True)
class Drain:
    """A backend as nginx on `node` names it."""

    node: str
    endpoint: str


@dataclass(frozen=True, slots=True)
class DrainedRestart:
    """A service's unit restarted on every node, each time with that node's backend drained on all nodes first.

    `drained`: node -> what every nginx changes to while that node's backend takes no requests.
    """

    typed_because: ClassVar[str] = "every node is touched"
    unit: str
    service: str
    push: str
    drained: Mapping[str, Mapping[str, NodeFilesChange]]
    drains: Mapping[str, tuple[Drain, ...]]
    meta: str = "{}"

    @property
    def sentence(self) -> str:
        return f"rolling restart of {self.unit}, drained"

    @property
    def argv(self) -> tuple[str, ...]:
        return ("restart", self.unit, "--rolling", "--drain")

    @property
    def identity(self) -> str:
        rounds = self.drained.items()
        return changes_identity({f"{n} {m}": change for n, changes in rounds for m, change in changes.items()})


@dataclass(frozen=True, slots=True)
class ConfigPush:
    """Configuration files put in place on every node, standby first, and taken back unless they prove good.

    `push` names it, on the nodes and in the audit. `asked` are the words after `iamops` that ask for the same.
    `change_summary` says what changes, in sentences; `incompatible` why old and new keepalived must not run side
    by side (empty: they may). `confirm_s`: how long the operator has to say that it may stay. `drains`: which
    backends must be seen to get no more requests.
    """

    typed_because: ClassVar[str] = "every node is touched"
    push: str
    asked: tuple[str, ...]
    changes: Mapping[str, NodeFilesChange]
    meta: str = "{}"
    change_summary: tuple[str, ...] = ()
    incompatible: tuple[str, ...] = ()
    confirm_s: int | None = None
    drains: tuple[Drain, ...] = ()

    @property
    def sentence(self) -> str:
        return " ".join(self.asked[:4])

    @property
    def argv(self) -> tuple[str, ...]:
        confirm = ("--confirm-timeout", str(self.confirm_s)) if self.confirm_s else ()
        return (*self.asked, *confirm)

    @property
    def identity(self) -> str:
        return changes_identity(self.changes)


Action = ServiceAction | RollingRestart | Switchover | DrillAction | ConfigPush | DrainedRestart


def units_of(action: Action, profile: Profile) -> set[str]:
    """The units that its commands are about."""
    match action:
        case ServiceAction() | RollingRestart():
            return {action.unit}
        case DrainedRestart():
            return {profile.nginx.unit, action.unit}
        case Switchover():
            return {profile.keepalived.unit}
        case ConfigPush():
            return {profile.nginx.unit, profile.keepalived.unit}
        case DrillAction():
            return {move.unit for move in action.drill.steps if move.unit}


def files_brought(action: Action, node: str) -> frozenset[str] | None:
    """The files that an action puts on a node, or finds there as it wants them; None: it brings none."""
    match action:
        case ConfigPush():
            return action.changes[node].settled
        case DrainedRestart():
            settled = [changes[node].settled for changes in action.drained.values() if node in changes]
            return frozenset.intersection(*settled) if settled else frozenset()
        case _:
            return None


def command_line(action: Action, profile: str, reason: str = "", overrides: tuple[str, ...] = ()) -> str:
    """The command that asks for the same from a shell."""
    words = ["iamops", "--profile", profile, *action.argv]
    for code in overrides:
        words += ["--override", code]
    if reason:
        words += ["--reason", reason]
    return shlex.join(words)


class NoSuchTarget(Exception):
    """The action names a node, unit or instance that the profile does not have; says which there are."""


def check_targets(action: Action, profile: Profile) -> None:
    """Raises NoSuchTarget where the profile does not have what the action names."""
    match action:
        case ServiceAction():
            _check_node(profile, action.node)
            if action.unit not in (units := profile.actionable_units_on(action.node)):
                reason = f"the profile has no unit {action.unit!r} on {action.node}; its units: {', '.join(units)}"
                raise NoSuchTarget(reason)
        case RollingRestart() | DrainedRestart():
            every = dict.fromkeys(unit for node in profile.nodes for unit in profile.actionable_units_on(node))
            if action.unit not in every:
                reason = f"no node of {profile.name} has the unit {action.unit!r}"
                raise NoSuchTarget(f"{reason}; its units: {', '.join(every)}")
        case Switchover():
            instance_of(profile, action.instance)
            if action.to is not None:
                _check_node(profile, action.to)
        case _:
            pass


def instance_of(profile: Profile, asked: str | None) -> str:
    """The VRRP instance that was asked for, or the first. Raises NoSuchTarget."""
    name = asked or next(iter(profile.vrrp))
    if name not in profile.vrrp:
        raise NoSuchTarget(f"no VRRP instance {name!r}; there are: {', '.join(profile.vrrp)}")
    return name


def _check_node(profile: Profile, node: str) -> None:
    if node not in profile.nodes:
        raise NoSuchTarget(f"no node {node!r}; there are: {', '.join(profile.nodes)}")
