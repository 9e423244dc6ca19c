"""Keeps the parts of a session running: collectors, probes, watches, and blocking calls in threads of their own.

A part is a task or a thread of ours. What it fails of is a fault of iamops: nothing that a node sends may end a
part, and if it does, it costs that part's values for a moment. A part that fails is restarted, one that stands
still is reported.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from iamops.model.events import PartReported
from iamops.nodes.transport import Clock, CommandFailed, TransportError
from iamops.redact.clean import fault_of_ours

T = TypeVar("T")


async def run_in_thread(call: Callable[[], T], name: str) -> T:
    """What a blocking call returns or raises. A caller that is cancelled meanwhile does not wait for it.

    Not by the loop's own threads: those are waited for when the loop is closed and when the interpreter ends,
    so one resolver that hangs would hold up a command that has long had its answer.
    """
    loop = asyncio.get_running_loop()
    result: asyncio.Future[T] = loop.create_future()

    def settle(set_result: Callable[[], None]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has been closed: nobody listens
            loop.call_soon_threadsafe(lambda: None if result.done() else set_result())

    def run() -> None:
        try:
            value = call()
        except BaseException as error:
            settle(partial(result.set_exception, error))
        else:
            settle(partial(result.set_result, value))

    threading.Thread(target=run, name=name, daemon=True).start()
    return await result


# Goes on while the machine sleeps, unlike the monotonic clock of Linux. Other systems have only the latter.
CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def since_boot() -> float:
    """Seconds, sleep included."""
    return time.clock_gettime(CLOCK)


FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 30.0
# A part that has run this long without failing is well again.
WELL_AFTER_S = 45.0

Work = Callable[[], Awaitable[None]]
Emit = Callable[[PartReported], None]


def first_failure(failures: BaseExceptionGroup[TransportError]) -> TransportError:
    """Every task of a group fails when the link is lost; the first to notice speaks for all."""
    failure = failures.exceptions[0]
    return first_failure(failure) if isinstance(failure, BaseExceptionGroup) else failure


def reason_of(error: Exception) -> str:
    """Why a source is lost: a node's failure with its reason, everything else as a fault of ours."""
    return error.reason if isinstance(error, TransportError) else fault_of_ours(error)


def link_failure(error: Exception) -> TransportError | None:
    """The end of the connection, if that is what it is: also out of a group of tasks that all met it."""
    if isinstance(error, ExceptionGroup):
        return next((found for inner in error.exceptions if (found := link_failure(inner))), None)
    return error if isinstance(error, TransportError) and not isinstance(error, CommandFailed) else None


@dataclass(slots=True, eq=False)
class SupervisedPart:
    """One part and its health. `beat` may be called from any thread."""

    name: str
    node: str | None
    silent_after_s: float | None
    failing: bool = False
    still: bool = False
    _beaten_at: float = field(default_factory=time.monotonic)

    def beat(self) -> None:
        """A sign of life."""
        self._beaten_at = time.monotonic()

    @property
    def silent_s(self) -> float | None:
        """How long it has given no sign of life; None while that is no longer than it may take."""
        silent_s = time.monotonic() - self._beaten_at
        return silent_s if self.silent_after_s is not None and silent_s > self.silent_after_s else None


class Supervisor:
    """Restarts parts that fail and reports those that do or stand still. `emit` is called in the loop."""

    def __init__(self, emit: Emit, clock: Clock) -> None:
        self._emit, self._clock = emit, clock
        self._parts: dict[str, SupervisedPart] = {}

    def part(self, name: str, node: str | None = None, silent_after_s: float | None = None) -> SupervisedPart:
        """`silent_after_s`: a part without a beat for longer than that stands still."""
        self._parts[name] = SupervisedPart(name, node, silent_after_s)
        return self._parts[name]

    async def keep(
        self, part: SupervisedPart, work: Work, lost: Callable[[str], None] = lambda _reason: None
    ) -> None:
        """Runs `work` until it returns; where it fails, `lost` is given the reason, and it is run again.

        Raises TransportError where the node's connection has ended: the link makes a new one.
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

    def report_fault(self, name: str, error: BaseException) -> None:
        """Something failed outside all parts: nobody can restart it, and it is reported for a while."""
        if name not in self._parts:
            asyncio.get_running_loop().call_later(WELL_AFTER_S, self.ended, self.part(name))
        self.failed(self._parts[name], fault_of_ours(error))

    def ended(self, part: SupervisedPart) -> None:
        if self._parts.get(part.name) is part:
            del self._parts[part.name]
            self.well(part)

    def check(self) -> None:
        """Reports parts that stand still, or no longer do. Cheap: called often."""
        for part in tuple(self._parts.values()):
            silent_s = part.silent_s
            if silent_s is not None and not part.still:
                part.still = True
                reason = f"nothing came of it for {silent_s:.0f} s"
                self._emit(PartReported(self._clock(), part.name, part.node, reason, still=True))
            elif silent_s is None and part.still:
                part.still = False
                self._emit(PartReported(self._clock(), part.name, part.node, ""))


def session_clock() -> Clock:
    """A clock that starts at the wall time and advances with the time since boot, sleep included.

    An NTP step during a session must not make a value look fresh or stale, nor a suspended laptop hide its age.
    """
    offset_s = time.time() - since_boot()
    return lambda: since_boot() + offset_s
