"""What the guards judge, and what they answer with. Values only."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from console.model.exit_code import ExitCode
from console.model.state import ClusterState, NodeState
from console.plan.steps import Plan


class Identity(NamedTuple):
    """One thing that a person can insist on. `known`: that it is so, and not only that it may be."""

    code: str
    node: str | None
    subject: str = ""
    known: bool = True


@dataclass(frozen=True, slots=True)
class Denial:
    """Why an action is refused. `code` is stable; `overridable` says whether a person may insist.

    `subjects`: what the reason is about: services, units, domains, VRRP instances, settings. Code, node and
    subjects are what it is, whatever its words say at another moment. `known` False: it may be so, nobody knows.
    `by_step`: no guard can say it; a step of the plan has found it.
    """

    code: str
    reason: str
    overridable: bool = False
    node: str | None = None
    subjects: tuple[str, ...] = ()
    known: bool = True
    by_step: bool = False

    @property
    def identities(self) -> frozenset[Identity]:
        """All that must have been insisted on. Who insists although it is so, does although it may be."""
        grades = (True, False) if self.known else (False,)
        about = self.subjects or ("",)
        return frozenset(Identity(self.code, self.node, each, grade) for each in about for grade in grades)

    @property
    def overrides(self) -> tuple[str, ...]:
        """What insists on it. What a step has found is named in full: a code may be about several steps."""
        if not self.overridable:
            return ()
        return tuple(f"{self.code}@{self.node}/{each}" for each in self.subjects) if self.by_step else (self.code,)

    @property
    def insist(self) -> str:
        """The way on, or nothing."""
        if not self.overrides:
            return ""
        options = " ".join(f"--override {shlex.quote(name)}" for name in self.overrides)
        return f' ({options} --reason "…" to insist)'

    @property
    def sentence(self) -> str:
        """The reason with its code, and whether there is a way on."""
        return f"{self.code}: {self.reason}{self.insist}"


@dataclass(frozen=True, slots=True)
class Case:
    """What the guards judge. `run` is our own run, whose lock is no obstacle. `own`: every run of this process,
    those that are over included; `who`: how we call ourselves.
    """

    plan: Plan
    state: ClusterState
    now: float
    armed: bool = True
    run: str | None = None
    own: frozenset[str] = frozenset()
    who: str = ""

    @property
    def node_states(self) -> Iterable[NodeState]:
        return self.state.nodes.values()


def refusal_code(denied: Iterable[Denial]) -> ExitCode:
    """What a script is told of a refusal."""
    unreachable = any(denial.code == "node-unreachable" for denial in denied)
    return ExitCode.UNREACHABLE if unreachable else ExitCode.REFUSED
