"""What a person has insisted on: reasons that were shown, each by its code, node and subject. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from console.judge.denial import Denial, Identity
from console.plan.action import ConfigPush
from console.plan.steps import Kind, Plan, Step

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
    overridable = step.kind is Kind.LOOK and not isinstance(plan.action, ConfigPush)
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
