"""What the console needs in order to act: arming, plans, runs, and the record of what was done."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from console.engine.order import Order
from console.engine.report import RunReport
from console.judge.guards import Denial
from console.ledger.page import Page
from console.plan.action import Action
from console.plan.steps import Plan

Tell = Callable[[RunReport], None]


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
    ) -> Order: ...

    def consider(self, order: Order) -> tuple[Plan, tuple[Denial, ...]]:
        """The plan as of now, and what speaks against it. Raises NoSuchTarget."""
        ...

    def look_again(self) -> None:
        """Asks for fresh evidence; it arrives in the store."""
        ...

    async def run(self, order: Order, tell: Tell) -> RunReport:
        """Carries it out. Cancelling undoes first."""
        ...

    def audit(self) -> Page:
        """Reads the ledger. May block on the disk. Raises OSError."""
        ...
