"""A step that started a unit and failed: what the unit itself says to that goes before what was observed."""

from __future__ import annotations

from console.engine.ports import Eyes, Hands, NotSent, OutcomeUnknown
from console.plan.expectation import UnitRuns
from console.plan.own_words import TIMEOUT_S, OwnWords
from console.plan.steps import Step
from console.render.privileges import controlled


async def with_own_words(step: Step, observed: str, began: float, hands: Hands, eyes: Eyes) -> str:
    """`observed`, and before it the unit's own reason where the step started one and that has a reason."""
    command = controlled(step.argv)
    if command is None or command[0] == "stop":
        return observed
    _, unit = command
    services = eyes.state.profile.services.values()
    log = next((service.log_path for service in services if service.unit == unit), "")
    replaced = next((each.other_than for each in step.expect if isinstance(each, UnitRuns)), None)
    words = OwnWords(step.node, unit, eyes.now() - began, log, replaced)
    try:
        answer = await hands.run(step.node, words.argv, stdin="", timeout_s=TIMEOUT_S)
    except (NotSent, OutcomeUnknown):
        return observed
    own = words.reason(answer.stdout)
    return f"{own}; {observed}" if own else observed
