"""Delivers what is in the outbox, in order, trying again until it is accepted; and gives signs of life."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import http.client
import urllib.request
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from iamops import __version__
from iamops.ledger.outbox import Outbox, OutboxMessage
from iamops.model.text import counted
from iamops.nodes.supervisor import run_in_thread
from iamops.nodes.transport import Clock
from iamops.redact.clean import fault_of_ours
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
        self._workers = [DeliveryWorker(outbox, to, now, log, pauses_s) for to in destinations]
        self._tasks: list[asyncio.Task[None]] = []
        self.keys = tuple(to.key for to in destinations)

    def start(self) -> None:
        self._tasks = [asyncio.create_task(worker.run(), name=f"deliver {worker.to}") for worker in self._workers]

    def changed(self) -> None:
        for worker in self._workers:
            worker.idle.clear()
            worker.wake.set()

    def check(self) -> None:
        """Raises what a worker died of: that is a fault of ours, and nobody may be left without alerts."""
        for task in self._tasks:
            if task.done():
                task.result()

    async def idle(self, timeout_s: float) -> bool:
        """Waits until every worker has delivered everything; False when that took too long."""
        try:
            async with asyncio.timeout(timeout_s):
                for worker in self._workers:
                    await worker.idle.wait()
        except TimeoutError:
            return False
        return True

    async def stop(self, grace_s: float = 0.5) -> None:
        """Attempts that are under way get a moment to end."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(grace_s):
                await asyncio.gather(*(worker.at_rest.wait() for worker in self._workers))
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


class DeliveryWorker:
    """Takes the oldest message for its destination until it is accepted, then the next. Waits for nobody else."""

    def __init__(
        self, outbox: Outbox, destination: Destination, now: Clock, log: Log, pauses_s: Sequence[float]
    ) -> None:
        self.to = destination.shown
        self.wake, self.idle, self.at_rest = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.at_rest.set()
        self._outbox, self._destination, self._now, self._log = outbox, destination, now, log
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
        self.wake.clear()
        queued = self._outbox.first_for(self._destination.key)
        if queued is None:
            self.idle.set()
            await self.wake.wait()
        elif self._now() - queued.message.at > OLDEST_S:
            self._outbox.give_up(queued.number, self._destination.key)
            waited = f"not accepted in {OLDEST_S / 3600:.0f} h: {self._reason}"
            self._log(f"gave up message {queued.number} to {self.to}: {waited}")
        else:
            self.idle.clear()
            await self._try(queued)

    async def _try(self, queued: OutboxMessage) -> None:
        # The destination must know that it has missed something.
        lost, note = self._outbox.lost(self._destination.key), ""
        if lost:
            were = "was" if lost == 1 else "were"
            note = f"{counted(lost, 'earlier message')} never arrived here and {were} given up"
        self.at_rest.clear()
        try:
            await self._destination.deliver(queued, note)
        except NotDelivered as refusal:
            self.at_rest.set()
            self._failures += 1
            # Once per reason: an outage of a day must not fill a log.
            if str(refusal) != self._reason:
                self._reason = str(refusal)
                refused = f"message {queued.number} was not accepted by {self.to}: {self._reason}"
                self._log(f"{refused}; it will be tried again")
            await asyncio.sleep(self._pauses_s[min(self._failures, len(self._pauses_s)) - 1])
        else:
            self.at_rest.set()
            self._outbox.accepted(queued.number, self._destination.key)
            self._failures, self._reason = 0, ""
            self._log(f"delivered message {queued.number} to {self.to}: {queued.message.subject}")


# Signs of life for a dead man's switch: a request or a touched file, given only while the cluster is seen.

TIMEOUT_S = 5.0
# For the whole request, in however small pieces its answer comes.
DEADLINE_S = 15.0


class Heartbeat:
    """`beat` returns at once; trouble is logged once until it is over."""

    def __init__(self, url: AlertUrl | None, file: Path | None, log: Log) -> None:
        self._url, self._file, self._log = url, file, log
        self._asking: asyncio.Task[None] | None = None
        self._trouble = ""

    @property
    def configured(self) -> bool:
        return self._url is not None or self._file is not None

    def beat(self) -> None:
        if self._file is not None:
            try:
                self._file.touch(mode=0o600)
            except OSError as error:
                self._report(f"{self._file}: {error.strerror}")
            else:
                self._report("")
        if self._url is not None and (self._asking is None or self._asking.done()):
            self._asking = asyncio.create_task(self._ask(self._url), name="heartbeat")

    async def _ask(self, url: AlertUrl) -> None:
        try:
            # An answer that drips would be waited for without end, and nobody would get a sign of life.
            async with asyncio.timeout(DEADLINE_S):
                # In a thread: name resolution alone may take as long as it likes.
                self._report(await run_in_thread(partial(_get, url), "heartbeat"))
        except TimeoutError:
            self._report(f"no answer within {DEADLINE_S:g} s")

    def _report(self, trouble: str) -> None:
        if trouble != self._trouble:
            self._log(f"heartbeat: {trouble}" if trouble else "heartbeat: heard again")
        self._trouble = trouble


def _get(url: AlertUrl) -> str:
    """Empty, or why nobody answered as wished."""
    request = urllib.request.Request(url.bare, headers={"User-Agent": f"iamops-watch/{__version__}"})  # noqa: S310 - checked: http(s)
    if url.user is not None:
        # urllib would ask for the address of `user:password@host`, and pass a header of ours on to another host.
        credentials = base64.b64encode(":".join(url.user).encode()).decode("ascii")
        request.add_unredirected_header("Authorization", f"Basic {credentials}")
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310 - checked: http(s)
            answer.read(1024)
    except (OSError, ValueError, http.client.HTTPException) as error:
        return url.masked(f"{url.shown}: {error}")
    return ""
