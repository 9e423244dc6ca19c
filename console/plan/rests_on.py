"""The nodes whose state a plan rests on, touched or not. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from console.model.need import When
from console.model.profile import Profile
from console.plan.carriers import nodes_let_down
from console.plan.needs import commands, falls
from console.plan.steps import Plan


def rests_on(plan: Plan, profile: Profile) -> tuple[str, ...]:
    """Besides the touched ones: who takes a VIP, who may hold or take one where keepalived or nginx goes, and who
    serves what stops.
    """
    found = [*plan.nodes]
    if nodes_let_down(plan, profile):
        found += profile.nodes
    found += [node for each in plan.impact.handovers for node in (each.owner, each.taker) if node is not None]
    found += [node for _, node in serving(plan, profile)]
    return tuple(dict.fromkeys(found))


def serving(plan: Plan, profile: Profile) -> Iterator[tuple[str, str]]:
    """The services that stop for a time, themselves or with what they need, and every node that may serve them."""
    ending = [each for each in commands(plan) if each.verb != "start"]
    fallen = (fall for each in ending for fall in falls(profile, each.unit, each.node))
    lost = {fall.service for fall in fallen if fall.need.when is When.ALWAYS} | {*plan.impact.stops_service}
    for name in sorted(lost):
        yield from ((name, node) for node in profile.nodes if profile.services[name].runs_on(node))
