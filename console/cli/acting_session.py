"""One action from a shell: observe, plan, ask, run, tell. stdout carries the result, stderr the progress."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import signal
import sys
from typing import Any

from console.cli.acting_text import plan_lines, progress_lines, result_lines
from console.cli.exit_codes import ExitCode
from console.engine.order import Order
from console.engine.report import Outcome, RestoredBy, RunReport, denial_document, run_document
from console.judge.guards import Denial
from console.model.profile import Profile
from console.plan.action import Action
from console.plan.impact import NoSuchTarget
from console.plan.steps import Plan, document
from console.plan.tier import Confirmation, confirmation
from console.session.cluster import Cluster
from console.session.operator import Operator, needs_arming

SETTLE_TIMEOUT_S = 6.0
NOT_ARMED = "not-armed"
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class ActingSession:
    """From the command line to the exit code."""

    def __init__(self, profile: Profile, action: Action, args: argparse.Namespace) -> None:
        self._profile = profile
        self._action = action
        self._args = args
        self._cluster = Cluster(profile)
        self._operator = Operator(self._cluster, profile_name=args.profile or profile.name)
        self._shown: RunReport | None = None

    def run(self) -> int:
        return asyncio.run(self._run())

    async def _run(self) -> int:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - we are inside one
        _cancel_on_signals(task)
        await self._cluster.start()
        try:
            await self._cluster.settled(SETTLE_TIMEOUT_S)
            return await self._act()
        except NoSuchTarget as error:
            _tell(f"iamops: {error}")
            return ExitCode.USAGE
        except asyncio.CancelledError:
            _tell("iamops: interrupted; nothing was changed")
            return ExitCode.INTERRUPTED
        finally:
            await self._cluster.stop()

    async def _act(self) -> int:
        order = self._order()
        plan, denied = self._operator.consider(order)
        if self._args.dry_run:
            return self._dry(plan, denied)
        if not self._args.yes and not [d for d in denied if d.code != NOT_ARMED]:
            _tell("\n".join(plan_lines(plan)))
            if not await self._agreed(plan):
                _tell("iamops: refused: not-confirmed: nothing was changed")
                return ExitCode.REFUSED
            order = self._order(shown=plan.fingerprint, named=True)
        report = await self._operator.run(order, self._progress)
        code = exit_code(report)
        if report.outcome is Outcome.REFUSED:
            _tell("\n".join(f"iamops: {line}" for line in result_lines(report)))
        elif not self._args.json:
            print("\n".join(result_lines(report)))
        if self._args.json:
            print(json.dumps(run_document(report, self._profile.name, code), indent=2))
        return code

    def _order(self, shown: str | None = None, *, named: bool = False) -> Order:
        """`named`: the cluster's name was typed, which arms as --arm does."""
        self._operator.disarm()
        if not needs_arming(self._profile.environment) or named or self._args.arm == self._profile.name:
            self._operator.arm()
        return self._operator.order(
            self._action, reason=self._args.reason, overrides=tuple(self._args.override), shown=shown
        )

    def _dry(self, plan: Plan, denied: tuple[Denial, ...]) -> int:
        if self._args.json:
            refused: dict[str, Any] = {"denials": [denial_document(denial) for denial in denied]}
            print(json.dumps({**document(plan), **refused}, indent=2))
        else:
            print("\n".join(plan_lines(plan)))
            print("\n".join(f"would be refused: {denial.sentence}" for denial in denied) or "nothing was changed")
        return _refusal_code(denied) if denied else ExitCode.OK

    async def _agreed(self, plan: Plan) -> bool:
        """Asks on the terminal. Only the whole word agrees; anything else is a no."""
        asked = confirmation(plan, self._cluster.store.state, self._cluster.now())
        if needs_arming(self._profile.environment):
            asked = Confirmation(self._profile.name, f"{self._profile.name} is {self._profile.environment}")
        word = asked.typed or "yes"
        sys.stderr.write(f"{asked.why}: type {word} to run this plan [no]: ")
        sys.stderr.flush()
        line: str = await asyncio.to_thread(sys.stdin.readline)
        return line.strip() == word

    def _progress(self, report: RunReport) -> None:
        for line in progress_lines(self._shown, report):
            _tell(line)
        self._shown = report


def exit_code(report: RunReport) -> ExitCode:
    """What a script is told."""
    if report.interrupted and report.restored_by is not RestoredBy.NOBODY:
        return ExitCode.INTERRUPTED
    match report.outcome:
        case Outcome.SUCCEEDED:
            return ExitCode.OK
        case Outcome.FAILED:
            return ExitCode.NOT_SO
        case Outcome.REFUSED:
            return _refusal_code(report.denials)
    return ExitCode.UNKNOWN


def _refusal_code(denied: tuple[Denial, ...]) -> ExitCode:
    unreachable = any(denial.code == "node-unreachable" for denial in denied)
    return ExitCode.UNREACHABLE if unreachable else ExitCode.REFUSED


def _cancel_on_signals(task: asyncio.Task[Any]) -> None:
    """The first signal cancels, and cancelling undoes. Later ones only say that this is under way."""
    asked = False

    def stop() -> None:
        nonlocal asked
        if asked:
            _tell("iamops: undoing; it will be over in a moment")
            return
        asked = True
        task.cancel()

    loop = asyncio.get_running_loop()
    for each in SIGNALS:
        loop.add_signal_handler(each, stop)


def _tell(text: str) -> None:
    """Progress. A terminal that has gone away must not stop an action half-way."""
    with contextlib.suppress(OSError):
        print(text, file=sys.stderr, flush=True)
