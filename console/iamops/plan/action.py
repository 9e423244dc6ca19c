"""What an operator can ask for: actions as values, and the command line that asks for the same."""

from __future__ import annotations

import shlex
from abc import ABC, abstractmethod
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


class NoSuchTarget(Exception):
    """The action names a node, unit or instance that the profile does not have; says which there are."""


class Action(ABC):
    """What an operator can ask for; its planner (`plan/build.py`) makes a plan of it.

    `typed_because`: why the operator must type the cluster's name; empty: what is typed depends on the plan.
    """

    __slots__ = ()
    typed_because: ClassVar[str] = "every node is touched"

    @property
    @abstractmethod
    def sentence(self) -> str:
        """In words: `restart nginx on iam-a`."""

    @property
    @abstractmethod
    def argv(self) -> tuple[str, ...]:
        """The words after `iamops` that ask for the same."""

    @property
    def identity(self) -> object:
        """What distinguishes it from another one: a plan of one is no plan of the other."""
        return self.argv

    @abstractmethod
    def units(self, profile: Profile) -> set[str]:
        """The units that its commands are about."""

    def nodes(self, profile: Profile) -> tuple[str, ...]:
        """The nodes that it may touch."""
        return tuple(profile.nodes)

    def may_move_vips(self, _profile: Profile) -> bool:
        return True

    def files_brought(self, _node: str) -> frozenset[str] | None:
        """The files that it puts on a node, or finds there as it wants them; None: it brings none."""
        return None

    def check(self, profile: Profile) -> None:  # noqa: B027 - not every action names a target
        """Raises NoSuchTarget where the profile does not have what it names."""


def _check_node(profile: Profile, node: str) -> None:
    if node not in profile.nodes:
        raise NoSuchTarget(f"no node {node!r}; there are: {', '.join(profile.nodes)}")


def _check_unit(profile: Profile, unit: str) -> None:
    every = dict.fromkeys(unit for node in profile.nodes for unit in profile.actionable_units_on(node))
    if unit not in every:
        raise NoSuchTarget(f"no node of {profile.name} has the unit {unit!r}; its units: {', '.join(every)}")


def _carries_vips(profile: Profile, unit: str) -> bool:
    """A backend comes and goes without VRRP."""
    return unit in (profile.keepalived.unit, profile.nginx.unit)


@dataclass(frozen=True, slots=True)
class ServiceAction(Action):
    """One verb for one unit on one node."""

    typed_because: ClassVar[str] = ""
    verb: UnitVerb
    unit: str
    node: str

    @property
    def sentence(self) -> str:
        return f"{self.verb} {self.unit} on {self.node}"

    @property
    def argv(self) -> tuple[str, ...]:
        return (self.verb, self.unit, self.node)

    def units(self, _profile: Profile) -> set[str]:
        return {self.unit}

    def nodes(self, _profile: Profile) -> tuple[str, ...]:
        return (self.node,)

    def may_move_vips(self, profile: Profile) -> bool:
        return _carries_vips(profile, self.unit)

    def check(self, profile: Profile) -> None:
        _check_node(profile, self.node)
        if self.unit not in (units := profile.actionable_units_on(self.node)):
            reason = f"the profile has no unit {self.unit!r} on {self.node}; its units: {', '.join(units)}"
            raise NoSuchTarget(reason)


@dataclass(frozen=True, slots=True)
class RollingRestart(Action):
    """A unit restarted on every node that has it, one after the other, the VIP's owner last."""

    unit: str

    @property
    def sentence(self) -> str:
        return f"rolling restart of {self.unit}"

    @property
    def argv(self) -> tuple[str, ...]:
        return ("restart", self.unit, "--rolling")

    def units(self, _profile: Profile) -> set[str]:
        return {self.unit}

    def may_move_vips(self, profile: Profile) -> bool:
        return _carries_vips(profile, self.unit)

    def check(self, profile: Profile) -> None:
        _check_unit(profile, self.unit)


@dataclass(frozen=True, slots=True)
class Switchover(Action):
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

    def units(self, profile: Profile) -> set[str]:
        return {profile.keepalived.unit}

    def check(self, profile: Profile) -> None:
        instance_of(profile, self.instance)
        if self.to is not None:
            _check_node(profile, self.to)


@dataclass(frozen=True, slots=True)
class DrillAction(Action):
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

    def units(self, _profile: Profile) -> set[str]:
        return {step.unit for step in self.drill.steps if step.unit}


@dataclass(frozen=True, slots=True)
class Drain:
    """A backend as nginx on `node` names it."""

    node: str
    endpoint: str


@dataclass(frozen=True, slots=True)
class DrainedRestart(Action):
    """A service's unit restarted on every node, each time with that node's backend drained on all nodes first.

    `drained`: node -> what every nginx changes to while that node's backend takes no requests.
    """

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

    def units(self, profile: Profile) -> set[str]:
        return {profile.nginx.unit, self.unit}

    def files_brought(self, node: str) -> frozenset[str]:
        settled = [changes[node].settled for changes in self.drained.values() if node in changes]
        return frozenset.intersection(*settled) if settled else frozenset()

    def check(self, profile: Profile) -> None:
        _check_unit(profile, self.unit)


@dataclass(frozen=True, slots=True)
class ConfigPush(Action):
    """Configuration files put in place on every node, standby first, and taken back unless they prove good.

    `push` names it, on the nodes and in the audit. `asked` are the words after `iamops` that ask for the same.
    `change_summary` says what changes, in sentences; `incompatible` why old and new keepalived must not run side
    by side (empty: they may). `confirm_s`: how long the operator has to say that it may stay. `drains`: which
    backends must be seen to get no more requests.
    """

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

    def units(self, profile: Profile) -> set[str]:
        return {profile.nginx.unit, profile.keepalived.unit}

    def files_brought(self, node: str) -> frozenset[str]:
        return self.changes[node].settled


def command_line(action: Action, profile: str, reason: str = "", overrides: tuple[str, ...] = ()) -> str:
    """The command that asks for the same from a shell."""
    words = ["iamops", "--profile", profile, *action.argv]
    for code in overrides:
        words += ["--override", code]
    if reason:
        words += ["--reason", reason]
    return shlex.join(words)


def instance_of(profile: Profile, asked: str | None) -> str:
    """The VRRP instance that was asked for, or the first. Raises NoSuchTarget."""
    name = asked or next(iter(profile.vrrp))
    if name not in profile.vrrp:
        raise NoSuchTarget(f"no VRRP instance {name!r}; there are: {', '.join(profile.vrrp)}")
    return name
