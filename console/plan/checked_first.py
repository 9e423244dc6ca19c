"""Before anything is touched: would every daemon that a plan starts again come back with its files? Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from console.model.drill import Verb
from console.model.profile import Profile
from console.model.state import ClusterState
from console.plan.action import DrillAction
from console.plan.loads import loads
from console.plan.pieces import config_check
from console.plan.steps import Kind, Plan


def checked_first(plan: Plan, state: ClusterState) -> Plan:
    """The plan, with all its configuration checks at its beginning: a refusal there has changed nothing."""
    started = dict.fromkeys((*loads(plan, state.profile), *_booted(plan, state.profile)))
    checks = tuple(step for unit, node in started for step in config_check(state, unit, node))
    return replace(plan, steps=(*checks, *(s for s in plan.steps if replace(s, move=None) not in checks)))


def _booted(plan: Plan, profile: Profile) -> Iterator[tuple[str, str]]:
    """A machine that comes back from being off starts everything."""
    if not isinstance(plan.action, DrillAction):
        return
    for step in plan.steps:
        verb = plan.action.drill.moves[step.move].verb if step.move is not None else None
        if step.kind is Kind.DO and verb is Verb.POWER_OFF:
            yield from ((unit, step.node) for unit in (profile.keepalived.unit, profile.nginx.unit))
