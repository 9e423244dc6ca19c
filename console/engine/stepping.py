"""Carries out the steps of one plan, and undoes what they spoiled. Knows nothing of guards or audit."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

from console.engine.keeping import Found, Keeping, found
from console.engine.observing import LOOK_AGAIN_S, observe
from console.engine.own_words import with_own_words
from console.engine.ports import Answer, Eyes, Hands, Lock, NotSent, OutcomeUnknown
from console.engine.report import Stage, StepReport, UndoReport
from console.engine.uncancelled import uncancelled
from console.model.facts import LinkState
from console.plan.expectation import LOOKS, StateExpectation, VipSomewhere, judge_all
from console.plan.pieces import disarm
from console.plan.pushed_files import Fate, PushedFiles, Side
from console.plan.reading import Reading, Verdict
from console.plan.steps import Kind, Plan, Step, Undo

# Our own undo goes first; the node's timer is for when we cannot.
DEAD_MAN_MARGIN_S = 2.0
IDLE_MASTER_S = 1.5
# Three adverts and a skew, and a little for seeing it.
ELECTION_WITHIN_S = 6.0
SUDO_REFUSES = "sudo:"
COMPLAINT_KEPT = 240
WATCH_LOOK_S = 0.1
# How long an interrupted command that has no undo may take to show what it did.
LAST_LOOK_S = 2.0
INTERRUPTED = "interrupted"
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
        # What a node has undone by itself before we came to it; whose files were replaced; what was touched.
        self.by_timer: set[str] = set()
        self.replaced: dict[str, PushedFiles] = {}
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
        elif step.kind is Kind.DO and step.spoils is None and step.mends is None and not self.spoiled:
            await self._for_good(number, step)
        else:
            await self._carried_out(number, step)

    async def _carried_out(self, number: int, step: Step) -> None:
        if step.kind is not Kind.WATCH:
            answer = await self._sent(number, step)
            if answer.exit_status != 0:
                complaint = await self._in_own_words(number, _complaint(answer))
                raise self._over(number, Stage.FAILED, complaint, step.refuses)
            said = answer.stdout if step.kind is Kind.ASK else ""
            self._report(number, replace(self.steps[number], said=said))
        self._report(number, replace(self.steps[number], stage=Stage.OBSERVING))
        if step.kind is Kind.WATCH:
            reading = await self._watched(step)
        else:
            reading = await self._seen(step, self._began(number))
        if not reading.holds:
            blind = reading.verdict is Verdict.UNKNOWN and self._blind(step.node)
            why = await self._in_own_words(number, reading.text)
            raise self._over(number, Stage.UNKNOWN if blind else Stage.FAILED, why, step.refuses)
        if step.puts_back is not None:
            await self._put_back(number, step.puts_back)
        self._settled(step)
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
        self._settled(step)
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
            return _complaint(answer), ""
        self._report(number, replace(self.steps[number], stage=Stage.OBSERVING))
        reading = await self._seen(step, self._began(number))
        return ("", reading.text) if reading.holds else (reading.text, "")

    async def _decided(self, number: int, step: Step, why: str) -> str:
        """What was seen where all nodes have kept the files, or nothing where none has.

        Raises Stopped where the nodes are apart, or are not seen.
        """
        names = {each.node: each.mends for each in (step, *step.together) if each.mends in self._armed}
        armed = {node: self._armed[name] for node, name in names.items() if name is not None}
        fires_at = {node: at + self._fires_s(undo) for node, (undo, at) in armed.items()}
        seen = await Keeping(step, self._hands, self._eyes, fires_at, self._tell).decided()
        fates = {each.fate for each in seen}
        text = "; ".join(each.text for each in seen)
        if fates == {Fate.KEPT}:
            return text
        for each in seen:
            if each.fate is Fate.KEPT:  # there is no way back from here any more
                self.spoiled.pop(names.get(each.files.node) or "", None)
                self._armed.pop(names.get(each.files.node) or "", None)
        if fates & {Fate.KEPT, Fate.UNSEEN}:
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

    async def _sent(self, number: int, step: Step) -> Answer:
        spoils = self._about_to(step)
        undo, _ = self._protection(step)
        try:
            if step.kind is Kind.ASK:
                return await self._hands.ask(step.count, timeout_s=step.timeout_s)
            if step.kind is Kind.CONFIRM:
                return await self._hands.confirmed(step.timeout_s)
            if step.here:
                return await self._here(step)
            if not step.argv:
                return Answer(0, "", "")  # nothing is sent: what is expected is looked for
            if step.together:
                return await heard_out(self._together(step))
            answer = await heard_out(
                self._hands.run(
                    step.node,
                    step.argv,
                    stdin=step.stdin,
                    timeout_s=self._left_s(step, step.timeout_s),
                    armed=undo.dead_man if undo else None,  # it may fire while this is sent
                )
            )
        except NotSent as failure:
            self._never_happened(step, spoils)
            raise self._over(number, Stage.FAILED, f"not sent: {failure}") from None
        except OutcomeUnknown as failure:
            raise self._over(number, Stage.UNKNOWN, str(failure)) from None
        if answer.exit_status != 0 and step.undo is not None:
            del self._armed[step.undo.name]  # what we did not arm is not ours to disarm
        return answer

    def _about_to(self, step: Step) -> str | None:
        """Notes what has to be undone from here on; the undo that this very step makes necessary."""
        if step.kind is Kind.DO:
            self.touched = True
        if step.kind in (Kind.DO, Kind.ARM) and not step.here:
            self.touched_nodes[step.node] = None
        if step.undo is not None:
            self._armed[step.undo.name] = (step.undo, self._eyes.now())
        if step.spoils is None or step.spoils in self.spoiled:
            return None
        undo = self.spoiled[step.spoils] = self._armed[step.spoils][0]
        if undo.files is not None and step.kind is Kind.DO:
            self.replaced[undo.node] = undo.files
        return step.spoils

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

    async def _in_own_words(self, number: int, observed: str) -> str:
        began = self.steps[number].began or self._eyes.now()
        return await with_own_words(self.steps[number].step, observed, began, self._hands, self._eyes)

    def _unprotected(self, step: Step) -> bool:
        """A process that stood still may come to a step when the timer that protects it is over."""
        undo, armed_at = self._protection(step)
        return undo is not None and self._eyes.now() >= armed_at + self._fires_s(undo) - DEAD_MAN_MARGIN_S

    def _protection(self, step: Step) -> tuple[Undo | None, float]:
        """The armed undo without which the step must not be done, and since when it is armed."""
        if step.kind is not Kind.DO or step.spoils is None:
            return None, 0.0
        return self._armed.get(step.spoils, (None, 0.0))

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
        if step.puts_back is not None:
            self.replaced.pop(step.node, None)
        for name in step.all_mends:
            self.spoiled.pop(name, None)
            if step.kind is Kind.DISARM:
                self._armed.pop(name, None)

    def _never_happened(self, step: Step, spoils: str | None) -> None:
        """What an earlier step has spoiled stays spoiled."""
        if step.undo is not None:
            del self._armed[step.undo.name]
        if spoils is not None:
            self.replaced.pop(self.spoiled.pop(spoils).node, None)

    def _began(self, number: int) -> float:
        return self.steps[number].began or 0.0

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
            there = await found(self._hands, undo.files) if undo.files is not None else None
            if there is None or there.side is not Side.OLD:
                more = f"; {there.text}" if there is not None else ""
                self._tell_undo(undo, Stage.FAILED, f"{_complaint(answer)}{more}")
                return False
            self.by_timer.add(undo.name)
        self._tell_undo(undo, Stage.OBSERVING)
        now = self._eyes.now()
        reading = await self._seen_undone(undo, now, now + undo.within_s)
        self._tell_undo(undo, Stage.DONE if reading.holds else Stage.FAILED, reading.text)
        return reading.holds

    async def _seen_undone(self, undo: Undo, since: float, deadline: float) -> Reading:
        """The undo's own effect, and where it takes files back, their digests: services run well with either."""
        while True:
            reading = await observe(
                undo.expect,
                self._hands,
                self._eyes,
                since=since,
                began=since,
                deadline=deadline,
                tick=self._tell,
            )
            if undo.files is None or not reading.holds:
                return reading
            there = await found(self._hands, undo.files)
            if there.side is Side.OLD:
                return Reading(Verdict.HOLDS, f"{reading.text}; {there.text}")
            if self._eyes.now() >= deadline:
                unseen = there.side is Side.UNSEEN
                return Reading(Verdict.UNKNOWN if unseen else Verdict.NOT_YET, there.text)
            await self._eyes.changed(LOOK_AGAIN_S)

    async def files_left(self) -> tuple[Found, ...]:
        """What every node has whose files were replaced and not put back by the plan itself."""
        return tuple(await asyncio.gather(*(found(self._hands, files) for files in self.replaced.values())))

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
            reading = await self._seen_undone(undo, now, deadline)
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


async def _ended_within(task: asyncio.Future[Any], within_s: float) -> None:
    done, _ = await asyncio.wait({task}, timeout=within_s)
    if not done:
        task.cancel()
        await asyncio.wait({task})


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
