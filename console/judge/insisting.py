"""What a person has insisted on: reasons that were shown, each about its own node, and never later ones. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from console.judge.denial import Denial
from console.plan.steps import Kind, Plan, Step

NEW = "that was not among the reasons which were overridden"


def overridden(
    denied: Iterable[Denial], codes: Iterable[str], shown: Iterable[Denial] | None = None
) -> tuple[Denial, ...]:
    """The denials that give way. `shown`: those that were read when the codes were given; None: these are."""
    insisted = set(codes)
    known = None if shown is None else {each.identity for each in shown}
    return tuple(
        each
        for each in denied
        if each.overridable and each.code in insisted and (known is None or each.identity in known)
    )


def standing(
    denied: Iterable[Denial], codes: Iterable[str], shown: Iterable[Denial] | None = None
) -> tuple[Denial, ...]:
    """The denials that remain; one that came after its code was overridden says so."""
    denied, insisted = tuple(denied), set(codes)
    away = overridden(denied, insisted, shown)
    return tuple(
        replace(each, reason=f"{each.reason}; {NEW}") if each.overridable and each.code in insisted else each
        for each in denied
        if each not in away
    )


def without_looks(plan: Plan, codes: Iterable[str], away: Iterable[Denial]) -> Plan:
    """The plan without the looks that refuse with these codes, on the nodes that the denials were about.

    Where no guard has said a thing, it was the plan's first such look: a later one cannot refuse any more.
    """
    denied, left = tuple(away), plan.steps
    for code in dict.fromkeys(codes):
        looks = [step for step in plan.steps if step.kind is Kind.LOOK and step.refuses == code]
        about = [each.node for each in denied if each.code == code]
        gone: list[Step] = [step for step in looks if step.node in about] if about else looks[:1]
        left = tuple(step for step in left if step not in gone)
    return replace(plan, steps=left)
