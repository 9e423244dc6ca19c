"""A node whose log reader says what it likes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager

from iamops.nodes.transport import CommandResult, LinkLost


class TalkingNode:
    """A node whose log reader says what it likes. `heard`: how many lines were taken."""

    node = "iam-b"

    def __init__(self, says: Callable[[bytes], Iterator[bytes]], *, hangs: bool = False) -> None:
        self._says, self._hangs = says, hangs
        self._lines: Iterator[bytes] = iter(())
        self.heard = 0
        self.closed = False
        self.ending: CommandResult | None = None

    @asynccontextmanager
    async def stream(self, argv: tuple[str, ...], *, feed: bool = False) -> AsyncIterator[TalkingNode]:
        try:
            yield self
        finally:
            self.closed = True

    async def write(self, data: bytes) -> None:
        if self.ending is not None:
            raise LinkLost(self.node, "closed", "")
        if data.count(b" ") == 0:
            self._lines = self._says(data.strip())

    def __aiter__(self) -> TalkingNode:
        return self

    async def __anext__(self) -> bytes:
        self.heard += 1
        found = next(self._lines, None)
        if found is None and self._hangs:
            await asyncio.Event().wait()
        if found is None:
            raise StopAsyncIteration
        return found


def endless(line: bytes) -> Callable[[bytes], Iterator[bytes]]:
    def says(_: bytes) -> Iterator[bytes]:
        while True:
            yield line

    return says
