"""What every command that changes something goes through: observe, act, say so in lines, and leave with a code.

stdout carries the result, stderr the progress. The first signal cancels, and cancelling undoes.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TextIO

from iamops.cli.lines import (
    LAST_LINES_S,
    lines,
    write_progress,
    write_stderr,
    write_stderr_lines,
    write_stdout,
    write_stdout_lines,
)
from iamops.cli.output import settled_code
from iamops.engine.engine import Weighed
from iamops.engine.ports import Order
from iamops.judge.run import Outcome, Phase, RunReport, Stage, refusal_code
from iamops.model.exit_code import ExitCode
from iamops.model.facts import LinkState
from iamops.model.outage import GapReport
from iamops.model.profile import Environment, Profile
from iamops.plan.action import Action, NoSuchTarget
from iamops.plan.denial import Denial
from iamops.plan.steps import Confirmation, Plan, Step, StepKind, command_line, confirmation
from iamops.report.run import denial_document, plan_document, run_document
from iamops.report.text import json_text
from iamops.session.cluster import Cluster
from iamops.session.operator import Operator
from iamops.session.profiles import asked_name, find_profile
from iamops.session.signals import SIGNALS, exit_on_signal, on_signal

# Asks a person for one line, without a thread that would go on waiting for Return.


async def typed_line(stream: TextIO) -> str:
    """The next line without its end; empty at the end of the input."""
    loop, descriptor = asyncio.get_running_loop(), stream.fileno()
    answer: asyncio.Future[str] = loop.create_future()
    typed = bytearray()

    def readable() -> None:
        try:
            chunk = os.read(descriptor, 4096)
        except BlockingIOError:
            return
        except OSError:
            chunk = b""  # the terminal ended: that is no yes
        typed.extend(chunk)
        if (b"\n" in typed or not chunk) and not answer.done():
            answer.set_result(typed.partition(b"\n")[0].decode(errors="replace"))

    try:
        loop.add_reader(descriptor, readable)
    except PermissionError:  # a regular file: it has everything at once
        return stream.readline().rstrip("\n")
    try:
        return await answer
    finally:
        loop.remove_reader(descriptor)


SETTLE_TIMEOUT_S = 6.0
# A login may be slow. By then it has succeeded, or why it has not is known.
LOGIN_TIMEOUT_S = 10.0


class GuardedSession:
    """A session on one cluster; subclasses do their work in `act`."""

    def __init__(self, profile: Profile, args: argparse.Namespace) -> None:
        self.profile = profile
        self.args = args
        self.cluster = Cluster(profile)
        self.operator = Operator(
            self.cluster, profile_name=asked_name(args.profile, profile), profile_file=self.profile_file()
        )
        # A person who names another cluster has not meant this one, whatever it is for.
        self._arms_another = args.arm not in (None, profile.name)
        self._needs_its_name = profile.environment is Environment.PRODUCTION or self._arms_another
        self._under_way = self._acted = False
        # Somebody asked for the end while something was under way: nothing else is begun.
        self.stopping = False
        # What is still under way when somebody asks again for the end.
        self.doing = "undoing"

    def run(self) -> int:
        return asyncio.run(self._run())

    def profile_file(self) -> Path | None:
        """The profile's file: if it is edited meanwhile, nothing is run."""
        return find_profile(self.args.profile)

    async def act(self) -> int:
        """Does what was asked for and returns the exit code. Raises NoSuchTarget."""
        raise NotImplementedError

    @contextlib.contextmanager
    def under_way(self) -> Iterator[None]:
        """Wraps what is undone when it is interrupted."""
        self._under_way = self._acted = True
        try:
            yield
        finally:
            self._under_way = False

    async def _run(self) -> int:
        self._listen_to_signals()
        try:
            code = await self._observed()
        finally:
            # How the run ended is known by now. Links are closed, and a result that nobody reads is waited for, as
            # any program would; a signal ends that, and is no interruption of the run.
            try:
                await self.cluster.stop()
                await lines(sys.stderr).drained(LAST_LINES_S)
                await lines(sys.stdout).drained()
            except asyncio.CancelledError:
                with contextlib.suppress(asyncio.CancelledError):
                    await lines(sys.stdout).drained(LAST_LINES_S)
                lines(sys.stdout).give_up()
        exit_on_signal(settled_code(code))
        return code

    async def _observed(self) -> int:
        if self._arms_another:
            write_stderr(f"iamops: --arm names {self.args.arm!r}, but this cluster is {self.profile.name}")
        try:
            await self.cluster.start()
            settled = await self.cluster.settled(SETTLE_TIMEOUT_S)
            links = (node.link.state for node in self.cluster.store.state.nodes.values())
            if not settled and LinkState.CONNECTING in links:
                await self.cluster.settled(LOGIN_TIMEOUT_S)
            await self.cluster.refresh_files()
            return await self.act()
        except NoSuchTarget as error:
            write_stderr(f"iamops: {error}")
            return ExitCode.USAGE
        except asyncio.CancelledError:
            write_stderr("iamops: interrupted" + ("" if self._acted else "; nothing was changed"))
            return ExitCode.INTERRUPTED

    def order(self, action: Action, read: Weighed | None = None) -> Order:
        """`read`: what a person read and agreed to. Typing the cluster's name then arms, as --arm does."""
        self.operator.disarm()
        if read is not None or self.args.arm == self.profile.name or not self._needs_its_name:
            self.operator.arm()
        return self.operator.order(
            action,
            reason=self.args.reason,
            overrides=tuple(self.args.override),
            shown=None if read is None else read.plan.fingerprint,
            insisted=None if read is None else read.overridden,
            agreed=self.args.yes or read is not None,
        )

    async def approved(self, action: Action, *, json_plan: bool) -> Order | ExitCode:
        """The order to carry out, or how it ended: a dry run, or nobody agreed. `json_plan`: of a dry run."""
        args, order = self.args, self.order(action)
        weighed = self.operator.weigh(order)
        run_at_once = args.yes and not args.dry_run  # the engine looks again
        if not (run_at_once or _asks_first(weighed.standing)):
            # After a slow login, what speaks against it may only not be seen yet.
            weighed = await self.operator.weigh_anew(order)
        plan, denied, away = weighed
        if args.dry_run:
            if json_plan:
                denials = [denial_document(denial) for denial in denied]
                write_stdout(json_text({**plan_document(plan), "denials": denials}))
            else:
                write_stdout_lines(dry_lines(plan, denied, away))
            return refusal_code(denied) if denied else ExitCode.OK
        if args.yes or not _asks_first(denied):
            return order
        write_stderr_lines((*plan_lines(plan), *overridden_lines(away)))
        if await self.agreed(plan):
            return self.order(action, weighed)
        write_stderr("iamops: refused: not-confirmed: nothing was changed")
        return ExitCode.REFUSED

    async def agreed(self, plan: Plan) -> bool:
        """Asks on the terminal. Only the whole word agrees; anything else is a no."""
        asked = confirmation(plan, self.cluster.store.state, self.cluster.now())
        if self._needs_its_name:
            asked = Confirmation(self.profile.name, f"{self.profile.name} is {self.profile.environment}")
        word = asked.typed or "yes"
        lines(sys.stderr).put(f"{asked.why}: type {word} to run this plan [no]: ")
        return (await typed_line(sys.stdin)).strip() == word

    # --- signals ---

    def _listen_to_signals(self) -> None:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None  # noqa: S101 - we are inside one

        def stop() -> None:
            """The first cancels, and cancelling undoes; while that is under way, later ones only get a message."""
            if self._under_way and self.stopping:
                write_stderr(f"iamops: {self.doing}; it will be over in a moment")
                return
            self.stopping = self._under_way
            task.cancel()

        def suspend() -> None:
            """A stopped process can neither go on nor undo: the nodes would have to repair what it left."""
            if self._under_way:
                write_stderr("iamops: not suspended while an action is under way; Ctrl-C undoes it")
            else:
                os.kill(os.getpid(), signal.SIGSTOP)

        for number in SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:  # nohup means it
                on_signal(loop, number, stop)
        loop.add_signal_handler(signal.SIGTSTP, suspend)
        # In the background we may talk: to be stopped for it would stop the action too.
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)


