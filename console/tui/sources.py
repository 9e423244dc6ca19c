"""Where the views read what is not in the store: the session's logs, traffic and deep look, and the deck."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from console.tui.cluster import Cluster, LogTap, TrafficFeed
from console.tui.view.dirty import Part

if TYPE_CHECKING:
    from console.judge.diagnosis import Diagnosis
    from console.model.drill import Drill
    from console.tui.deck import Deck
    from console.tui.orders import Orders


class SessionSources:
    """The `Sources` of every view. `orders()` loads what acting needs, so it is called only when that is wanted.

    `stirred` hears of a part with news that did not come through the store, `looked` what a deep look found,
    `learned` of the drills there are.
    """

    def __init__(
        self,
        cluster: Cluster,
        orders: Callable[[], Orders],
        stirred: Callable[[Part], None],
        looked: Callable[[Diagnosis], None],
        learned: Callable[[tuple[Drill, ...]], None],
    ) -> None:
        self._cluster, self._orders = cluster, orders
        self._stirred, self._looked, self._learned = stirred, looked, learned

    @property
    def deck(self) -> Deck:
        return self._orders().deck

    def log_tap(self) -> LogTap:
        return self._cluster.log_tap()

    def traffic(self) -> TrafficFeed:
        return self._cluster.traffic()

    async def examine(self) -> None:
        self._looked(await self._cluster.examine())

    def stir(self, part: Part) -> None:
        self._stirred(part)

    async def learn_drills(self) -> tuple[tuple[Drill, ...], str]:
        """The drills, and what is wrong with them in words; drills that were known stay known."""
        drills, problem = await self._orders().learn_drills()
        self._learned(drills)
        return drills, problem
