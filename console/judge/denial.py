"""What the guards judge, and what they answer with. Values only."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from console.model.exit_code import ExitCode
from console.model.state import ClusterState, NodeState
from console.plan.steps import Plan

TIMES = re.compile(r"\b\d+(\.\d+)? m?s\b")


@dataclass(frozen=True, slots=True)
class Denial:
    """Why an action is refused. `code` is stable; `overridable` says whether a person may insist.

    `subject`: what the reason is about, where its words change while that stays the same.
    """

    code: str
    reason: str
    overridable: bool = False
    node: str | None = None
    subject: str | None = None

    @property
    def identity(self) -> tuple[str, str | None, str]:
        """The same for the same reason at another moment: times in it do not count."""
        return self.code, self.node, self.subject or TIMES.sub("", self.reason)

    @property
    def sentence(self) -> str:
        """The reason with its code, and whether there is a way on."""
        insist = f' (--override {self.code} --reason "…" to insist)' if self.overridable else ""
        return f"{self.code}: {self.reason}{insist}"


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