def _asks_first(denied: tuple[Denial, ...]) -> bool:
    """Nobody is asked about a plan that would be refused anyway; arming is what the answer gives."""
    return all(denial.code == "not-armed" for denial in denied)


class ActingSession(GuardedSession):
    """One action from a shell: plan, ask, run, tell."""

    def __init__(self, profile: Profile, action: Action | None, args: argparse.Namespace) -> None:
        super().__init__(profile, args)
        self._action = action
        self.shown: RunReport | None = None

    async def action(self) -> Action:
        """What to do; subclasses may have to look at the nodes first."""
        assert self._action is not None  # noqa: S101 - given, or this is overridden
        return self._action

    async def act(self) -> int:
        order = await self.approved(await self.action(), json_plan=self.args.json)
        if isinstance(order, ExitCode):
            return order
        with self.under_way():
            report = await self.operator.run(order, self.progress)
        if report.outcome is Outcome.REFUSED:
            write_stderr_lines(f"iamops: {line}" for line in result_lines(report))
        elif not self.args.json:
            write_stdout_lines(result_lines(report))
        if self.args.json:
            write_stdout(json_text(run_document(report, self.profile.name)))
        return report.exit_code

    def progress(self, report: RunReport) -> None:
        for line in progress_lines(self.shown, report):
            write_progress(line)
        self.shown = report


