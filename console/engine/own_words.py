"""A step that failed, in the words of its command, and of the unit itself where it started one."""

from __future__ import annotations

from console.engine.ports import Answer, Eyes, Hands, NotSent, OutcomeUnknown
from console.plan.expectation import UnitRuns
from console.plan.own_words import TIMEOUT_S, OwnWords
from console.plan.run_room import ASK, no_room
from console.plan.steps import Kind, Step
from console.render.privileges import controlled

SUDO_REFUSES = "sudo:"
COMPLAINT_KEPT = 240


async def with_own_words(step: Step, observed: str, began: float, hands: Hands, eyes: Eyes) -> str:
    """`observed`, and before it the unit's own reason where the step started one and that has a reason, or why the
    node has no room for the undo that it was to arm.
    """
    if step.kind is Kind.ARM and not step.here:
        return await _with_room(step, observed, hands)
    command = controlled(step.argv)
    if command is None or command[0] not in ("start", "restart"):
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


async def _with_room(step: Step, observed: str, hands: Hands) -> str:
    """systemd says of a timer that it could not write only that there is none."""
    try:
        answer = await hands.run(step.node, ASK, stdin="", timeout_s=TIMEOUT_S)
    except (NotSent, OutcomeUnknown):
        return observed
    full = no_room(step.node, answer.stdout)
    return f"{full}; {observed}" if full else observed


def complaint(answer: Answer) -> str:
    """What the command said, on one line; a refusal of sudo with the way to mend it."""
    said = " ".join((answer.stderr.strip() or answer.stdout.strip()).split())[:COMPLAINT_KEPT]
    if said.startswith(SUDO_REFUSES):
        return f"{said} (the login user may not run this: install what `iamops profile sudoers` prints)"
    ended = "was killed" if answer.exit_status is None else f"exit code {answer.exit_status}"
    return f"{ended}: {said}" if said else ended
