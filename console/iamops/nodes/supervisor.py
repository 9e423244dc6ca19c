"""Keeps the parts of a session going and says which have failed; blocking calls in threads that hold nobody up."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from iamops.model.events import PartReported
from iamops.nodes.transport import CommandFailed, TransportError
from iamops.redact.clean import fault_of_ours

T = TypeVar("T")


async def aside(call: Callable[[], T], name: str) -> T:
    """What a blocking call returns or raises. Who is cancelled meanwhile leaves it to itself.

    Not by the loop's own threads: those are waited for when the loop is closed and when the interpreter ends,
    so one resolver that hangs would hold up a command that has long had its answer.
    """
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[T] = loop.create_future()

    def tell(settle: Callable[[], None]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has been closed: nobody listens
            loop.call_soon_threadsafe(lambda: None if ended.done() else settle())

    def run() -> None:
        try:
            value = call()
        except BaseException as error:
            failure = error
            tell(lambda: ended.set_exception(failure))
        else:
            tell(lambda: ended.set_result(value))

    threading.Thread(target=run, name=name, daemon=True).start()
    return await ended


# A clock that goes on while the machine sleeps. Linux's monotonic clock stands still then.

# Only Linux has it; where there is none, the monotonic clock has to do.
CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def since_boot() -> float:
    """Seconds, sleep included."""
    return time.clock_gettime(CLOCK)


# Runs the parts of a session for ever: one that fails is begun again and told, one that stands still is told.
#
# A part is a task or a thread of ours: a collector, a probe, a watch. What it fails of is a fault of iamops:
# nothing that a node says may end a part, and if it does, it costs that part's values for a moment.

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 30.0
# A part that has run for so long without failing is well again.
WELL_AFTER_S = 45.0

Work = Callable[[], Awaitable[None]]
Emit = Callable[[PartReported], None]
Clock = Callable[[], float]


def reason_of(error: Exception) -> str:
    """Why a source is lost: a node's own trouble in its words, everything else as a fault of ours."""
    return error.reason if isinstance(error, TransportError) else fault_of_ours(error)


def link_failure(error: Exception) -> TransportError | None:
    """The end of the connection, if that is what it is: also out of a group of tasks that all met it."""
    if isinstance(error, ExceptionGroup):
        return next((found for each in error.exceptions if (found := link_failure(each))), None)
    lost = isinstance(error, TransportError) and not isinstance(error, CommandFailed)
    return error if lost else None  # type: ignore[return-value]  # a TransportError, as was just asked


class SupervisedPart:
    """One part and how it is. `beat` may be called from any thread."""

    def __init__(self, name: str, node: str | None, silent_after_s: float | None) -> None:
        self.name, self.node = name, node
        self.failing = self.still = False
        self._silent_after_s = silent_after_s
        self._beaten_at = time.monotonic()
        self._changing = threading.Lock()

    def beat(self) -> None:
        """It goes on."""
        with self._changing:
            self._beaten_at = time.monotonic()

    @property
    def silent_s(self) -> float | None:
        """For how long it has not gone on; None while that is no longer than it may take."""
        if self._silent_after_s is None:
            return None
        with self._changing:
            silent_s = time.monotonic() - self._beaten_at
        return silent_s if silent_s > self._silent_after_s else None


class Supervisor:
    """Keeps parts alive and tells of those that are not. `emit` is called in the loop."""

    def __init__(self, emit: Emit, clock: Clock) -> None:
        self._emit, self._clock = emit, clock
        self._parts: dict[str, SupervisedPart] = {}

    def part(self, name: str, node: str | None = None, silent_after_s: float | None = None) -> SupervisedPart:
        """`silent_after_s`: a part that beats more seldom than that stands still."""
        self._parts[name] = SupervisedPart(name, node, silent_after_s)
        return self._parts[name]

    async def keep(
        self, part: SupervisedPart, work: Work, lost: Callable[[str], None] = lambda _reason: None
    ) -> None:
        """Runs `work` until it ends by itself. What it fails of is told to `lost`, and it is begun again.

        Raises TransportError where the node's connection has ended: that is the link's to mend.
        """
        pause_s = FIRST_PAUSE_S
        well: asyncio.TimerHandle | None = None
        try:
            while True:
                try:
                    await work()
                    return
                except Exception as error:
                    if (failure := link_failure(error)) is not None:
                        raise failure from None
                    reason, ours = reason_of(error), not isinstance(error, CommandFailed)
                if well is not None and well.when() > asyncio.get_running_loop().time():
                    pause_s = min(LONGEST_PAUSE_S, pause_s * 2)
                else:
                    pause_s = FIRST_PAUSE_S
                if well is not None:
                    well.cancel()
                lost(reason)
                if ours:
                    self.failed(part, reason)
                await asyncio.sleep(pause_s)
                well = asyncio.get_running_loop().call_later(WELL_AFTER_S, self.well, part)
        finally:
            if well is not None:
                well.cancel()
            self.ended(part)

    def failed(self, part: SupervisedPart, reason: str) -> None:
        part.failing = True
        part.beat()
        self._emit(PartReported(self._clock(), part.name, part.node, reason))

    def well(self, part: SupervisedPart) -> None:
        if part.failing or part.still:
            part.failing = part.still = False
            self._emit(PartReported(self._clock(), part.name, part.node, ""))

    def noted(self, name: str, error: BaseException) -> None:
        """Something failed beside all parts: nobody can begin it again, and it is told for a while."""
        if name not in self._parts:
            asyncio.get_running_loop().call_later(WELL_AFTER_S, self.ended, self.part(name))
        self.failed(self._parts[name], fault_of_ours(error))

    def ended(self, part: SupervisedPart) -> None:
        """Nobody waits for this part any more."""
        if self._parts.get(part.name) is part:
            del self._parts[part.name]
            self.well(part)

    def check(self) -> None:
        """Looks whether every part still goes on; cheap, asked often."""
        for part in tuple(self._parts.values()):
            silent_s = part.silent_s
            if silent_s is not None and not part.still:
                part.still = True
                reason = f"nothing came of it for {silent_s:.0f} s"
                self._emit(PartReported(self._clock(), part.name, part.node, reason, still=True))
            elif silent_s is None and part.still:
                part.still = False
                self._emit(PartReported(self._clock(), part.name, part.node, ""))