# --- plans, progress and results as lines of plain text ---


def plan_lines(plan: Plan) -> list[str]:
    """The whole plan: prediction, notes, every command with what must be observed after it."""
    lines = [f"plan: {plan.action.sentence}", f"  {plan.prediction}"]
    lines += [f"  forecast: {plan.forecast.sentence}"] if plan.forecast else []
    lines += [f"  note: {note}" for note in plan.notes]
    lines += [f"  first: {sentence}" for sentence in plan.first]
    for number, step in enumerate(plan.steps, start=1):
        lines += _step_lines(number, step)
    lines += [f"  in the end: {sentence}" for sentence in plan.ending]
    return lines


def _step_lines(number: int, step: Step) -> Iterator[str]:
    given = f" <<< {step.given.strip()}" if step.stdin else ""
    yield f"  {number:2} {step.title}"
    if step.argv:
        yield f"       {step.node}$ {command_line(step.argv)}{given}"
    for expected in step.expect:
        when = f"all the time, for {step.lasts_s:.1f} s" if step.lasts_s else f"within {step.within_s:.0f} s"
        yield f"       then: {expected.sentence} ({when})"
    if step.kind is StepKind.ARM and step.undo is not None:
        yield f"       undo: {command_line(step.undo.argv)}"


def overridden_lines(away: Iterable[Denial]) -> list[str]:
    """The reasons that were overridden: these, and none that come later."""
    return [f"  overridden: {denial.code}: {denial.reason}" for denial in away]


def dry_lines(plan: Plan, denied: tuple[Denial, ...], away: tuple[Denial, ...] = ()) -> list[str]:
    refused = [f"would be refused: {denial.sentence}" for denial in denied]
    return [*plan_lines(plan), *overridden_lines(away), *(refused or ["nothing was changed"])]


def progress_lines(before: RunReport | None, now: RunReport) -> Iterator[str]:
    if now.phase is not (before.phase if before else None) and now.phase not in (Phase.PLANNING, Phase.OVER):
        yield f"{now.phase}"
    old = before.steps if before else ()
    for number, step in enumerate(now.steps, start=1):
        was = old[number - 1].stage if len(old) >= number else Stage.WAITING
        if step.stage is was or not (step.over or step.stage is Stage.RUNNING):
            continue
        if not step.over:
            yield f"[{number}/{len(now.steps)}] {step.step.title}"
            continue
        took = "" if step.began is None or step.ended is None else f" ({step.ended - step.began:.1f} s)"
        yield f"      {step.stage}{took}{f': {step.text}' if step.text else ''}"
    stages = {undone.undo.name: undone.stage for undone in before.undone} if before else {}
    for undone in now.undone:
        if stages.get(undone.undo.name) is not undone.stage and undone.stage is not Stage.OBSERVING:
            text = f": {undone.text}" if undone.text else ""
            yield f"undo  {undone.undo.title} on {undone.undo.node}: {undone.stage}{text}"


def result_lines(report: RunReport) -> list[str]:
    if report.outcome is Outcome.REFUSED:
        return [f"refused: {denial.sentence}" for denial in report.denials]
    lines = [f"{report.ending}: {report.sentence}"]
    if report.restored_by is not None:
        lines.append(f"restored by: {report.restored_by}")
    lines += [gap_line(report.gap)] if report.gap is not None else []
    lines += [f"note: {note}" for note in report.notes]
    return lines


def gap_line(gap: GapReport) -> str:
    if not gap.attempts:
        return f"client: {gap.seen}"
    if gap.longest_ms is None:
        return f"client: no request failed ({gap.seen})"
    kinds = ((gap.refused, "refused"), (gap.no_answer, "dark"), (gap.wrong, "wrong answer"))
    what = ", ".join(f"{count} {word}" for count, word in kinds if count)
    return f"client: longest gap {gap.longest_ms:.0f} ms ({what}; {gap.seen})"
