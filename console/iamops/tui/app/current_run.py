"""One run or drill at a time: begins it, keeps its newest report, and has it undone when we leave."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from iamops.plan.action import DrillAction, NoSuchTarget

if TYPE_CHECKING:
    from iamops.engine.order import Order
    from iamops.judge.config import ConfigComparison
    from iamops.judge.drill.account import DrillProgress
    from iamops.judge.drill.report import DrillReport
    from iamops.judge.run import RunReport
    from iamops.ledger.verify import Page
    from iamops.model.drill import Drill
    from iamops.plan.action import Action, ConfigPush, DrillAction
    from iamops.plan.denial import Denial
    from iamops.plan.steps import Plan


class CurrentRun:
    """The run under way, or the last one. `changed()` hears of every news of it, `over()` of its end.

    `began` is when it was asked for, in session time: the zero of a drill's timeline.
    """

    def __init__(self, deck: OperatorPort, changed: Callable[[], None], over: Callable[[], None]) -> None:
        self.order: Order | None = None
        self.report: RunReport | None = None
        self.drill: DrillProgress | None = None
        self.failure = ""
        self.began = 0.0
        self.stopping = False
        self._deck = deck
        self._changed = changed
        self._over = over
        self._task: asyncio.Task[None] | None = None

    @property
    def active(self) -> bool:
        return self._task is not None and not self._task.done()

    @property
    def judged(self) -> DrillReport | None:
        """What came of a drill that is over."""
        return self.drill.report if self.drill is not None else None

    @property
    def running(self) -> str:
        """The action under way in words, or an empty text."""
        return self.order.action.sentence if self.active and self.order is not None else ""

    def begin(self, order: Order, now: float) -> None:
        """Starts a run. There must be none under way."""
        assert not self.active  # noqa: S101 - the front asks first
        self.order, self.report, self.drill, self.failure = order, None, None, ""
        self.began, self.stopping = now, False
        self._task = asyncio.get_running_loop().create_task(self._run(order), name=f"run {order.run}")
        self._task.add_done_callback(lambda task: self._over())

    def stop(self) -> None:
        """Has the run undone; it goes on until that is done. Asking again must not cut the undoing short."""
        if self._task is not None and self.active and not self.stopping:
            self.stopping = True
            self._task.cancel()

    async def end(self) -> None:
        """Has the run undone, and waits for it."""
        self.stop()
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self, order: Order) -> None:
        """A worker's edge: what goes wrong in a run is told, not thrown. The engine has undone it by then."""
        try:
            if isinstance(order.action, DrillAction):
                self._judged(await self._deck.run_drill(order, self._heard_drill))
            else:
                self.report = await self._deck.run(order, self._heard)
        except NoSuchTarget as error:
            self.failure = str(error)
        except Exception as error:
            self.failure = f"{order.action.sentence}: {str(error) or type(error).__name__}"

    def _judged(self, report: DrillReport) -> None:
        """The last word: it may say more than what was told on the way."""
        if self.drill is not None:
            self.drill = replace(self.drill, report=report)

    def _heard_drill(self, progress: DrillProgress) -> None:
        self.drill = progress
        self._heard(progress.run)

    def _heard(self, report: RunReport) -> None:
        self.report = report
        self._changed()


# What the console needs in order to act: arming, plans, runs, and the record of what was done.

Tell: TypeAlias = "Callable[[RunReport], None]"
TellDrill: TypeAlias = "Callable[[DrillProgress], None]"


class OperatorPort(Protocol):
    """A way to act on the cluster. Guards and arming are behind it: the front cannot go round them."""

    @property
    def armed_s(self) -> float:
        """Seconds until the console is read-only again; 0 when it is."""
        ...

    def arm(self) -> float: ...

    def disarm(self) -> None: ...

    def order(
        self,
        action: Action,
        *,
        reason: str = "",
        overrides: tuple[str, ...] = (),
        shown: str | None = None,
        insisted: tuple[Denial, ...] | None = None,
    ) -> Order: ...

    def consider(self, order: Order) -> tuple[Plan, tuple[Denial, ...]]:
        """The plan as of now, and what speaks against it. Raises NoSuchTarget."""
        ...

    def profile_changed(self) -> str:
        """Why the profile in use is not the one on disk, or nothing. Cheap enough for once a second."""
        ...

    async def refresh_files(self) -> None:
        """Has the nodes' files read: what a plan must know of them arrives in the store."""
        ...

    def refresh_nodes(self) -> None:
        """Asks for fresh evidence; it arrives in the store."""
        ...

    async def run(self, order: Order, tell: Tell) -> RunReport:
        """Carries it out. Cancelling undoes first."""
        ...

    def drills(self) -> tuple[Drill, ...]:
        """Every drill there is. Reads the disk; raises OSError, DrillError, DrillUnreadable."""
        ...

    async def drill_action(self, drill: Drill) -> DrillAction:
        """The drill with budgets from what the nodes are running with now."""
        ...

    async def run_drill(self, order: Order, tell: TellDrill) -> DrillReport:
        """Carries a drill out and judges it. Cancelling undoes first."""
        ...

    def drill_reports(self) -> tuple[Mapping[str, Any], ...]:
        """Earlier reports as documents, oldest first. Reads the disk; raises OSError."""
        ...

    async def config(self) -> ConfigComparison:
        """The nodes' files beside what the profile asks for."""
        ...

    async def push_action(self) -> ConfigPush:
        """The push of what the profile asks for. Raises what reading and rendering raise."""
        ...

    def audit(self) -> Page:
        """Reads the ledger. May block on the disk. Raises OSError."""
        ...
