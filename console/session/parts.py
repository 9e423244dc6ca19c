"""The parts of a session: kept alive by a supervisor, and told of in the state they bring their values to."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import Any

from console.nodes.supervisor import Supervisor

CHECK_EVERY_S = 2.0


class Parts(Supervisor):
    """The session's supervisor, and what fails beside all parts."""

    def unexpected(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """An error that nobody waits for, in a callback or a forgotten task: a finding, and no traceback."""
        error = context.get("exception")
        if isinstance(error, Exception):
            # Telling it may fail of the same thing; then there is nobody left to tell.
            with contextlib.suppress(Exception):
                self.noted("something beside the parts", error)
        if loop.get_debug():
            loop.default_exception_handler(context)

    def not_shown(self, error: Exception) -> None:
        """A listener of the state has failed."""
        self.noted("showing what is known", error)

    def begin(self, name: str, work: Callable[[], Coroutine[Any, Any, None]]) -> asyncio.Task[None]:
        """A part in a task of its own."""
        return asyncio.create_task(self.keep(self.part(name), work), name=name)

    async def watch(self) -> None:
        """Looks for parts that stand still."""
        while True:
            self.check()
            await asyncio.sleep(CHECK_EVERY_S)
