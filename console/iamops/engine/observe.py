"""Waits until what was expected is observed: in the state, or by looks that change nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from iamops.engine.ports import CommandRunner, NotSent, OutcomeUnknown, StateReader
from iamops.model.observed import Unknown
from iamops.model.state import ClusterState
from iamops.model.vip import OwnerUnknown, ownership
from iamops.plan.checks import StaysUp
from iamops.plan.config.pushed import FilesSeen, PushedFiles, PushOutcome, Side
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
    hands: CommandRunner,
    eyes: StateReader,
    *,
    since: float,
    began: float,
    deadline: float,
    tick: Callable[[], None] = lambda: None,
) -> Observation:
    """The reading that holds, or the last one before the deadline. Times are the eyes' clock.

    Evidence must be newer than `since`; `began` is when the step began, for looks that tell ages.
    """
    inner = tuple(each for each in expected if not isinstance(each, LOOKS))
    looks = tuple(each for each in expected if isinstance(each, LOOKS))
    asked_at = float("-inf")
    renewed: Observation | None = None
    while True:
        if inner and eyes.now() - asked_at >= LOOK_AGAIN_S:
            asked_at = eyes.now()
            eyes.refresh()
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
    hands: CommandRunner,
    eyes: StateReader,
    since: float,
    began: float,
) -> Observation:
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
    return Observation(Judgement.HOLDS, "; ".join(texts) or "done")


async def _look(look: Look, hands: CommandRunner, elapsed_s: float) -> Observation:
    try:
        if isinstance(look, ASKED):
            answer = await hands.through(look.node, look.service, REQUESTS, timeout_s=LOOK_TIMEOUT_S)
        else:
            lasts_s = look.lasts_s if isinstance(look, StaysUp) else 0.0
            answer = await hands.run(look.node, look.argv, stdin="", timeout_s=LOOK_TIMEOUT_S + lasts_s)
    except (NotSent, OutcomeUnknown) as failure:
        return Observation(Judgement.UNKNOWN, str(failure))
    return look.judge_output(answer.exit_status, answer.stdout, elapsed_s)


def not_seen(reading: Observation, eyes: StateReader) -> bool:
    """Whether it did not hold because nobody could look: a step on one node is observed on the others, too."""
    dark = unseen(eyes.state, eyes.state.nodes, eyes.now())
    return bool(dark) and (reading.verdict is Judgement.UNKNOWN or reading.old)


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


async def found(hands: CommandRunner, files: PushedFiles) -> Found:
    try:
        return Found(files, await hands.pushed(files))
    except (NotSent, OutcomeUnknown):
        return Found(files, None)


class Keeping:
    """One step that keeps files on several nodes. `fires_at`: node -> when its own timer takes them back."""

    def __init__(
        self,
        step: Step,
        hands: CommandRunner,
        eyes: StateReader,
        fires_at: Mapping[str, float],
        tick: Callable[[], None],
    ) -> None:
        self._each = {each.node: each for each in (step, *step.together)}
        self._hands, self._eyes, self._fires_at, self._tick = hands, eyes, fires_at, tick

    async def decided(self) -> tuple[Found, ...]:
        """What became of the push on every node, once nothing more can be done about it."""
        until = max(self._fires_at.values(), default=self._eyes.now()) + TOO_LATE_S
        while True:
            seen = await asyncio.gather(*(found(self._hands, files) for files in self._files()))
            fates = {each.outcome for each in seen}
            waits = PushOutcome.WAITING in fates and PushOutcome.KEPT in fates
            if not (waits or PushOutcome.UNSEEN in fates) or self._eyes.now() >= until:
                return tuple(seen)
            if waits:
                await self._keep_too([each.files.node for each in seen if each.outcome is PushOutcome.WAITING])
            self._tick()
            await self._pause()

    def _files(self) -> list[PushedFiles]:
        return [each.keeps for each in self._each.values() if each.keeps is not None]

    async def _keep_too(self, nodes: list[str]) -> None:
        """Another node has kept its files already; the push is of one piece."""
        in_time = [n for n in nodes if self._fires_at.get(n, 0.0) - TOO_LATE_S > self._eyes.now()]
        sent = [
            self._hands.run(each.node, each.argv, stdin=each.stdin, timeout_s=each.timeout_s)
            for each in (self._each[node] for node in in_time)
        ]
        for answer in await asyncio.gather(*sent, return_exceptions=True):
            if isinstance(answer, BaseException) and not isinstance(answer, NotSent | OutcomeUnknown):
                raise answer

    async def _pause(self) -> None:
        until = self._eyes.now() + ASK_AGAIN_S
        while (left := until - self._eyes.now()) > 0:
            await self._eyes.changed(left)


# The state before and after a run, as few words as tell it; for the audit. Pure.


def state_summary(state: ClusterState, now: float) -> dict[str, Any]:
    """Owners, VRRP states with priorities, units."""
    return {
        "owners": {name: _owners(state, name, now) for name in state.profile.vrrp},
        "nodes": {
            name: {
                "link": node.link.state,
                "vrrp": {
                    instance: seen.reason
                    if isinstance(seen, Unknown)
                    else f"{seen.value.state} {seen.value.effective_priority}"
                    for instance, seen in node.vrrp.items()
                },
                "units": {
                    unit: seen.reason if isinstance(seen, Unknown) else seen.value.active
                    for unit, seen in node.units.items()
                },
            }
            for name, node in state.nodes.items()
        },
    }


def _owners(state: ClusterState, instance: str, now: float) -> list[str] | None:
    """None where nobody knows: an empty list would say that no node has it."""
    seen = ownership(state, instance, now)
    return None if isinstance(seen.owner, OwnerUnknown) else [claim.node for claim in seen.owners]


def moved_vips(before: Mapping[str, Any], after: Mapping[str, Any], dark: Collection[str]) -> tuple[str, ...]:
    """The VIPs of two pictures that are not where they were, a sentence each; what `dark` nodes say is old."""
    told = []
    for name, then in before["owners"].items():
        owners = after["owners"].get(name)
        if then is None:
            continue
        if owners is None:
            told.append(f"whether the VIP of {name} is still on {_nodes(then)} is not known")
            continue
        now = [node for node in owners if node not in dark]
        if now != then:
            told.append(f"the VIP of {name} is on {_nodes(now)} and was on {_nodes(then)}")
    return tuple(told)


def _nodes(names: Collection[str]) -> str:
    return " and ".join(names) or "no node"
