"""Carries out the steps of one plan. Knows nothing of guards or audit."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Any

from iamops.engine.observe import found, keep_on_all, not_seen, observe
from iamops.engine.ports import (
    CommandAnswer,
    CommandRunner,
    Lock,
    NotSent,
    OutcomeUnknown,
    StateReader,
    uncancelled,
)
from iamops.engine.undo import Undoing
from iamops.judge.run import Stage, StepReport
from iamops.plan.checks import ROOM_ARGV, no_room
from iamops.plan.config.change import PushOutcome, Side
from iamops.plan.expectation import LOOKS, StateExpectation, UnitRuns, judge_all
from iamops.plan.observation import Judgement, Observation
from iamops.plan.start_failure import TIMEOUT_S, StartFailureQuery
from iamops.plan.steps import Plan, Step, StepKind
from iamops.render.privileges import controlled

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
    """One plan in execution. `steps` says how far it has come, `undoing` what was taken back. `tick` is called at
    every change; `client_loss` says what clients have lost, before anything is kept for good.
    """

    def __init__(
        self,
        plan: Plan,
        commands: CommandRunner,
        reader: StateReader,
        lock: Lock,
        tick: Callable[[], None],
        client_loss: Callable[[], str | None],
    ) -> None:
        self.steps = [StepReport(step) for step in plan.steps]
        self.undoing = Undoing(plan, commands, reader, lock, tick)
        self.touched = False
        self.touched_nodes: dict[str, None] = {}
        self.too_late = ""
        self._commands, self._reader, self._lock = commands, reader, lock
        self._tick, self._client_loss = tick, client_loss
        self._number = 0

    async def forward(self) -> None:
        """Every step in order. Raises Stopped at the first that does not do what it should."""
        for number, report in enumerate(self.steps):
            self._number = number
            await self._carry_out(report.step)

    async def _carry_out(self, step: Step) -> None:
        for part in (step, *step.together):
            if not part.here and (why := self._lock.lost(part.node)):
                raise self._stopped(Stage.FAILED, f"not sent: {why}")
        protecting = self.undoing.protecting(step) if step.kind is StepKind.DO else None
        if protecting is not None and self._reader.now() >= protecting.fires_at - DEAD_MAN_MARGIN_S:
            # A process that stood still may come to a step when the timer that protects it is over.
            raise self._stopped(Stage.FAILED, "not sent: its undo is about to fire by itself, or has fired")
        self._report(replace(self._current, stage=Stage.RUNNING, began=self._reader.now()))
        has_undo = step.requires_undo is not None or step.clears_undo is not None or self.undoing.spoiled
        if step.keeps is not None:
            await self._keep(step)
        elif step.kind is StepKind.DO and not has_undo:
            await self._do_for_good(step)
        else:
            await self._do(step)

    async def _do(self, step: Step) -> None:
        output = ""
        if step.kind is not StepKind.WATCH:
            answer = await self._send(step)
            if answer.exit_status != 0:
                raise self._stopped(Stage.FAILED, await self._explained(answer.complaint), found=True)
            output = answer.stdout if step.kind is StepKind.ASK else ""
        self._report(replace(self._current, stage=Stage.OBSERVING, output=output))
        observed = await (self._watch(step) if step.kind is StepKind.WATCH else self._observe(step))
        if not observed.holds:
            stage = Stage.UNKNOWN if not_seen(observed, self._reader) else Stage.FAILED
            raise self._stopped(stage, await self._explained(observed.text), found=True)
        if step.puts_back is not None:
            # The old files are believed when they are seen.
            there = await found(self._commands, step.puts_back)
            if there.side is not Side.OLD:
                raise self._stopped(Stage.UNKNOWN if there.side is Side.UNSEEN else Stage.FAILED, there.text)
        self.undoing.settled(step)
        self._end(Stage.DONE, observed.text)

    async def _do_for_good(self, step: Step) -> None:
        """A command without an undo. Interrupted, it may have been carried out: what it did is looked at."""
        doing = asyncio.ensure_future(self._do(step))
        try:
            await asyncio.shield(doing)
        except asyncio.CancelledError:
            await uncancelled(_ended_within(doing, LAST_LOOK_S))
            if doing.cancelled():
                observed = judge_all(_of_state(step), self._reader.state, self._began, self._reader.now())
                text = f"interrupted before it was seen what came of it: {observed.text}"
                raise self._stopped(Stage.UNKNOWN, text) from None
            doing.result()
            self._interrupted_late(f"interrupted, but by then this was done: {step.title}")

    async def _keep(self, step: Step) -> None:
        """Files are kept on all nodes or on none. Whatever cuts this short, it is asked what became of it."""
        if loss := self._client_loss():
            raise self._stopped(Stage.FAILED, f"not kept: {loss}")
        pushed = [part.keeps for part in (step, *step.together) if part.keeps is not None]
        there = await asyncio.gather(*(found(self._commands, files) for files in pushed))
        others = "; ".join(node.text for node in there if node.side in (Side.OLD, Side.NEITHER))
        if others:
            raise self._stopped(Stage.FAILED, f"not kept: {others}")
        sending = asyncio.ensure_future(self._kept_at_once(step))
        interrupted = False
        try:
            why, text = await asyncio.shield(sending)
        except asyncio.CancelledError:
            interrupted = True
            await uncancelled(_ended_within(sending, LAST_LOOK_S))
            why, text = (INTERRUPTED, "") if sending.cancelled() else sending.result()
        if why:
            text = await uncancelled(self._kept_after_all(step, why))
            if not text and interrupted:
                raise asyncio.CancelledError
        self.undoing.settled(step)
        self._end(Stage.DONE, text)
        if interrupted:
            self._interrupted_late("interrupted, but by then the new files were kept")

    async def _kept_at_once(self, step: Step) -> tuple[str, str]:
        """Why it is not certain that all nodes keep their files, or nothing; and what was observed."""
        try:
            answer = await self._together(step)
        except (NotSent, OutcomeUnknown) as failure:
            return str(failure), ""
        if answer.exit_status != 0:
            return answer.complaint, ""
        self._report(replace(self._current, stage=Stage.OBSERVING))
        observed = await self._observe(step)
        return ("", observed.text) if observed.holds else (observed.text, "")

    async def _kept_after_all(self, step: Step, why: str) -> str:
        """What was seen where all nodes have kept the files, or nothing where none has.

        Raises Stopped where some nodes have kept them and some have not, or are not seen.
        """
        armed = self.undoing.armed
        undos = {
            part.node: part.clears_undo
            for part in (step, *step.together)
            if part.clears_undo is not None and part.clears_undo in armed
        }
        fires_at = {node: armed[name].fires_at for node, name in undos.items()}
        seen = await keep_on_all(step, self._commands, self._reader, fires_at, self._tick)
        outcomes = {node.outcome for node in seen}
        text = "; ".join(node.text for node in seen)
        if outcomes == {PushOutcome.KEPT}:
            return text
        for node in seen:
            if node.outcome is PushOutcome.KEPT:
                self.undoing.given_up(undos.get(node.files.node, ""))
        if outcomes & {PushOutcome.KEPT, PushOutcome.UNSEEN}:
            raise self._stopped(Stage.UNKNOWN, f"{why}; {text}")
        stopped = self._stopped(Stage.FAILED, f"{why}; {text}")
        if why != INTERRUPTED:
            raise stopped
        return ""

    def _interrupted_late(self, text: str) -> None:
        """Interrupted when this step could not be stopped any more: the next one is not begun."""
        if self._number + 1 < len(self.steps):
            raise asyncio.CancelledError
        self.too_late = text

    # --- sending ---

    async def _send(self, step: Step) -> CommandAnswer:
        """Sends what the step asks for. From here on it has to be undone. Raises Stopped where no answer came."""
        if step.kind is StepKind.DO:
            self.touched = True
        if step.kind in (StepKind.DO, StepKind.ARM) and not step.here:
            self.touched_nodes[step.node] = None
        spoils = self.undoing.about_to(step)
        on_nodes = bool(step.argv) and not step.here
        # Interrupted, it waits for the end of the command that is under way: that could take effect after it was
        # undone otherwise. Not for long: what hangs is left to its undo.
        sent = asyncio.ensure_future(self._begun(step))
        try:
            answer = await asyncio.shield(sent)
        except NotSent as failure:
            self.undoing.never_happened(step, spoils)
            raise self._stopped(Stage.FAILED, f"not sent: {failure}") from None
        except OutcomeUnknown as failure:
            raise self._stopped(Stage.UNKNOWN, str(failure)) from None
        except asyncio.CancelledError:
            await asyncio.wait({sent}, timeout=HEARD_OUT_S if on_nodes else 0)
            sent.cancel()
            await asyncio.gather(sent, return_exceptions=True)
            raise
        if on_nodes and not step.together and answer.exit_status != 0:
            self.undoing.not_armed(step)
        return answer

    def _begun(self, step: Step) -> Awaitable[CommandAnswer]:
        """Begins what the step asks for."""
        commands = self._commands
        if step.kind is StepKind.ASK:
            return commands.ask(step.count, timeout_s=step.timeout_s)
        if step.kind is StepKind.CONFIRM:
            return commands.confirmed(step.timeout_s)
        if step.here and step.undo is not None:
            # A machine that is taken away cannot bring itself back: its undo waits on ours.
            return commands.run_later(step.undo.name, step.argv, delay_s=self.undoing.dead_man_s)
        if step.here and step.kind is StepKind.DISARM and step.clears_undo is not None:
            return commands.cancel_later(step.clears_undo)
        if step.here:
            return commands.run_here(step.argv, timeout_s=step.timeout_s)
        if not step.argv:
            return asyncio.sleep(0, CommandAnswer(0, "", ""))  # nothing is sent: what is expected is looked for
        if step.together:
            return self._together(step)
        # The undo that protects it may fire while it is sent: then it is not done.
        protecting = self.undoing.protecting(step) if step.kind is StepKind.DO else None
        dead_man = None if protecting is None else protecting.undo.dead_man
        timeout_s = self._left_s(step, step.timeout_s)
        return commands.run(step.node, step.argv, stdin=step.stdin, timeout_s=timeout_s, dead_man=dead_man)

    async def _together(self, step: Step) -> CommandAnswer:
        """At the same time on all nodes, so that no cut falls between them. Raises OutcomeUnknown if any is."""
        parts = (step, *step.together)
        sent = [self._commands.run(p.node, p.argv, stdin=p.stdin, timeout_s=p.timeout_s) for p in parts]
        answers = await asyncio.gather(*sent, return_exceptions=True)
        for part, answer in zip(parts, answers, strict=True):
            if isinstance(answer, NotSent | OutcomeUnknown):
                raise OutcomeUnknown(f"{part.node}: {answer}") from None
            if isinstance(answer, BaseException):
                raise answer
            if answer.exit_status != 0:
                return replace(answer, stderr=f"{part.node}: {answer.stderr}")
        first = answers[0]
        assert isinstance(first, CommandAnswer)  # noqa: S101 - everything else was dealt with above
        return first

    def _left_s(self, step: Step, wanted_s: float) -> float:
        """No step waits so long that the node's own timer would undo it under our hands."""
        protecting = self.undoing.protecting(step)
        if protecting is None:
            return wanted_s
        return max(0.1, min(wanted_s, protecting.fires_at - DEAD_MAN_MARGIN_S - self._reader.now()))

    # --- observing ---

    async def _observe(self, step: Step) -> Observation:
        return await observe(
            step.expect,
            self._commands,
            self._reader,
            began=self._began,
            deadline=self._reader.now() + self._left_s(step, step.within_s),
            tick=self._tick,
        )

    async def _watch(self, step: Step) -> Observation:
        """Must hold all the time; ends as soon as it does not. Blindness alone is no breach."""
        until = self._reader.now() + step.lasts_s
        while True:
            observed = judge_all(_of_state(step), self._reader.state, float("-inf"), self._reader.now())
            if observed.verdict is Judgement.NOT_YET or self._reader.now() >= until:
                return observed
            self._tick()
            await self._reader.changed(min(WATCH_LOOK_S, max(0.001, until - self._reader.now())))

    async def _explained(self, observed: str) -> str:
        """`observed`, and before it the unit's own reason where the step started one and that has a reason, or why
        the node has no room for the undo that it was to arm.
        """
        step, profile = self._current.step, self._reader.state.profile
        argv: tuple[str, ...]
        reason: Callable[[str], str]
        if step.kind is StepKind.ARM and not step.here:
            # systemd says of a timer that it could not write only that there is none.
            argv, reason = ROOM_ARGV, partial(no_room, step.node)
        else:
            command = controlled(step.argv)
            if command is None or command[0] not in ("start", "restart"):
                return observed
            unit = command[1]
            log = next((service.log_path for service in profile.services.values() if service.unit == unit), "")
            replaced = next((what.other_than for what in step.expect if isinstance(what, UnitRuns)), None)
            elapsed_s = self._reader.now() - (self._began or self._reader.now())
            words = StartFailureQuery(step.node, unit, elapsed_s, log, replaced)
            argv, reason = words.argv, words.reason
        try:
            answer = await self._commands.run(step.node, argv, stdin="", timeout_s=TIMEOUT_S)
        except (NotSent, OutcomeUnknown):
            return observed
        known = reason(answer.stdout)
        return f"{known}; {observed}" if known else observed

    # --- the current step ---

    @property
    def _current(self) -> StepReport:
        return self.steps[self._number]

    @property
    def _began(self) -> float:
        return self._current.began or 0.0

    def _stopped(self, stage: Stage, text: str, *, found: bool = False) -> Stopped:
        """`found`: what the step was to find out, and not that it could not be carried out."""
        self._end(stage, text)
        step = self._current.step
        refusing = step if found and step.refuses is not None else None
        return Stopped(f"{step.title}: {text}", unknown=stage is Stage.UNKNOWN, refusing=refusing)

    def _end(self, stage: Stage, text: str) -> None:
        self._report(replace(self._current, stage=stage, ended=self._reader.now(), text=text))

    def _report(self, report: StepReport) -> None:
        self.steps[self._number] = report
        self._tick()


async def _ended_within(task: asyncio.Future[Any], within_s: float) -> None:
    done, _ = await asyncio.wait({task}, timeout=within_s)
    if not done:
        task.cancel()
        await asyncio.wait({task})


def _of_state(step: Step) -> tuple[StateExpectation, ...]:
    return tuple(what for what in step.expect if not isinstance(what, LOOKS))
