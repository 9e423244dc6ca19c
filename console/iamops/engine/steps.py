"""Carries out the steps of one plan. Knows nothing of guards or audit."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

from iamops.engine.observe import Keeping, found, not_seen, observe
from iamops.engine.ports import (
    CommandAnswer,
    CommandRunner,
    Lock,
    NotSent,
    OutcomeUnknown,
    StateReader,
    uncancelled,
)
from iamops.engine.undo import Undoing, complaint, with_own_words
from iamops.judge.run import Stage, StepReport
from iamops.plan.config.pushed import PushedFiles, PushOutcome, Side
from iamops.plan.expectation import LOOKS, StateExpectation, judge_all
from iamops.plan.observation import Judgement, Observation
from iamops.plan.steps import Plan, Step, StepKind

# Our own undo goes first; the node's timer is for when we cannot.
DEAD_MAN_MARGIN_S = 2.0
WATCH_LOOK_S = 0.1
# How long an interrupted command that has no undo may take to show what it did.
LAST_LOOK_S = 2.0
INTERRUPTED = "interrupted"
HEARD_OUT_S = 1.5


class Stopped(Exception):
    """The plan cannot go on. `unknown`: a command may have had an effect that nobody saw. `refusing`: the step
    whose own finding this is, where such a finding is a refusal.
    """

    def __init__(self, reason: str, *, unknown: bool = False, refusing: Step | None = None) -> None:
        super().__init__(reason)
        self.unknown = unknown
        self.refusing = refusing


class Stepper:
    """One plan in execution. `steps` says how far it has come, `undoing` what was taken back. `tell` hears of
    every change; `harm` says what clients have lost, before anything is kept for good.
    """

    def __init__(
        self,
        plan: Plan,
        hands: CommandRunner,
        eyes: StateReader,
        lock: Lock,
        tell: Callable[[], None],
        harm: Callable[[], str | None],
    ) -> None:
        self.steps = [StepReport(step) for step in plan.steps]
        self.undoing = Undoing(plan, hands, eyes, lock, tell)
        self._hands = hands
        self._eyes = eyes
        self._lock = lock
        self._tell = tell
        self._harm = harm
        self.touched = False
        self.touched_nodes: dict[str, None] = {}
        self.too_late = ""

    # --- forward ---

    async def forward(self) -> None:
        """Every step in order. Raises Stopped at the first that does not do what it should."""
        for number in range(len(self.steps)):
            await self._step(number)

    async def _step(self, number: int) -> None:
        step = self.steps[number].step
        lost = [why for each in (step, *step.together) if not each.here and (why := self._lock.lost(each.node))]
        if lost:
            raise self._over(number, Stage.FAILED, f"not sent: {lost[0]}")
        if self._unprotected(step):
            raise self._over(number, Stage.FAILED, "not sent: its undo is about to fire by itself, or has fired")
        self._report(number, replace(self.steps[number], stage=Stage.RUNNING, began=self._eyes.now()))
        if step.keeps is not None:
            await self._keep(number, step)
        elif (
            step.kind is StepKind.DO
            and step.requires_undo is None
            and step.clears_undo is None
            and not self.undoing.spoiled
        ):
            await self._for_good(number, step)
        else:
            await self._carried_out(number, step)

    async def _carried_out(self, number: int, step: Step) -> None:
        if step.kind is not StepKind.WATCH:
            answer = await self._sent(number, step)
            if answer.exit_status != 0:
                why = await self._in_own_words(number, complaint(answer))
                raise self._over(number, Stage.FAILED, why, found=True)
            said = answer.stdout if step.kind is StepKind.ASK else ""
            self._report(number, replace(self.steps[number], output=said))
        self._report(number, replace(self.steps[number], stage=Stage.OBSERVING))
        if step.kind is StepKind.WATCH:
            reading = await self._watched(step)
        else:
            reading = await self._seen(step, self._began(number))
        if not reading.holds:
            blind = not_seen(reading, self._eyes)
            why = await self._in_own_words(number, reading.text)
            raise self._over(number, Stage.UNKNOWN if blind else Stage.FAILED, why, found=True)
        if step.puts_back is not None:
            await self._put_back(number, step.puts_back)
        self.undoing.settled(step)
        self._ended(number, Stage.DONE, reading.text)

    async def _for_good(self, number: int, step: Step) -> None:
        """A command without an undo. Interrupted, it may have been carried out: what it did is looked at."""
        doing = asyncio.ensure_future(self._carried_out(number, step))
        try:
            await asyncio.shield(doing)
        except asyncio.CancelledError:
            await uncancelled(_ended_within(doing, LAST_LOOK_S))
            if doing.cancelled():
                reading = judge_all(_of_state(step), self._eyes.state, self._began(number), self._eyes.now())
                text = f"interrupted before it was seen what came of it: {reading.text}"
                raise self._over(number, Stage.UNKNOWN, text) from None
            doing.result()
            self._late(number, f"interrupted, but by then this was done: {step.title}")

    async def _keep(self, number: int, step: Step) -> None:
        """Files are kept on all nodes or on none. Whatever cuts this short, it is asked what became of it."""
        if harm := self._harm():
            raise self._over(number, Stage.FAILED, f"not kept: {harm}")
        there = await asyncio.gather(
            *(found(self._hands, each.keeps) for each in (step, *step.together) if each.keeps)
        )
        others = "; ".join(each.text for each in there if each.side in (Side.OLD, Side.NEITHER))
        if others:
            raise self._over(number, Stage.FAILED, f"not kept: {others}")
        sending = asyncio.ensure_future(self._kept_at_once(number, step))
        interrupted = False
        try:
            why, text = await asyncio.shield(sending)
        except asyncio.CancelledError:
            interrupted = True
            await uncancelled(_ended_within(sending, LAST_LOOK_S))
            why, text = (INTERRUPTED, "") if sending.cancelled() else sending.result()
        if why:
            text = await uncancelled(self._decided(number, step, why))
            if not text and interrupted:
                raise asyncio.CancelledError
        self.undoing.settled(step)
        self._ended(number, Stage.DONE, text)
        if interrupted:
            self._late(number, "interrupted, but by then the new files were kept")

    async def _kept_at_once(self, number: int, step: Step) -> tuple[str, str]:
        """Why it is not certain that all nodes keep their files, or nothing; and what was observed."""
        try:
            answer = await self._together(step)
        except (NotSent, OutcomeUnknown) as failure:
            return str(failure), ""
        if answer.exit_status != 0:
            return complaint(answer), ""
        self._report(number, replace(self.steps[number], stage=Stage.OBSERVING))
        reading = await self._seen(step, self._began(number))
        return ("", reading.text) if reading.holds else (reading.text, "")

    async def _decided(self, number: int, step: Step, why: str) -> str:
        """What was seen where all nodes have kept the files, or nothing where none has.

        Raises Stopped where the nodes are apart, or are not seen.
        """
        names = {
            each.node: each.clears_undo
            for each in (step, *step.together)
            if each.clears_undo in self.undoing.armed
        }
        fires_at = {node: self.undoing.armed[name].fires_at for node, name in names.items() if name is not None}
        seen = await Keeping(step, self._hands, self._eyes, fires_at, self._tell).decided()
        fates = {each.outcome for each in seen}
        text = "; ".join(each.text for each in seen)
        if fates == {PushOutcome.KEPT}:
            return text
        for each in seen:
            if each.outcome is PushOutcome.KEPT:
                self.undoing.given_up(names.get(each.files.node) or "")
        if fates & {PushOutcome.KEPT, PushOutcome.UNSEEN}:
            raise self._over(number, Stage.UNKNOWN, f"{why}; {text}")
        stopped = self._over(number, Stage.FAILED, f"{why}; {text}")
        if why != INTERRUPTED:
            raise stopped
        return ""

    def _late(self, number: int, text: str) -> None:
        """Interrupted when this step could not be stopped any more: the next one is not begun."""
        if number + 1 < len(self.steps):
            raise asyncio.CancelledError
        self.too_late = text

    async def _put_back(self, number: int, files: PushedFiles) -> None:
        """The old files are believed when they are seen. Raises Stopped."""
        there = await found(self._hands, files)
        if there.side is not Side.OLD:
            unseen = there.side is Side.UNSEEN
            raise self._over(number, Stage.UNKNOWN if unseen else Stage.FAILED, there.text)

    async def _sent(self, number: int, step: Step) -> CommandAnswer:
        spoils = self._about_to(step)
        try:
            if step.kind is StepKind.ASK:
                return await self._hands.ask(step.count, timeout_s=step.timeout_s)
            if step.kind is StepKind.CONFIRM:
                return await self._hands.confirmed(step.timeout_s)
            if step.here:
                return await self._here(step)
            if not step.argv:
                return CommandAnswer(0, "", "")  # nothing is sent: what is expected is looked for
            if step.together:
                return await finished(self._together(step))
            answer = await finished(self._commanded(step))
        except NotSent as failure:
            self.undoing.never_happened(step, spoils)
            raise self._over(number, Stage.FAILED, f"not sent: {failure}") from None
        except OutcomeUnknown as failure:
            raise self._over(number, Stage.UNKNOWN, str(failure)) from None
        if answer.exit_status != 0:
            self.undoing.not_armed(step)
        return answer

    async def _commanded(self, step: Step) -> CommandAnswer:
        """One command on one node. The undo that protects it may fire while it is sent: then it is not done."""
        timeout_s = self._left_s(step, step.timeout_s)
        protecting = self.undoing.protecting(step) if step.kind is StepKind.DO else None
        if protecting is None or protecting.undo.dead_man is None:
            return await self._hands.run(step.node, step.argv, stdin=step.stdin, timeout_s=timeout_s)
        return await self._hands.run_while_armed(
            protecting.undo.dead_man, step.node, step.argv, stdin=step.stdin, timeout_s=timeout_s
        )

    def _about_to(self, step: Step) -> str | None:
        """Notes what has to be undone from here on; the undo that this very step makes necessary."""
        if step.kind is StepKind.DO:
            self.touched = True
        if step.kind in (StepKind.DO, StepKind.ARM) and not step.here:
            self.touched_nodes[step.node] = None
        return self.undoing.about_to(step)

    async def _together(self, step: Step) -> CommandAnswer:
        """The same moment for all nodes, so that no cut falls between them. Raises OutcomeUnknown if any is."""
        sent = [
            self._hands.run(each.node, each.argv, stdin=each.stdin, timeout_s=each.timeout_s)
            for each in (step, *step.together)
        ]
        answers = await asyncio.gather(*sent, return_exceptions=True)
        for each, answer in zip((step, *step.together), answers, strict=True):
            if isinstance(answer, NotSent | OutcomeUnknown):
                raise OutcomeUnknown(f"{each.node}: {answer}") from None
            if isinstance(answer, BaseException):
                raise answer
            if answer.exit_status != 0:
                return replace(answer, stderr=f"{each.node}: {answer.stderr}")
        first = answers[0]
        assert isinstance(first, CommandAnswer)  # noqa: S101 - everything else was dealt with above
        return first

    async def _seen(self, step: Step, began: float) -> Observation:
        since = self._eyes.now()
        deadline = since + self._left_s(step, step.within_s)
        return await observe(
            step.expect,
            self._hands,
            self._eyes,
            since=since,
            began=began,
            deadline=deadline,
            tick=self._tell,
        )

    async def _here(self, step: Step) -> CommandAnswer:
        """A machine that is taken away cannot bring itself back: its undo waits on ours."""
        if step.undo is not None:
            return await self._hands.later(step.undo.name, step.argv, delay_s=self.undoing.dead_man_s)
        if step.kind is StepKind.DISARM and step.clears_undo is not None:
            return await self._hands.forget(step.clears_undo)
        return await self._hands.here(step.argv, timeout_s=step.timeout_s)

    async def _watched(self, step: Step) -> Observation:
        """Must hold all the time; ends at the first moment at which it does not. Blindness alone is no breach."""
        until = self._eyes.now() + step.lasts_s
        while True:
            reading = judge_all(_of_state(step), self._eyes.state, float("-inf"), self._eyes.now())
            if reading.verdict is Judgement.NOT_YET or self._eyes.now() >= until:
                return reading
            self._tell()
            await self._eyes.changed(min(WATCH_LOOK_S, max(0.001, until - self._eyes.now())))

    async def _in_own_words(self, number: int, observed: str) -> str:
        began = self.steps[number].began or self._eyes.now()
        return await with_own_words(self.steps[number].step, observed, began, self._hands, self._eyes)

    def _unprotected(self, step: Step) -> bool:
        """A process that stood still may come to a step when the timer that protects it is over."""
        if step.kind is not StepKind.DO or (protecting := self.undoing.protecting(step)) is None:
            return False
        return self._eyes.now() >= protecting.fires_at - DEAD_MAN_MARGIN_S

    def _left_s(self, step: Step, wanted_s: float) -> float:
        """No step waits so long that the node's own timer would undo it under our hands."""
        protecting = self.undoing.protecting(step)
        if protecting is None:
            return wanted_s
        return max(0.1, min(wanted_s, protecting.fires_at - DEAD_MAN_MARGIN_S - self._eyes.now()))

    def _began(self, number: int) -> float:
        return self.steps[number].began or 0.0

    def _over(self, number: int, stage: Stage, text: str, *, found: bool = False) -> Stopped:
        """`found`: what the step was to find out, and not that it could not be carried out."""
        self._ended(number, stage, text)
        step = self.steps[number].step
        refusing = step if found and step.refuses is not None else None
        return Stopped(f"{step.title}: {text}", unknown=stage is Stage.UNKNOWN, refusing=refusing)

    def _ended(self, number: int, stage: Stage, text: str) -> None:
        self._report(number, replace(self.steps[number], stage=stage, ended=self._eyes.now(), text=text))

    def _report(self, number: int, report: StepReport) -> None:
        self.steps[number] = report
        self._tell()


async def _ended_within(task: asyncio.Future[Any], within_s: float) -> None:
    done, _ = await asyncio.wait({task}, timeout=within_s)
    if not done:
        task.cancel()
        await asyncio.wait({task})


async def finished(sent: Coroutine[Any, Any, CommandAnswer]) -> CommandAnswer:
    """Whoever is interrupted waits for the end of the command that is under way: otherwise it could take effect
    after it was undone. Not for long: what hangs is left to its undo.
    """
    task = asyncio.ensure_future(sent)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task}, timeout=HEARD_OUT_S)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        raise


def _of_state(step: Step) -> tuple[StateExpectation, ...]:
    return tuple(each for each in step.expect if not isinstance(each, LOOKS))
