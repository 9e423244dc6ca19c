"""Seeds the event list from what nodes and ledger remember: why the VIP moved last night is on the screen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from console.judge.recalled import recalled
from console.model.events import Event, Noticed, Recalled, Remembered
from console.model.facts import Severity
from console.model.profile import Profile
from console.model.timeline import Happening
from console.nodes.transport import Transport
from console.session.clock import Clock
from console.session.timeline import Tale

RECALL_S = 24 * 3600.0
# A link that comes and goes for weeks: the newest are kept.
FOUND_KEPT = 2000
SAID_MOST = 50


class Recall:
    """Asks the ledger once, and a node's journal each time it is connected: for the day before, or for the time in
    which it was not heard. What is seen from then on is not recalled.
    """

    def __init__(
        self,
        profile: Profile,
        apply: Callable[[Event], None],
        now: Clock,
        *,
        began: float,
        ledger: Path | None = None,
    ) -> None:
        """`began`: since when what happens is seen."""
        self._profile, self._apply, self._now, self._ledger = profile, apply, now, ledger
        self._began = began
        self._found: list[Happening] = []
        self._here = False
        self._said: set[str] = set()

    async def node(self, transport: Transport, heard_at: float | None, back_at: float) -> None:
        """`heard_at`: when the node was last heard before this connection, None if it was not; `back_at`: when
        the connection stood.
        """
        until = back_at if heard_at is not None else self._began
        since = self._began - RECALL_S if heard_at is None else heard_at
        tale = Tale(self._profile, since, self._now)
        await tale.journal(transport)
        if not self._here:
            self._here = True
            await tale.here(self._ledger)
        told = tale.timeline()
        found = (*self._found, *(each for each in told.happenings if each.at < until))
        self._found = sorted(found, key=lambda each: each.at)[-FOUND_KEPT:]
        self._apply(Recalled(self._now(), tuple(self._lines())))
        mine = (each for each in told.untold if each.startswith((f"{transport.node}:", "the audit")))
        for each in mine:
            # A link that comes and goes says it once.
            if each not in self._said and len(self._said) < SAID_MOST:
                self._said.add(each)
                self._apply(Noticed(self._now(), None, Severity.INFO, f"not recalled: {each}"))

    def _lines(self) -> Iterator[Remembered]:
        for each in recalled(self._found, self._profile):
            yield Remembered(each.at, each.node, each.severity, each.text, each.source)
