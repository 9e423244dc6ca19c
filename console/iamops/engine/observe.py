"""Waits until what was expected is observed: in the state, or by looks that change nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from iamops.engine.ports import CommandRunner, NotSent, OutcomeUnknown, StateReader
from iamops.plan.checks import StaysUp
from iamops.plan.config.change import FilesSeen, PushedFiles, PushOutcome, Side
from iamops.plan.expectation import (
    ANSWERING,
    ASKED,
    LOOKS,
    Expectation,
    FreshWorkers,
    Look,
    StateExpectation,
    judge_all,
)
from iamops.plan.observation import Judgement, Observation
from iamops.plan.predict import unseen
from iamops.plan.steps import Step

LOOK_AGAIN_S = 0.5
POLL_S = 0.1
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
    commands: CommandRunner,
    reader: StateReader,
    *,
    deadline: float,
    since: float | None = None,
    began: float | None = None,
    tick: Callable[[], None] = lambda: None,
) -> Observation:
    """The observation that holds, or the last one before the deadline. Times are the reader's clock.

    Evidence must be newer than `since` (now); `began` (`since`) is when the step began, for looks that judge ages.
    """
    since = reader.now() if since is None else since
    began = since if began is None else began
    in_state = tuple(what for what in expected if not isinstance(what, LOOKS))
    looks = tuple(what for what in expected if isinstance(what, LOOKS))
    asked_at = float("-inf")
    renewed: Observation | None = None
    while True:
        if in_state and reader.now() - asked_at >= LOOK_AGAIN_S:
            asked_at = reader.now()
            reader.refresh()
        observed = await _observed_now(in_state, looks, commands, reader, since, began)
        if observed.holds and any(isinstance(look, RENEWING) for look in looks):
            renewed, looks, since = observed, (), reader.now()
            in_state = tuple(what for what in in_state if isinstance(what, ANSWERING))
            asked_at, deadline = float("-inf"), max(deadline, since + ANSWERS_WITHIN_S)
            if in_state:
                continue
        if observed.holds:
            return renewed or observed
        if reader.now() >= deadline:
            return observed
        tick()
        await reader.changed(ASK_AGAIN_S if any(isinstance(look, ASKED) for look in looks) else POLL_S)


async def _observed_now(
    in_state: tuple[StateExpectation, ...],
    looks: tuple[Look, ...],
    commands: CommandRunner,
    reader: StateReader,
    since: float,
    began: float,
) -> Observation:
    """What the state says, and only when that is well, what the looks find."""
    observed = judge_all(in_state, reader.state, since, reader.now())
    if not observed.holds:
        return observed
    texts = [observed.text] if in_state else []
    for look in looks:
        elapsed_s = reader.now() - began
        try:
            if isinstance(look, ASKED):
                answer = await commands.through(look.node, look.service, REQUESTS, timeout_s=LOOK_TIMEOUT_S)
            else:
                lasts_s = look.lasts_s if isinstance(look, StaysUp) else 0.0
                answer = await commands.run(look.node, look.argv, stdin="", timeout_s=LOOK_TIMEOUT_S + lasts_s)
        except (NotSent, OutcomeUnknown) as failure:
            return Observation(Judgement.UNKNOWN, str(failure))
        found = look.judge_output(answer.exit_status, answer.stdout, elapsed_s)
        if not found.holds:
            return found
        texts.append(found.text)
    return Observation(Judgement.HOLDS, "; ".join(texts) or "done")


def not_seen(observed: Observation, reader: StateReader) -> bool:
    """Whether it did not hold because nobody could look: a step on one node is observed on the others, too."""
    blind = bool(unseen(reader.state, reader.state.nodes, reader.now()))
    return blind and (observed.verdict is Judgement.UNKNOWN or observed.old)


# Whether files that were to be kept are kept, on every node: asked until it is known, or too late to matter.
#
# A `confirm` whose answer is lost, or that was interrupted, may have been carried out on some nodes and not on
# others. The nodes are asked; where one has kept its files, those that still wait are asked to keep theirs.

# Later than this a node may be about to take its files back, and must not be asked to keep them.
TOO_LATE_S = 2.0


@dataclass(frozen=True, slots=True)
class Found:
    """What a node has of a push. `seen` None: it did not answer."""

    files: PushedFiles
    seen: FilesSeen | None

    @property
    def outcome(self) -> PushOutcome:
        return self.files.outcome(self.seen)

    @property
    def side(self) -> Side:
        return self.files.side(self.seen)

    @property
    def text(self) -> str:
        return self.files.has_answer(self.seen)


async def found(commands: CommandRunner, files: PushedFiles) -> Found:
    try:
        return Found(files, await commands.pushed(files))
    except (NotSent, OutcomeUnknown):
        return Found(files, None)


async def keep_on_all(
    step: Step,
    commands: CommandRunner,
    reader: StateReader,
    fires_at: Mapping[str, float],
    tick: Callable[[], None],
) -> tuple[Found, ...]:
    """What became of the push on every node, once nothing more can be done about it.

    `step` keeps files on several nodes; `fires_at`: node -> when its own timer takes them back.
    """
    parts = {part.node: part for part in (step, *step.together)}
    pushed = [part.keeps for part in parts.values() if part.keeps is not None]
    until = max(fires_at.values(), default=reader.now()) + TOO_LATE_S
    while True:
        seen = await asyncio.gather(*(found(commands, files) for files in pushed))
        outcomes = {file.outcome for file in seen}
        torn = PushOutcome.WAITING in outcomes and PushOutcome.KEPT in outcomes
        if not (torn or PushOutcome.UNSEEN in outcomes) or reader.now() >= until:
            return tuple(seen)
        if torn:
            # Another node has kept its files already; the push is of one piece.
            waiting = [file.files.node for file in seen if file.outcome is PushOutcome.WAITING]
            in_time = [parts[n] for n in waiting if fires_at.get(n, 0.0) - TOO_LATE_S > reader.now()]
            answers = await asyncio.gather(
                *(commands.run(p.node, p.argv, stdin=p.stdin, timeout_s=p.timeout_s) for p in in_time),
                return_exceptions=True,
            )
            for answer in answers:
                if isinstance(answer, BaseException) and not isinstance(answer, NotSent | OutcomeUnknown):
                    raise answer
        tick()
        ask_again_at = reader.now() + ASK_AGAIN_S
        while (left_s := ask_again_at - reader.now()) > 0:
            await reader.changed(left_s)
