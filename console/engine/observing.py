"""Waits until what was expected is observed: in the state, or by looks that change nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from console.engine.ports import Eyes, Hands, NotSent, OutcomeUnknown
from console.plan.expectation import (
    ANSWERING,
    ASKED,
    LOOKS,
    Expectation,
    FreshWorkers,
    Look,
    StateExpectation,
    judge_all,
)
from console.plan.reading import Reading, Verdict
from console.plan.staying import StaysUp
from console.plan.told import unseen

LOOK_AGAIN_S = 0.5
PATIENCE_S = 0.1
LOOK_TIMEOUT_S = 6.0
# Requests through an nginx: enough for each of two backends and a stranger in between, and not a load.
REQUESTS = 6
ASK_AGAIN_S = 0.5
# What these looks wait for is another process: what answered before it was there says nothing of it.
RENEWING = (StaysUp, FreshWorkers)
# What answered before that is given so long to answer once more.
ANSWERS_WITHIN_S = 3.0


async def observe(
    expected: Sequence[Expectation],
    hands: Hands,
    eyes: Eyes,
    *,
    since: float,
    began: float,
    deadline: float,
    tick: Callable[[], None] = lambda: None,
) -> Reading:
    """The reading that holds, or the last one before the deadline. Times are the eyes' clock.

    Evidence must be newer than `since`; `began` is when the step began, for looks that tell ages.
    """
    inner = tuple(each for each in expected if not isinstance(each, LOOKS))
    looks = tuple(each for each in expected if isinstance(each, LOOKS))
    asked_at = float("-inf")
    renewed: Reading | None = None
    while True:
        if inner and eyes.now() - asked_at >= LOOK_AGAIN_S:
            asked_at = eyes.now()
            eyes.look()
        reading = await _once(inner, looks, hands, eyes, since, began)
        if reading.holds and any(isinstance(each, RENEWING) for each in looks):
            renewed, looks, since = reading, (), eyes.now()
            inner = tuple(each for each in inner if isinstance(each, ANSWERING))
            asked_at, deadline = float("-inf"), max(deadline, since + ANSWERS_WITHIN_S)
            if inner:
                continue
        if reading.holds:
            return renewed or reading
        if eyes.now() >= deadline:
            return reading
        tick()
        await eyes.changed(ASK_AGAIN_S if any(isinstance(each, ASKED) for each in looks) else PATIENCE_S)


async def _once(
    inner: tuple[StateExpectation, ...],
    looks: tuple[Look, ...],
    hands: Hands,
    eyes: Eyes,
    since: float,
    began: float,
) -> Reading:
    """What the state says, and only when that is well, what the looks say."""
    reading = judge_all(inner, eyes.state, since, eyes.now())
    if not reading.holds:
        return reading
    texts = [reading.text] if inner else []
    for look in looks:
        seen = await _look(look, hands, eyes.now() - began)
        if not seen.holds:
            return seen
        texts.append(seen.text)
    return Reading(Verdict.HOLDS, "; ".join(texts) or "done")


async def _look(look: Look, hands: Hands, elapsed_s: float) -> Reading:
    try:
        if isinstance(look, ASKED):
            answer = await hands.through(look.node, look.service, REQUESTS, timeout_s=LOOK_TIMEOUT_S)
        else:
            lasts_s = look.lasts_s if isinstance(look, StaysUp) else 0.0
            answer = await hands.run(look.node, look.argv, stdin="", timeout_s=LOOK_TIMEOUT_S + lasts_s)
    except (NotSent, OutcomeUnknown) as failure:
        return Reading(Verdict.UNKNOWN, str(failure))
    return look.judge_output(answer.exit_status, answer.stdout, elapsed_s)


def not_seen(reading: Reading, eyes: Eyes) -> bool:
    """Whether it did not hold because nobody could look: a step on one node is observed on the others, too."""
    dark = unseen(eyes.state, eyes.state.nodes, eyes.now())
    return bool(dark) and (reading.verdict is Verdict.UNKNOWN or reading.old)
