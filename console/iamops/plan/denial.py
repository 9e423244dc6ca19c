"""What the guards judge, what they answer with, and what of it somebody has insisted against. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple

from iamops.model.exit_code import ExitCode
from iamops.model.state import ClusterState, NodeState
from iamops.plan.action import ConfigPush
from iamops.plan.steps import Plan, Step, StepKind


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
class GuardContext:
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


# What a person has insisted on: reasons that were shown, each by its code, node and subject. Pure.

NEW = "that was not among the reasons which were overridden"


def overridden(
    denied: Iterable[Denial], overrides: Iterable[str], shown: Iterable[Denial] | None = None
) -> tuple[Denial, ...]:
    """The denials that give way. `shown`: those that were read when it was insisted; None: these are."""
    denied = tuple(denied)
    about = _insisted(denied if shown is None else shown, overrides)
    return tuple(each for each in denied if each.overridable and each.identities <= about)


def standing(
    denied: Iterable[Denial], overrides: Iterable[str], shown: Iterable[Denial] | None = None
) -> tuple[Denial, ...]:
    """The denials that remain; one that came after its code was overridden says so."""
    denied, overrides = tuple(denied), tuple(overrides)
    away, codes = overridden(denied, overrides, shown), {_code(each) for each in overrides}
    return tuple(
        replace(each, reason=f"{each.reason}; {NEW}") if each.overridable and each.code in codes else each
        for each in denied
        if each not in away
    )


def without_looks(plan: Plan, overrides: Iterable[str], away: Iterable[Denial]) -> Plan:
    """The plan without the looks that would refuse what was insisted on.

    A code of which no guard has said anything is about the one look that can refuse with it. Where there are
    several, it is about none of them: which one refuses is not known yet, and its refusal names it.
    """
    overrides = tuple(overrides)
    about = _insisted(away, overrides)
    said = {each.code for each in about}
    for code in (each for each in overrides if each not in said):
        only = {refused_by(plan, step).identities for step in plan.steps if step.refuses == code}
        about |= next(iter(only)) if len(only) == 1 else frozenset()
    return replace(plan, steps=tuple(step for step in plan.steps if not _needless(plan, step, about)))


def refused_by(plan: Plan, step: Step, why: str = "") -> Denial:
    """The refusal of a step that found something. A look can be left out, but for those of a push."""
    overridable = step.kind is StepKind.LOOK and not isinstance(plan.action, ConfigPush)
    subjects = (step.subject,) if step.subject else ()
    return Denial(step.refuses or "", why, overridable, step.node, subjects, by_step=True)


def _needless(plan: Plan, step: Step, about: frozenset[Identity]) -> bool:
    refusal = refused_by(plan, step)
    return step.refuses is not None and refusal.overridable and refusal.identities <= about


def _insisted(shown: Iterable[Denial], overrides: Iterable[str]) -> frozenset[Identity]:
    """`CODE`: what was shown with it. `CODE@NODE/SUBJECT`: exactly that."""
    overrides = tuple(overrides)
    about = {one for each in shown if each.code in overrides for one in each.identities}
    for code, _, named in (each.partition("@") for each in overrides if "@" in each):
        node, _, subject = named.partition("/")
        about |= Denial(code, "", node=node or None, subjects=(subject,)).identities
    return frozenset(about)


def _code(override: str) -> str:
    return override.partition("@")[0]
