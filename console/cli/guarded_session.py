"""What every command that changes something goes through: observe, act, and leave with a code.

stdout carries the result, stderr the progress. The first signal cancels, and cancelling undoes.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import sys
from typing import Any

from console.cli.exit_codes import ExitCode
from console.engine.order import Order
from console.judge.denial import Denial
from console.model.profile import Profile
from console.plan.action import Action
from console.plan.impact import NoSuchTarget
from console.plan.steps import Plan
from console.plan.tier import Confirmation, confirmation
from console.session.cluster import Cluster
from console.session.operator import Operator, needs_arming
from console.session.profiles import asked_name

SETTLE_TIMEOUT_S = 6.0
NOT_ARMED = "not-armed"
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class GuardedSession:
    """A session on one cluster; subclasses say in `act` what is done in it."""

    def __init__(self, profile: Profile, args: argparse.Namespace) -> None:
        self.profile = profile
        self.args = args
        self.cluster = Cluster(profile)
        self.operator = Operator(self.cluster, profile_name=asked_name(args.profile, profile))

    def run(self) -> int:
        return asyncio.run(self._run())

    async def act(self) -> int:
        """Does what was asked for and returns the exit code. Raises NoSuchTarget."""
        raise NotImplementedError

    async def _run(self) -> int:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - we are inside one
        self.loop = asyncio.get_running_loop()
        _cancel_on_signals(task)
        await self.cluster.start()
        try:
            await self.cluster.settled(SETTLE_TIMEOUT_S)
            return await self.act()
        except NoSuchTarget as error:
            tell(f"iamops: {error}")
            return ExitCode.USAGE
        except asyncio.CancelledError:
            tell("iamops: interrupted; nothing was changed")
            return ExitCode.INTERRUPTED
        finally:
            await self.cluster.stop()

    def order(self, action: Action, shown: str | None = None, *, named: bool = False) -> Order:
        """`named`: the cluster's name was typed, which arms as --arm does."""
        self.operator.disarm()
        if not needs_arming(self.profile.environment) or named or self.args.arm == self.profile.name:
            self.operator.arm()
        return self.operator.order(
            action, reason=self.args.reason, overrides=tuple(self.args.override), shown=shown
        )

    async def agreed(self, plan: Plan) -> bool:
        """Asks on the terminal. Only the whole word agrees; anything else is a no."""
        asked = confirmation(plan, self.cluster.store.state, self.cluster.now())
        if needs_arming(self.profile.environment):
            asked = Confirmation(self.profile.name, f"{self.profile.name} is {self.profile.environment}")
        word = asked.typed or "yes"
        sys.stderr.write(f"{asked.why}: type {word} to run this plan [no]: ")
        sys.stderr.flush()
        line: str = await asyncio.to_thread(sys.stdin.readline)
        return line.strip() == word


def asks_first(denied: tuple[Denial, ...]) -> bool:
    """Nobody is asked about a plan that would be refused anyway; arming is what the answer gives."""
    return not [denial for denial in denied if denial.code != NOT_ARMED]


def refusal_code(denied: tuple[Denial, ...]) -> ExitCode:
    """What a script is told of a refusal."""
    unreachable = any(denial.code == "node-unreachable" for denial in denied)
    return ExitCode.UNREACHABLE if unreachable else ExitCode.REFUSED


def tell(text: str) -> None:
    """Progress. A terminal that has gone away must not stop an action half-way."""
    with contextlib.suppress(OSError):
        print(text, file=sys.stderr, flush=True)


def _cancel_on_signals(task: asyncio.Task[Any]) -> None:
    """The first signal cancels, and cancelling undoes. Later ones only say that this is under way."""
    asked = False

    def stop() -> None:
        nonlocal asked
        if asked:
            tell("iamops: undoing; it will be over in a moment")
            return
        asked = True
        task.cancel()

    loop = asyncio.get_running_loop()
    for each in SIGNALS:
        loop.add_signal_handler(each, stop)
