"""What every command that changes something goes through: observe, act, and leave with a code.

stdout carries the result, stderr the progress. The first signal cancels, and cancelling undoes.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

from console.cli.asking import typed_line
from console.cli.lines import LAST_LINES_S, lines, tell
from console.cli.output import settled_code
from console.engine.engine import Weighed
from console.engine.order import Order
from console.judge.denial import Denial
from console.model.exit_code import ExitCode
from console.model.facts import LinkState
from console.model.profile import Profile
from console.model.state import ClusterState
from console.plan.action import Action
from console.plan.steps import Plan
from console.plan.targets import NoSuchTarget
from console.plan.tier import Confirmation, confirmation
from console.session.cluster import Cluster
from console.session.operator import Operator, needs_arming
from console.session.profiles import asked_name, find_profile
from console.session.signals import SIGNALS, hear, settle

SETTLE_TIMEOUT_S = 6.0
# A login may be slow. By then it has succeeded, or why it has not is known.
LOGIN_TIMEOUT_S = 10.0
NOT_ARMED = "not-armed"


class GuardedSession:
    """A session on one cluster; subclasses say in `act` what is done in it."""

    def __init__(self, profile: Profile, args: argparse.Namespace) -> None:
        self.profile = profile
        self.args = args
        self.cluster = Cluster(profile)
        self.operator = Operator(
            self.cluster, profile_name=asked_name(args.profile, profile), profile_file=self.profile_file()
        )
        self._under_way = self._acted = self._stopping = False
        # What is still under way when somebody asks again for the end.
        self.doing = "undoing"

    def run(self) -> int:
        return asyncio.run(self._run())

    def profile_file(self) -> Path | None:
        """The file that says what the profile in use says: where it is edited meanwhile, nothing is run."""
        return find_profile(self.args.profile)

    async def act(self) -> int:
        """Does what was asked for and returns the exit code. Raises NoSuchTarget."""
        raise NotImplementedError

    @contextlib.contextmanager
    def under_way(self) -> Iterator[None]:
        """Around what is undone when it is interrupted."""
        self._under_way = self._acted = True
        try:
            yield
        finally:
            self._under_way = False

    @property
    def stopping(self) -> bool:
        """Somebody asked for the end while something was under way: nothing else is begun."""
        return self._stopping

    async def _run(self) -> int:
        self._listen_to_signals()
        try:
            code = await self._observed()
        finally:
            await self._ended()
        settle(settled_code(code))
        return code

    async def _ended(self) -> None:
        """How the run ended is known by now. Links are closed, and a result that nobody reads is waited for, as
        any program would; a signal ends that, and is no interruption of the run.
        """
        try:
            await self.cluster.stop()
            await lines(sys.stderr).taken(LAST_LINES_S)
            await lines(sys.stdout).taken()
        except asyncio.CancelledError:
            with contextlib.suppress(asyncio.CancelledError):
                await lines(sys.stdout).taken(LAST_LINES_S)
            lines(sys.stdout).give_up()

    async def _observed(self) -> int:
        if self._arms_another:
            tell(f"iamops: --arm names {self.args.arm!r}, but this cluster is {self.profile.name}")
        try:
            await self.cluster.start()
            if not await self.cluster.settled(SETTLE_TIMEOUT_S) and connecting(self.cluster.store.state):
                await self.cluster.settled(LOGIN_TIMEOUT_S)
            await self.operator.look_at_files()
            return await self.act()
        except NoSuchTarget as error:
            tell(f"iamops: {error}")
            return ExitCode.USAGE
        except asyncio.CancelledError:
            tell("iamops: interrupted" + ("" if self._acted else "; nothing was changed"))
            return ExitCode.INTERRUPTED

    def order(
        self,
        action: Action,
        shown: str | None = None,
        *,
        named: bool = False,
        insisted: tuple[Denial, ...] | None = None,
    ) -> Order:
        """`named`: the cluster's name was typed, which arms as --arm does. `insisted`: what was overridden, as it
        was read.
        """
        self.operator.disarm()
        if named or self.args.arm == self.profile.name or not self._needs_its_name:
            self.operator.arm()
        return self.operator.order(
            action,
            reason=self.args.reason,
            overrides=tuple(self.args.override),
            shown=shown,
            insisted=insisted,
            agreed=self.args.yes or shown is not None,
        )

    async def weighed(self, order: Order) -> Weighed:
        """What speaks against it is looked at again first: after a slow login it may only not be seen yet."""
        weighed = self.operator.weigh(order)
        run_at_once = self.args.yes and not self.args.dry_run  # the engine looks again by itself
        if run_at_once or asks_first(weighed.standing):
            return weighed
        return await self.operator.weigh_anew(order)

    @property
    def _arms_another(self) -> bool:
        """Whoever names another cluster has not meant this one, whatever it is for."""
        return self.args.arm not in (None, self.profile.name)

    @property
    def _needs_its_name(self) -> bool:
        return needs_arming(self.profile.environment) or self._arms_another

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
            """The first cancels, and cancelling undoes; while that is under way, later ones only hear so."""
            if self._under_way and self._stopping:
                tell(f"iamops: {self.doing}; it will be over in a moment")
                return
            self._stopping = self._under_way
            task.cancel()

        for each in SIGNALS:
            if signal.getsignal(each) is not signal.SIG_IGN:  # nohup means it
                hear(loop, each, stop)
        loop.add_signal_handler(signal.SIGTSTP, self._asked_to_suspend)
        # In the background we may talk: to be stopped for it would stop the action too.
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)

    def _asked_to_suspend(self) -> None:
        """A stopped process can neither go on nor undo: the nodes would have to mend what it left."""
        if self._under_way:
            tell("iamops: not suspended while an action is under way; Ctrl-C undoes it")
        else:
            os.kill(os.getpid(), signal.SIGSTOP)


def connecting(state: ClusterState) -> bool:
    return any(node.link.state is LinkState.CONNECTING for node in state.nodes.values())


def asks_first(denied: tuple[Denial, ...]) -> bool:
    """Nobody is asked about a plan that would be refused anyway; arming is what the answer gives."""
    return not [denial for denial in denied if denial.code != NOT_ARMED]
