"""Blocking calls in threads that nobody has to wait for."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import TypeVar

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
