"""Delivers what is in the outbox, in order, trying again until it is accepted; and gives signs of life."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import http.client
import threading
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path

from iamops import __version__
from iamops.ledger.outbox import Outbox, OutboxMessage
from iamops.model.text import counted
from iamops.redact.clean import fault_of_ours
from iamops.session.clock import Clock
from iamops.session.watch.destinations import Destination, NotDelivered
from iamops.session.watch.urls import AlertUrl

PAUSES_S = (1.0, 2.0, 5.0, 15.0, 60.0)
OLDEST_S = 86400.0

Log = Callable[[str], None]


class Delivery:
    """One worker per destination, from `start` to `stop`. What is not delivered by then stays in the outbox."""

    def __init__(
        self,
        outbox: Outbox,
        destinations: Sequence[Destination],
        now: Clock,
        log: Log,
        pauses_s: Sequence[float] = PAUSES_S,
    ) -> None:
        self._couriers = [DeliveryWorker(outbox, each, now, log, pauses_s) for each in destinations]
        self._tasks: list[asyncio.Task[None]] = []
        self.keys = tuple(each.key for each in destinations)

    def start(self) -> None:
        self._tasks = [asyncio.create_task(each.run(), name=f"deliver {each.to}") for each in self._couriers]

    def changed(self) -> None:
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


class DeliveryWorker:
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

    def _give_up(self, parcel: OutboxMessage) -> None:
        self._outbox.give_up(parcel.number, self._destination.key)
        hours = OLDEST_S / 3600
        self._log(f"gave up message {parcel.number} to {self.to}: not accepted in {hours:.0f} h: {self._reason}")

    async def _try(self, parcel: OutboxMessage) -> None:
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

    def _refused(self, parcel: OutboxMessage, reason: str) -> None:
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


# Signs of life for a dead man's switch: a request or a touched file, given only while the cluster is seen.

TIMEOUT_S = 5.0
# For the whole request, in however small pieces its answer comes.
DEADLINE_S = 15.0


class Heartbeat:
    """`beat` returns at once; trouble is logged once until it is over."""

    def __init__(self, url: AlertUrl | None, file: Path | None, log: Callable[[str], None]) -> None:
        self._url = url
        self._file = file
        self._log = log
        self._asking = False
        self._asked = 0
        self._trouble = ""

    @property
    def wanted(self) -> bool:
        return self._url is not None or self._file is not None

    def beat(self) -> None:
        if self._file is not None:
            self._touch(self._file)
        if self._url is not None and not self._asking:
            self._asking = True
            loop = asyncio.get_running_loop()
            self._asked += 1
            loop.call_later(DEADLINE_S, self._overdue, self._asked)
            asking = (self._url, loop, self._asked)
            threading.Thread(target=self._ask, args=asking, name="heartbeat", daemon=True).start()

    def _touch(self, file: Path) -> None:
        try:
            file.touch(mode=0o600)
        except OSError as error:
            self._told(f"{file}: {error.strerror}")
        else:
            self._told("")

    def _ask(self, url: AlertUrl, loop: asyncio.AbstractEventLoop, number: int) -> None:
        """In a thread: name resolution alone may take as long as it likes."""
        said = _get(url)
        with contextlib.suppress(RuntimeError):  # the loop has been closed
            loop.call_soon_threadsafe(self._answered, number, said)

    def _overdue(self, number: int) -> None:
        """An answer that drips would otherwise be waited for without end, and nobody would get a sign of life."""
        self._answered(number, f"no answer within {DEADLINE_S:g} s")

    def _answered(self, number: int, said: str) -> None:
        if self._asking and number == self._asked:
            self._asking = False
            self._told(said)

    def _told(self, trouble: str) -> None:
        if trouble != self._trouble:
            self._log(f"heartbeat: {trouble}" if trouble else "heartbeat: heard again")
        self._trouble = trouble


def _get(url: AlertUrl) -> str:
    """An empty word, or why nobody answered as wished."""
    asked = urllib.request.Request(url.bare, headers={"User-Agent": f"iamops-watch/{__version__}"})  # noqa: S310 - checked: http(s)
    if url.user is not None:
        # urllib would ask for the address of `user:password@host`, and pass a header of ours on to another host.
        told = base64.b64encode(":".join(url.user).encode()).decode("ascii")
        asked.add_unredirected_header("Authorization", f"Basic {told}")
    try:
        with urllib.request.urlopen(asked, timeout=TIMEOUT_S) as answer:  # noqa: S310 - checked: http(s)
            answer.read(1024)
    except (OSError, ValueError, http.client.HTTPException) as error:
        return url.masked(f"{url.shown}: {error}")
    return ""
