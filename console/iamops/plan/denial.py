"""What the guards judge, what they answer with, and what of it somebody has insisted against. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple

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
        """All that must have been insisted on. To insist although it is so includes that it may be so."""
        grades = (True, False) if self.known else (False,)
        subjects = self.subjects or ("",)
        return frozenset(
            Identity(self.code, self.node, subject, grade) for subject in subjects for grade in grades
        )

    @property
    def overrides(self) -> tuple[str, ...]:
        """What insists on it. What a step has found is named in full: a code may be about several steps."""
        if not self.overridable:
            return ()
        in_full = tuple(f"{self.code}@{self.node}/{subject}" for subject in self.subjects)
        return in_full if self.by_step else (self.code,)

    @property
    def insist(self) -> str:
        """The way on, or nothing."""
        options = " ".join(f"--override {shlex.quote(name)}" for name in self.overrides)
        return f' ({options} --reason "…" to insist)' if options else ""

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


NEW = "that was not among the reasons which were overridden"


def overridden(
    denied: Iterable[Denial], overrides: Iterable[str], shown: Iterable[Denial] | None = None
) -> tuple[Denial, ...]:
    """The denials that give way. `shown`: those that were read when it was insisted; None: these are."""
    denied = tuple(denied)
    insisted = _insisted(denied if shown is None else shown, overrides)
    return tuple(denial for denial in denied if denial.overridable and denial.identities <= insisted)


def remaining_denials(
    denied: Iterable[Denial], overrides: Iterable[str], shown: Iterable[Denial] | None = None
) -> tuple[Denial, ...]:
    """The denials that remain; one that came after its code was overridden says so."""
    denied, overrides = tuple(denied), tuple(overrides)
    away, codes = overridden(denied, overrides, shown), {override.partition("@")[0] for override in overrides}
    return tuple(
        replace(denial, reason=f"{denial.reason}; {NEW}")
        if denial.overridable and denial.code in codes
        else denial
        for denial in denied
        if denial not in away
    )


def without_looks(plan: Plan, overrides: Iterable[str], away: Iterable[Denial]) -> Plan:
    """The plan without the looks that would refuse what was insisted on.

    A code that no guard has used is about the one look that can refuse with it. Where there are
    several, it is about none of them: which one refuses is not known yet, and its refusal names it.
    """
    overrides = tuple(overrides)
    insisted = _insisted(away, overrides)
    denied_codes = {identity.code for identity in insisted}
    looks = [(step, refused_by(plan, step)) for step in plan.steps if step.refuses is not None]
    for code in (code for code in overrides if code not in denied_codes):
        only = {refusal.identities for _, refusal in looks if refusal.code == code}
        insisted |= next(iter(only)) if len(only) == 1 else frozenset()
    needless = [step for step, refusal in looks if refusal.overridable and refusal.identities <= insisted]
    return replace(plan, steps=tuple(step for step in plan.steps if step not in needless))


def refused_by(plan: Plan, step: Step, why: str = "") -> Denial:
    """The refusal of a step that found something. A look can be left out, but for those of a push."""
    overridable = step.kind is StepKind.LOOK and not isinstance(plan.action, ConfigPush)
    subjects = (step.subject,) if step.subject else ()
    return Denial(step.refuses or "", why, overridable, step.node, subjects, by_step=True)


def _insisted(shown: Iterable[Denial], overrides: Iterable[str]) -> frozenset[Identity]:
    """`CODE`: what was shown with it. `CODE@NODE/SUBJECT`: exactly that."""
    overrides = tuple(overrides)
    found = {identity for denial in shown if denial.code in overrides for identity in denial.identities}
    for code, _, target in (override.partition("@") for override in overrides if "@" in override):
        node, _, subject = target.partition("/")
        found |= Denial(code, "", node=node or None, subjects=(subject,)).identities
    return frozenset(found)
