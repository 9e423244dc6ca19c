"""What one plan has armed and spoiled, and how it is taken back: from here, or by the nodes' own timers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from iamops.engine.observe import LOOK_AGAIN_S, Found, found, observe
from iamops.engine.ports import CommandAnswer, CommandRunner, Lock, NotSent, OutcomeUnknown, StateReader
from iamops.judge.run import Stage, UndoReport
from iamops.plan.checks import ASK, no_room
from iamops.plan.config.pushed import PushedFiles, Side
from iamops.plan.expectation import UnitRuns, VipSomewhere
from iamops.plan.observation import Judgement, Observation
from iamops.plan.start_failure import TIMEOUT_S, OwnWords
from iamops.plan.step_builders import disarm
from iamops.plan.steps import Plan, Step, StepKind, Undo
from iamops.render.privileges import controlled

# A step that failed, in the words of its command, and of the unit itself where it started one.

SUDO_REFUSES = "sudo:"
COMPLAINT_KEPT = 240


async def with_own_words(step: Step, observed: str, began: float, hands: CommandRunner, eyes: StateReader) -> str:
    """`observed`, and before it the unit's own reason where the step started one and that has a reason, or why the
    node has no room for the undo that it was to arm.
    """
    if step.kind is StepKind.ARM and not step.here:
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


async def _with_room(step: Step, observed: str, hands: CommandRunner) -> str:
    """systemd says of a timer that it could not write only that there is none."""
    try:
        answer = await hands.run(step.node, ASK, stdin="", timeout_s=TIMEOUT_S)
    except (NotSent, OutcomeUnknown):
        return observed
    full = no_room(step.node, answer.stdout)
    return f"{full}; {observed}" if full else observed


def complaint(answer: CommandAnswer) -> str:
    """What the command said, on one line; a refusal of sudo with the way to mend it."""
    said = " ".join((answer.stderr.strip() or answer.stdout.strip()).split())[:COMPLAINT_KEPT]
    if said.startswith(SUDO_REFUSES):
        return f"{said} (the login user may not run this: install what `iamops profile sudoers` prints)"
    ended = "was killed" if answer.exit_status is None else f"exit code {answer.exit_status}"
    return f"{ended}: {said}" if said else ended


IDLE_MASTER_S = 1.5
# Three adverts and a skew, and a little for seeing it.
ELECTION_WITHIN_S = 6.0


@dataclass(frozen=True, slots=True)
class Armed:
    """An undo that was armed. `fires_at`: when its timer carries it out without us, session time."""

    undo: Undo
    fires_at: float


class Undoing:
    """`armed` and `spoiled` by the undo's name; `undone` says how far it has come; `tell` hears of every change.

    `by_timer`: what a node had undone by itself before we came to it. `kept`: what was disarmed and is to stay
    spoiled, a unit that was to be stopped. `replaced`: node -> the files that the plan has put there and not taken
    back.
    """

    def __init__(
        self, plan: Plan, hands: CommandRunner, eyes: StateReader, lock: Lock, tell: Callable[[], None]
    ) -> None:
        self.armed: dict[str, Armed] = {}
        self.spoiled: dict[str, Undo] = {}
        self.undone: list[UndoReport] = []
        self.by_timer: set[str] = set()
        self.kept: dict[str, Undo] = {}
        self.replaced: dict[str, PushedFiles] = {}
        self._plan = plan
        self._hands = hands
        self._eyes = eyes
        self._lock = lock
        self._tell = tell
        self.dead_man_s = eyes.state.profile.safety.dead_man_s

    # --- what the steps do to it ---

    def protecting(self, step: Step) -> Armed | None:
        """The armed undo of what the step spoils."""
        return None if step.requires_undo is None else self.armed.get(step.requires_undo)

    def about_to(self, step: Step) -> str | None:
        """Notes what has to be undone from here on; the undo that this very step makes necessary."""
        if step.undo is not None:
            fires_at = self._eyes.now() + (step.undo.fires_s or self.dead_man_s)
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
        """The step has had its effect."""
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
        """Undoes in reverse what was spoiled, then disarms what is whole again. Never raises.

        What cannot be undone from here is left to the node's own timer, which stays armed.
        """
        spoiled = bool(self.spoiled)
        for name in reversed(tuple(self.armed)):
            if name in self.spoiled and await self._undo(self.armed[name].undo):
                del self.spoiled[name]
        for amend in self._plan.amends if spoiled else ():
            await self._amend(amend)
        if spoiled:
            await self._owned_again()
        for name in tuple(self.armed):
            if name not in self.spoiled:
                await self._disarm(name)

    async def not_kept(self) -> bool:
        """Undoes what was to stay, the last first, because of what has come of it. True: all of it was seen to be
        back.
        """
        done = [await self._undo(undo) for undo in reversed(tuple(self.kept.values()))]
        await self._owned_again()
        return all(done)

    async def _undo(self, undo: Undo) -> bool:
        self._say(undo, Stage.RUNNING)
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
            self._say(undo, Stage.UNKNOWN, f"{failure}{left}")
            return False
        if answer.exit_status != 0:
            there = await found(self._hands, undo.files) if undo.files is not None else None
            if there is None or there.side is not Side.OLD:
                more = f"; {there.text}" if there is not None else ""
                self._say(undo, Stage.FAILED, f"{complaint(answer)}{more}")
                return False
            self.by_timer.add(undo.name)
        self._say(undo, Stage.OBSERVING)
        now = self._eyes.now()
        reading = await self._seen_undone(undo, now, now + undo.within_s)
        self._say(undo, Stage.DONE if reading.holds else Stage.FAILED, reading.text)
        return reading.holds

    async def _seen_undone(self, undo: Undo, since: float, deadline: float) -> Observation:
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
                return Observation(Judgement.HOLDS, f"{reading.text}; {there.text}")
            if self._eyes.now() >= deadline:
                unseen = there.side is Side.UNSEEN
                return Observation(Judgement.UNKNOWN if unseen else Judgement.NOT_YET, there.text)
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
        if reading.verdict is Judgement.NOT_YET:
            await self._undo(amend)

    async def _owned_again(self) -> None:
        """Waits for the election that may follow: only then is it worth saying where the VIPs are."""
        now = self._eyes.now()
        expected = tuple(VipSomewhere(name) for name in self._plan.impact.moves)
        deadline = now + ELECTION_WITHIN_S
        await observe(expected, self._hands, self._eyes, since=now, began=now, deadline=deadline, tick=self._tell)

    async def _disarm(self, name: str) -> None:
        """A timer that cannot be stopped from here does what is already done, and does no harm."""
        undo = self.armed[name].undo
        if undo.here:
            await self._hands.forget(name)
            del self.armed[name]
            return
        step = disarm(undo)
        if self._lock.lost(undo.node) is not None:
            return
        try:
            answer = await self._hands.run(step.node, step.argv, stdin="", timeout_s=step.timeout_s)
        except (NotSent, OutcomeUnknown):
            return
        if answer.exit_status == 0:
            del self.armed[name]

    async def watch(self) -> Judgement:
        """Waits for the nodes' own timers to bring back what we could not.

        HOLDS: all of it was seen to be back. NOT_YET: seen, and it is not. UNKNOWN: nobody can see it.
        """
        now = self._eyes.now()
        fires = [each.fires_at for name, each in self.armed.items() if name in self.spoiled]
        found = Judgement.HOLDS
        for name, undo in tuple(self.spoiled.items()):
            deadline = max([now, *fires]) + undo.within_s
            reading = await self._seen_undone(undo, now, deadline)
            stage = Stage.DONE if reading.holds else Stage.UNKNOWN
            self._say(undo, stage, reading.text)
            if reading.holds:
                del self.spoiled[name]
            elif found is not Judgement.UNKNOWN:
                found = reading.verdict
        return found

    def _say(self, undo: Undo, stage: Stage, text: str = "") -> None:
        others = [each for each in self.undone if each.undo.name != undo.name]
        self.undone = [*others, UndoReport(undo, stage, text)]
        self._tell()
