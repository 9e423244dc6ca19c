"""Waiting on through a Ctrl-C: what is over is still reported, and nobody who wants to leave waits for long."""

from __future__ import annotations

import asyncio
import os
import traceback
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from iamops.redact.clean import without_secrets

if TYPE_CHECKING:
    from iamops.model.state import ClusterState
    from iamops.session.store import Store

T = TypeVar("T")


class WaitThrough:
    """A cancellation ends no wait here. After the first one, looks have `rest_s` seconds left, all together.

    They begin with the first look: what is being undone meanwhile takes the time it takes.
    """

    def __init__(self, rest_s: float) -> None:
        self._rest_s = rest_s
        self._until: float | None = None
        self.tried = False

    async def ended(self, task: asyncio.Future[T]) -> T:
        """What comes of it, however long that takes. Raises what it raises."""
        while not task.done():
            try:
                await asyncio.wait({task})
            except asyncio.CancelledError:
                self.tried = True
        return task.result()

    async def check(self, work: Awaitable[T]) -> T | None:
        """What it finds; None when no time was left for it. Raises what it raises."""
        task = asyncio.ensure_future(work)
        while not task.done():
            try:
                done, _ = await asyncio.wait({task}, timeout=self._left_s() if self.tried else None)
            except asyncio.CancelledError:
                self.tried = True
                continue
            if not done:
                # Nobody asks any more what came of it.
                task.add_done_callback(lambda task: task.cancelled() or task.exception())
                task.cancel()
                return None
        return task.result()

    def _left_s(self) -> float:
        now = asyncio.get_running_loop().time()
        if self._until is None:
            self._until = now + self._rest_s
        return max(0.0, self._until - now)


async def wait_for(store: Store, holds: Callable[[ClusterState], bool], timeout_s: float) -> bool:
    """Returns at the next event after which it holds; False after the timeout."""
    done = asyncio.Event()
    unsubscribe = store.subscribe(lambda state, _event: done.set() if holds(state) else None)
    try:
        async with asyncio.timeout(timeout_s):
            await done.wait()
    except TimeoutError:
        return False
    finally:
        unsubscribe()
    return True


# An error of our own as it is shown: its text without secrets, and a traceback on request.

HINT = "this is a bug in iamops; run again with IAMOPS_DEBUG=1 and report what it prints"


def fault_text(error: BaseException) -> str:
    """A sentence and what to do about it. No values of variables: they are what nodes sent, and passwords."""
    return f"{type(error).__name__}: {without_secrets(str(error))}\n{HINT}"


def traceback_of(error: BaseException) -> str:
    """Where it came from, if IAMOPS_DEBUG=1 asks for it; else an empty text."""
    if not os.environ.get("IAMOPS_DEBUG"):
        return ""
    return without_secrets("".join(traceback.format_exception(error)))
