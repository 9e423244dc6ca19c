"""A transport to this machine: streams are processes of our own, so that the node's side of a reader is real."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import NoReturn

from iamops.nodes.transport import CommandResult, ConnectFailed, LinkLost


class LocalLines:
    """The running output of a process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.answers = 0
        self.cut_after: int | None = None

    def __aiter__(self) -> LocalLines:
        return self

    async def __anext__(self) -> bytes:
        assert self._process.stdout is not None
        self.answers += 1
        if self.cut_after is not None and self.answers > self.cut_after:
            raise LinkLost("here", "cut by the test", "")
        line = await self._process.stdout.readline()
        if not line:
            raise StopAsyncIteration
        return line.removesuffix(b"\n")

    async def write(self, chunk: bytes) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(chunk)
        await self._process.stdin.drain()

    @property
    def ending(self) -> CommandResult | None:
        return None


class LocalTransport:
    """Only what a reader needs of a transport."""

    node = "here"

    async def open_tcp(self, host: str, port: int, *, timeout_s: float) -> NoReturn:
        """Nothing serves here."""
        raise ConnectFailed("here", f"{host}:{port}: nothing serves here", "none", refused=True)

    @asynccontextmanager
    async def stream(self, argv: Sequence[str], *, feed: bool = False) -> AsyncIterator[LocalLines]:
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(*argv, stdin=pipe, stdout=pipe, limit=2**24)
        try:
            yield LocalLines(process)
        finally:
            assert process.stdin is not None
            process.stdin.close()
            try:
                with suppress(TimeoutError):
                    await asyncio.wait_for(process.wait(), 5)
            finally:
                # Whoever reads may be cancelled once more right here.
                if process.returncode is None:
                    process.kill()
                await process.wait()
            # The pipe's end must be read, or the loop closes it too late and warns.
            assert process.stdout is not None
            await process.stdout.read()
