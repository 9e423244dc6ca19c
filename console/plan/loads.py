"""Which daemons a plan makes read their files. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from console.model.drill import Verb
from console.model.profile import Profile
from console.plan.action import DrillAction
from console.plan.pieces import control
from console.plan.steps import Kind, Plan, Step

READS_FILES = ("start", "restart", "reload")
# What is switched off boots when it comes back, whoever brings it back.
BOOTS = (Verb.POWER_OFF, Verb.POWER_ON)


def loads(plan: Plan, profile: Profile) -> Iterator[tuple[str, str]]:
    """keepalived's and nginx's units that some step starts, restarts or reloads, each once with its node.

    A machine that boots starts both.
    """
    for unit in (profile.keepalived.unit, profile.nginx.unit):
        argvs = [control(verb, unit) for verb in READS_FILES]
        steps = (
            each for each in plan.steps if each.kind is Kind.DO and (each.argv in argvs or _boots(each, plan))
        )
        yield from ((unit, node) for node in dict.fromkeys(step.node for step in steps))


def _boots(step: Step, plan: Plan) -> bool:
    if not step.here or step.move is None or not isinstance(plan.action, DrillAction):
        return False
    return plan.action.drill.moves[step.move].verb in BOOTS
