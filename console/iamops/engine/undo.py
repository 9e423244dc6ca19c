"""What one plan has armed and spoiled, and how it is taken back: from here, or by the nodes' own timers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from iamops.engine.observe import LOOK_AGAIN_S, Found, found, observe
from iamops.engine.ports import CommandRunner, Lock, NotSent, OutcomeUnknown, StateReader
from iamops.judge.run import Stage, UndoReport
from iamops.plan.config.change import PushedFiles, Side
from iamops.plan.expectation import VipSomewhere
from iamops.plan.observation import Judgement, Observation
from iamops.plan.step_builders import disarm
from iamops.plan.steps import Plan, Step, StepKind, Undo

IDLE_MASTER_S = 1.5
# Three adverts and a skew, and a little for seeing it.
ELECTION_WITHIN_S = 6.0


@dataclass(frozen=True, slots=True)
class Armed:
    """An undo that was armed. `fires_at`: when its timer carries it out without us, session time."""

    undo: Undo
    fires_at: float


class Undoing:
    """`armed` and `spoiled` by the undo's name; `undone` says how far it has come; `tick` is for changes.

    `by_timer`: what a node's timer had undone before we came to it. `kept`: what was disarmed and is to stay
    spoiled, a unit that was to be stopped. `replaced`: node -> the files that the plan has put there and not taken
    back.
    """

    def __init__(
        self, plan: Plan, commands: CommandRunner, reader: StateReader, lock: Lock, tick: Callable[[], None]
    ) -> None:
        self.armed: dict[str, Armed] = {}
        self.spoiled: dict[str, Undo] = {}
        self.undone: list[UndoReport] = []
        self.by_timer: set[str] = set()
        self.kept: dict[str, Undo] = {}
        self.replaced: dict[str, PushedFiles] = {}
        self.dead_man_s = reader.state.profile.safety.dead_man_s
        self._plan, self._commands, self._reader, self._lock, self._tick = plan, commands, reader, lock, tick

    # --- what the steps do to it ---

    def protecting(self, step: Step) -> Armed | None:
        """The armed undo of what the step spoils."""
        return None if step.requires_undo is None else self.armed.get(step.requires_undo)

    def about_to(self, step: Step) -> str | None:
        """Notes what has to be undone from here on; the undo that this very step makes necessary."""
        if step.undo is not None:
            fires_at = self._reader.now() + (step.undo.fires_s or self.dead_man_s)
            self.armed[step.undo.name] = Armed(step.undo, fires_at)
        if step.requires_undo is None or step.requires_undo in self.spoiled:
            return None
        undo = self.spoiled[step.requires_undo] = self.armed[step.requires_undo].undo
        if undo.files is not None and step.kind is StepKind.DO:
            self.replaced[undo.node] = undo.files
        return step.requires_undo

    def never_happened(self, step: Step, spoils: str | None) -> None:
        """Takes `about_to` back. What an earlier step has spoiled stays spoiled."""
        self.not_armed(step)
        if spoils is not None:
            self.replaced.pop(self.spoiled.pop(spoils).node, None)

    def not_armed(self, step: Step) -> None:
        """What we did not arm is not ours to disarm."""
        if step.undo is not None:
            del self.armed[step.undo.name]

    def settled(self, step: Step) -> None:
        if step.puts_back is not None:
            self.replaced.pop(step.node, None)
        for name in step.all_clears_undo:
            spoiled = self.spoiled.pop(name, None)
            if step.kind is StepKind.DISARM:
                self.armed.pop(name, None)
                if spoiled is not None:
                    self.kept[name] = spoiled

    def given_up(self, name: str) -> None:
        """There is no way back from here any more."""
        self.spoiled.pop(name, None)
        self.armed.pop(name, None)

    # --- back ---

    async def back(self) -> None:
        """Undoes in reverse what was spoiled, then disarms what is as it was again. Never raises.

        What cannot be undone from here is left to the node's own timer, which stays armed.
        """
        spoiled = bool(self.spoiled)
        for name in reversed(tuple(self.armed)):
            if name in self.spoiled and await self._undo(self.armed[name].undo):
                del self.spoiled[name]
        for amend in self._plan.followups if spoiled else ():
            # Only where its condition does not come to hold: undoing alone was not enough.
            if amend.only_if is not None:
                deadline = self._reader.now() + IDLE_MASTER_S
                holds = await observe((amend.only_if,), self._commands, self._reader, deadline=deadline)
                if holds.verdict is Judgement.NOT_YET:
                    await self._undo(amend)
        if spoiled:
            await self._await_election()
        for name in tuple(self.armed):
            if name not in self.spoiled:
                await self._disarm(name)

    async def not_kept(self) -> bool:
        """Undoes what was to stay, the last first, because of what has come of it. True: all of it was seen to be
        back.
        """
        done = [await self._undo(undo) for undo in reversed(tuple(self.kept.values()))]
        await self._await_election()
        return all(done)

    async def files_left(self) -> tuple[Found, ...]:
        """What every node has whose files were replaced and not put back by the plan itself."""
        return tuple(await asyncio.gather(*(found(self._commands, files) for files in self.replaced.values())))

    async def watch(self) -> Judgement:
        """Waits for the nodes' own timers to bring back what we could not.

        HOLDS: all of it was seen to be back. NOT_YET: seen, and it is not. UNKNOWN: nobody can see it.
        """
        now = self._reader.now()
        fires = [armed.fires_at for name, armed in self.armed.items() if name in self.spoiled]
        verdict = Judgement.HOLDS
        for name, undo in tuple(self.spoiled.items()):
            observed = await self._observe_undone(undo, now, max([now, *fires]) + undo.within_s)
            self._report(undo, Stage.DONE if observed.holds else Stage.UNKNOWN, observed.text)
            if observed.holds:
                del self.spoiled[name]
            elif verdict is not Judgement.UNKNOWN:
                verdict = observed.verdict
        return verdict

    async def _undo(self, undo: Undo) -> bool:
        self._report(undo, Stage.RUNNING)
        lost = None if undo.here else self._lock.lost(undo.node)
        try:
            if lost is not None:
                raise NotSent(lost)
            if undo.here:
                answer = await self._commands.run_here(undo.argv, timeout_s=undo.timeout_s)
            else:
                answer = await self._commands.run(undo.node, undo.argv, stdin="", timeout_s=undo.timeout_s)
        except (NotSent, OutcomeUnknown) as failure:
            left = f"; left to the timer on {undo.node}" if undo.dead_man else ""
            self._report(undo, Stage.UNKNOWN, f"{failure}{left}")
            return False
        if answer.exit_status != 0:
            there = await found(self._commands, undo.files) if undo.files is not None else None
            if there is None or there.side is not Side.OLD:
                more = f"; {there.text}" if there is not None else ""
                self._report(undo, Stage.FAILED, f"{answer.complaint}{more}")
                return False
            self.by_timer.add(undo.name)
        self._report(undo, Stage.OBSERVING)
        now = self._reader.now()
        observed = await self._observe_undone(undo, now, now + undo.within_s)
        self._report(undo, Stage.DONE if observed.holds else Stage.FAILED, observed.text)
        return observed.holds

    async def _observe_undone(self, undo: Undo, since: float, deadline: float) -> Observation:
        """The undo's own effect, and where it takes files back, their digests: services run well with either."""
        while True:
            observed = await observe(
                undo.expect, self._commands, self._reader, since=since, deadline=deadline, tick=self._tick
            )
            if undo.files is None or not observed.holds:
                return observed
            there = await found(self._commands, undo.files)
            if there.side is Side.OLD:
                return Observation(Judgement.HOLDS, f"{observed.text}; {there.text}")
            if self._reader.now() >= deadline:
                verdict = Judgement.UNKNOWN if there.side is Side.UNSEEN else Judgement.NOT_YET
                return Observation(verdict, there.text)
            await self._reader.changed(LOOK_AGAIN_S)

    async def _await_election(self) -> None:
        """One may follow: only then is it worth saying where the VIPs are."""
        expected = tuple(VipSomewhere(name) for name in self._plan.impact.moves)
        deadline = self._reader.now() + ELECTION_WITHIN_S
        await observe(expected, self._commands, self._reader, deadline=deadline, tick=self._tick)

    async def _disarm(self, name: str) -> None:
        """A timer that cannot be stopped from here does what is already done, and does no harm."""
        undo = self.armed[name].undo
        if undo.here:
            await self._commands.cancel_later(name)
            del self.armed[name]
            return
        step = disarm(undo)
        if self._lock.lost(undo.node) is not None:
            return
        try:
            answer = await self._commands.run(step.node, step.argv, stdin="", timeout_s=step.timeout_s)
        except (NotSent, OutcomeUnknown):
            return
        if answer.exit_status == 0:
            del self.armed[name]

    def _report(self, undo: Undo, stage: Stage, text: str = "") -> None:
        others = [report for report in self.undone if report.undo.name != undo.name]
        self.undone = [*others, UndoReport(undo, stage, text)]
        self._tick()
