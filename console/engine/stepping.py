"""Carries out the steps of one plan, and undoes what they spoiled. Knows nothing of guards or audit."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

from console.engine.observing import observe
from console.engine.ports import Answer, Eyes, Hands, Lock, NotSent, OutcomeUnknown
from console.engine.report import Stage, StepReport, UndoReport
from console.model.facts import LinkState
from console.plan.expectation import (
    LOOKS,
    Reading,
    StateExpectation,
    Verdict,
    VipSomewhere,
    judge_all,
)
from console.plan.pieces import disarm
from console.plan.steps import Kind, Plan, Step, Undo

# Our own undo goes first; the node's timer is for when we cannot.
DEAD_MAN_MARGIN_S = 2.0
IDLE_MASTER_S = 1.5
# Three adverts and a skew, and a little for seeing it.
ELECTION_WITHIN_S = 6.0
SUDO_REFUSES = "sudo:"
COMPLAINT_KEPT = 240
WATCH_LOOK_S = 0.1
HEARD_OUT_S = 1.5


class Stopped(Exception):
    """The plan cannot go on. `unknown`: a command may have had an effect that nobody saw."""

    def __init__(self, reason: str, *, unknown: bool = False, refusal: str | None = None) -> None:
        super().__init__(reason)
        self.unknown = unknown
        self.refusal = refusal


class Stepper:
    """One plan in execution. `steps` and `undone` say how far it has come; `tell` hears of every change."""

    def __init__(self, plan: Plan, hands: Hands, eyes: Eyes, lock: Lock, tell: Callable[[], None]) -> None:
        self.steps = [StepReport(step) for step in plan.steps]
        self.undone: list[UndoReport] = []
        self.spoiled: dict[str, Undo] = {}
        self._plan = plan
        self._hands = hands
        self._eyes = eyes
        self._lock = lock
        self._tell = tell
        self._armed: dict[str, tuple[Undo, float]] = {}
        self._dead_man_s = eyes.state.profile.safety.dead_man_s
        self.touched = False

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
        self._report(number, replace(self.steps[number], stage=Stage.RUNNING, began=self._eyes.now()))
        if step.kind is not Kind.WATCH:
            answer = await self._sent(number, step)
            if answer.exit_status != 0:
                raise self._over(number, Stage.FAILED, _complaint(answer), step.refuses)
            said = answer.stdout if step.kind is Kind.ASK else ""
            self._report(number, replace(self.steps[number], said=said))
        self._report(number, replace(self.steps[number], stage=Stage.OBSERVING))
        if step.kind is Kind.WATCH:
            reading = await self._watched(step)
        else:
            reading = await self._seen(step, self.steps[number].began or 0.0)
        if not reading.holds:
            blind = reading.verdict is Verdict.UNKNOWN and self._blind(step.node)
            raise self._over(number, Stage.UNKNOWN if blind else Stage.FAILED, reading.text)
        self._settled(step)
        self._ended(number, Stage.DONE, reading.text)

    async def _sent(self, number: int, step: Step) -> Answer:
        if step.kind is Kind.DO:
            self.touched = True
        if step.undo is not None:
            self._armed[step.undo.name] = (step.undo, self._eyes.now())
        if step.spoils is not None:
            self.spoiled[step.spoils] = self._armed[step.spoils][0]
        try:
            if step.kind is Kind.ASK:
                return await self._hands.ask(step.count, timeout_s=step.timeout_s)
            if step.kind is Kind.CONFIRM:
                return await self._hands.confirmed(step.timeout_s)
            if step.here:
                return await self._here(step)
            if step.together:
                return await heard_out(self._together(step))
            answer = await heard_out(
                self._hands.run(
                    step.node, step.argv, stdin=step.stdin, timeout_s=self._left_s(step, step.timeout_s)
                )
            )
        except NotSent as failure:
            self._never_happened(step)
            raise self._over(number, Stage.FAILED, f"not sent: {failure}") from None
        except OutcomeUnknown as failure:
            raise self._over(number, Stage.UNKNOWN, str(failure)) from None
        if answer.exit_status != 0 and step.undo is not None:
            del self._armed[step.undo.name]  # what we did not arm is not ours to disarm
        return answer

    async def _together(self, step: Step) -> Answer:
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
        assert isinstance(first, Answer)  # noqa: S101 - everything else was dealt with above
        return first

    async def _seen(self, step: Step, began: float) -> Reading:
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

    async def _here(self, step: Step) -> Answer:
        """A machine that is taken away cannot bring itself back: its undo waits on ours."""
        if step.undo is not None:
            return await self._hands.later(step.undo.name, step.argv, delay_s=self._dead_man_s)
        if step.kind is Kind.DISARM and step.mends is not None:
            return await self._hands.forget(step.mends)
        return await self._hands.here(step.argv, timeout_s=step.timeout_s)

    async def _watched(self, step: Step) -> Reading:
        """Must hold all the time; ends at the first moment at which it does not. Blindness alone is no breach."""
        until = self._eyes.now() + step.lasts_s
        while True:
            reading = judge_all(_of_state(step), self._eyes.state, float("-inf"), self._eyes.now())
            if reading.verdict is Verdict.NOT_YET or self._eyes.now() >= until:
                return reading
            self._tell()
            await self._eyes.changed(min(WATCH_LOOK_S, max(0.001, until - self._eyes.now())))

    def _left_s(self, step: Step, wanted_s: float) -> float:
        """No step waits so long that the node's own timer would undo it under our hands."""
        if step.spoils is None or step.spoils not in self._armed:
            return wanted_s
        undo, armed_at = self._armed[step.spoils]
        fires_at = armed_at + self._fires_s(undo)
        return max(0.1, min(wanted_s, fires_at - DEAD_MAN_MARGIN_S - self._eyes.now()))

    def _fires_s(self, undo: Undo) -> int:
        return undo.fires_s or self._dead_man_s

    def _settled(self, step: Step) -> None:
        for name in step.all_mends:
            self.spoiled.pop(name, None)
            if step.kind is Kind.DISARM:
                self._armed.pop(name, None)

    def _never_happened(self, step: Step) -> None:
        if step.undo is not None:
            del self._armed[step.undo.name]
        if step.spoils is not None:
            self.spoiled.pop(step.spoils, None)

    def _over(self, number: int, stage: Stage, text: str, refusal: str | None = None) -> Stopped:
        self._ended(number, stage, text)
        title = self.steps[number].step.title
        return Stopped(f"{title}: {text}", unknown=stage is Stage.UNKNOWN, refusal=refusal)

    def _ended(self, number: int, stage: Stage, text: str) -> None:
        self._report(number, replace(self.steps[number], stage=stage, ended=self._eyes.now(), text=text))

    def _report(self, number: int, report: StepReport) -> None:
        self.steps[number] = report
        self._tell()

    # --- back ---

    async def back(self) -> None:
        """Undoes in reverse what was spoiled, then disarms what is whole again. Never raises.

        What cannot be undone from here is left to the node's own timer, which stays armed.
        """
        spoiled = bool(self.spoiled)
        for name in reversed(tuple(self._armed)):
            if name in self.spoiled and await self._undo(self._armed[name][0]):
                del self.spoiled[name]
        for amend in self._plan.amends if spoiled else ():
            await self._amend(amend)
        if spoiled:
            await self._owned_again()
        for name in tuple(self._armed):
            if name not in self.spoiled:
                await self._disarm(name)

    async def _undo(self, undo: Undo) -> bool:
        self._tell_undo(undo, Stage.RUNNING)
        lost = None if undo.here else self._lock.lost(undo.node)
        try:
            if lost is not None:
                raise NotSent(lost)
            if undo.here:
                answer = await self._hands.here(undo.argv, timeout_s=undo.timeout_s)
            else:
                answer = await self._hands.run(undo.node, undo.argv, stdin="", timeout_s=undo.timeout_s)
        except (NotSent, OutcomeUnknown) as failure:
            left = f"; left to the timer on {undo.node}" if undo.dead_man else ""
            self._tell_undo(undo, Stage.UNKNOWN, f"{failure}{left}")
            return False
        if answer.exit_status != 0:
            self._tell_undo(undo, Stage.FAILED, _complaint(answer))
            return False
        self._tell_undo(undo, Stage.OBSERVING)
        now = self._eyes.now()
        reading = await observe(
            undo.expect,
            self._hands,
            self._eyes,
            since=now,
            began=now,
            deadline=now + undo.within_s,
            tick=self._tell,
        )
        self._tell_undo(undo, Stage.DONE if reading.holds else Stage.FAILED, reading.text)
        return reading.holds

    async def _amend(self, amend: Undo) -> None:
        """Runs only where its condition does not come to hold: undoing alone was not enough."""
        if amend.only_if is None:
            return
        now = self._eyes.now()
        deadline = now + IDLE_MASTER_S
        reading = await observe((amend.only_if,), self._hands, self._eyes, since=now, began=now, deadline=deadline)
        if reading.verdict is Verdict.NOT_YET:
            await self._undo(amend)

    async def _owned_again(self) -> None:
        """Waits for the election that may follow: only then is it worth saying where the VIPs are."""
        now = self._eyes.now()
        expected = tuple(VipSomewhere(name) for name in self._plan.impact.moves)
        deadline = now + ELECTION_WITHIN_S
        await observe(expected, self._hands, self._eyes, since=now, began=now, deadline=deadline, tick=self._tell)

    async def _disarm(self, name: str) -> None:
        """A timer that cannot be stopped from here does what is already done, and does no harm."""
        undo, _ = self._armed[name]
        if undo.here:
            await self._hands.forget(name)
            del self._armed[name]
            return
        step = disarm(undo)
        if self._lock.lost(undo.node) is not None:
            return
        try:
            answer = await self._hands.run(step.node, step.argv, stdin="", timeout_s=step.timeout_s)
        except (NotSent, OutcomeUnknown):
            return
        if answer.exit_status == 0:
            del self._armed[name]

    async def watch(self) -> Verdict:
        """Waits for the nodes' own timers to bring back what we could not.

        HOLDS: all of it was seen to be back. NOT_YET: seen, and it is not. UNKNOWN: nobody can see it.
        """
        now = self._eyes.now()
        fires = [at + self._fires_s(undo) for name, (undo, at) in self._armed.items() if name in self.spoiled]
        found = Verdict.HOLDS
        for name, undo in tuple(self.spoiled.items()):
            deadline = max([now, *fires]) + undo.within_s
            reading = await observe(
                undo.expect, self._hands, self._eyes, since=now, began=now, deadline=deadline, tick=self._tell
            )
            stage = Stage.DONE if reading.holds else Stage.UNKNOWN
            self._tell_undo(undo, stage, reading.text)
            if reading.holds:
                del self.spoiled[name]
            elif found is not Verdict.UNKNOWN:
                found = reading.verdict
        return found

    def _tell_undo(self, undo: Undo, stage: Stage, text: str = "") -> None:
        others = [each for each in self.undone if each.undo.name != undo.name]
        self.undone = [*others, UndoReport(undo, stage, text)]
        self._tell()

    def _blind(self, node: str) -> bool:
        return self._eyes.state.nodes[node].link.state is not LinkState.UP


async def heard_out(sent: Coroutine[Any, Any, Answer]) -> Answer:
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


def _complaint(answer: Answer) -> str:
    """What the command said, on one line; a refusal of sudo with the way to mend it."""
    said = " ".join((answer.stderr.strip() or answer.stdout.strip()).split())[:COMPLAINT_KEPT]
    if said.startswith(SUDO_REFUSES):
        return f"{said} (the login user may not run this: install what `iamops profile sudoers` prints)"
    ended = "was killed" if answer.exit_status is None else f"exit code {answer.exit_status}"
    return f"{ended}: {said}" if said else ended
