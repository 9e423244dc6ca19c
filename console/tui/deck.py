"""What the console needs in order to act: arming, plans, runs, and the record of what was done."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

if TYPE_CHECKING:
    from console.engine.drill_progress import DrillProgress
    from console.engine.order import Order
    from console.engine.report import RunReport
    from console.judge.config_sight import ConfigSight
    from console.judge.denial import Denial
    from console.judge.drill_report import DrillReport
    from console.ledger.page import Page
    from console.model.drill import Drill
    from console.plan.action import Action, ConfigPush, DrillAction
    from console.plan.steps import Plan

Tell: TypeAlias = "Callable[[RunReport], None]"
TellDrill: TypeAlias = "Callable[[DrillProgress], None]"


class Deck(Protocol):
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

    async def look_at_files(self) -> None:
        """Has the nodes' files read: what a plan must know of them arrives in the store."""
        ...

    def look_again(self) -> None:
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

    async def config(self) -> ConfigSight:
        """The nodes' files beside what the profile asks for."""
        ...

    async def push_action(self) -> ConfigPush:
        """The push of what the profile asks for. Raises what reading and rendering raise."""
        ...

    def audit(self) -> Page:
        """Reads the ledger. May block on the disk. Raises OSError."""
        ...
