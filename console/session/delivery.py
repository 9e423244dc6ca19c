"""Delivers what is in the outbox: one courier per destination, in order, trying again until it is accepted."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence

from console.ledger.outbox import Outbox, Parcel
from console.model.words import counted
from console.parse.own_fault import fault_of_ours
from console.session.clock import Clock
from console.session.destination import Destination, NotDelivered

PAUSES_S = (1.0, 2.0, 5.0, 15.0, 60.0)
OLDEST_S = 86400.0

Log = Callable[[str], None]


class Delivery:
    """Couriers from `start` to `stop`. What is not delivered by then stays in the outbox."""

    def __init__(
        self,
        outbox: Outbox,
        destinations: Sequence[Destination],
        now: Clock,
        log: Log,
        pauses_s: Sequence[float] = PAUSES_S,
    ) -> None:
        self._couriers = [Courier(outbox, each, now, log, pauses_s) for each in destinations]
        self._tasks: list[asyncio.Task[None]] = []
        self.keys = tuple(each.key for each in destinations)

    def start(self) -> None:
        self._tasks = [asyncio.create_task(each.run(), name=f"deliver {each.to}") for each in self._couriers]

    def news(self) -> None:
        """Something was put into the outbox."""
        for courier in self._couriers:
            courier.idle.clear()
            courier.news.set()

    def check(self) -> None:
        """Raises what a courier died of: that is a fault of ours, and nobody may be left without alerts."""
        for task in self._tasks:
            if task.done():
                task.result()

    async def idle(self, timeout_s: float) -> bool:
        """Waits until every courier has delivered everything; False when that took too long."""
        try:
            async with asyncio.timeout(timeout_s):
                for courier in self._couriers:
                    await courier.idle.wait()
        except TimeoutError:
            return False
        return True

    async def stop(self, grace_s: float = 0.5) -> None:
        """Attempts that are under way get a moment to end."""
        under_way = [courier.at_rest.wait() for courier in self._couriers]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(grace_s):
                await asyncio.gather(*under_way)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


class Courier:
    """Takes the oldest message for its destination until it is accepted, then the next. Waits for nobody else."""

    def __init__(
        self, outbox: Outbox, destination: Destination, now: Clock, log: Log, pauses_s: Sequence[float]
    ) -> None:
        self.to = destination.shown
        self.news = asyncio.Event()
        self.idle = asyncio.Event()
        self.at_rest = asyncio.Event()
        self.at_rest.set()
        self._outbox = outbox
        self._destination = destination
        self._now = now
        self._log = log
        self._pauses_s = pauses_s
        self._failures = 0
        self._reason = ""

    async def run(self) -> None:
        """Until cancelled: whatever an attempt fails of, the next one comes."""
        while True:
            try:
                await self._next()
            except Exception as error:
                self.at_rest.set()
                self._log(f"delivery to {self.to}: {fault_of_ours(error)}; it will be tried again")
                await asyncio.sleep(self._pauses_s[-1])

    async def _next(self) -> None:
        self.news.clear()
        parcel = self._outbox.first_for(self._destination.key)
        if parcel is None:
            self.idle.set()
            await self.news.wait()
        elif self._now() - parcel.message.at > OLDEST_S:
            self._give_up(parcel)
        else:
            self.idle.clear()
            await self._try(parcel)

    def _give_up(self, parcel: Parcel) -> None:
        self._outbox.give_up(parcel.number, self._destination.key)
        hours = OLDEST_S / 3600
        self._log(f"gave up message {parcel.number} to {self.to}: not accepted in {hours:.0f} h: {self._reason}")

    async def _try(self, parcel: Parcel) -> None:
        self.at_rest.clear()
        try:
            await self._destination.deliver(parcel, self._note())
        except NotDelivered as refusal:
            self.at_rest.set()
            self._refused(parcel, str(refusal))
            await asyncio.sleep(self._pauses_s[min(self._failures, len(self._pauses_s)) - 1])
        else:
            self.at_rest.set()
            self._outbox.accepted(parcel.number, self._destination.key)
            self._failures, self._reason = 0, ""
            self._log(f"delivered message {parcel.number} to {self.to}: {parcel.message.subject}")

    def _refused(self, parcel: Parcel, reason: str) -> None:
        """Told once per reason: an outage of a day must not fill a log."""
        self._failures += 1
        if reason != self._reason:
            self._log(f"message {parcel.number} was not accepted by {self.to}: {reason}; it will be tried again")
        self._reason = reason

    def _note(self) -> str:
        """The destination must know that it has missed something."""
        lost = self._outbox.lost(self._destination.key)
        return (
            f"{counted(lost, 'earlier message')} never arrived here and {'was' if lost == 1 else 'were'} given up"
            if lost
            else ""
        )
