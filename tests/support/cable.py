"""A TCP proxy on 127.0.0.1 that can stop carrying anything without closing, and can be cut."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator


class Cable:
    """Carries bytes between its own port and another one of this machine."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._clear = asyncio.Event()
        self._clear.set()
        self._ends: list[asyncio.StreamWriter] = []
        self._carrying: set[asyncio.Task[None]] = set()
        self.port = 0
        self.connected = 0

    def freeze(self) -> None:
        """What is sent arrives nowhere; connections are still accepted, as by a stopped sshd."""
        self._clear.clear()

    def thaw(self) -> None:
        self._clear.set()

    def cut(self) -> None:
        for end in self._ends:
            end.transport.abort()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._carrying.add(task)
        task.add_done_callback(self._carrying.discard)
        self.connected += 1
        self._ends.append(writer)
        await self._clear.wait()
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
        self._ends.append(far_writer)
        await asyncio.gather(self._carry(reader, far_writer), self._carry(far_reader, writer))

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while chunk := await reader.read(65536):
                await self._clear.wait()
                writer.write(chunk)
                await writer.drain()
        writer.close()

    async def stop(self) -> None:
        """Cut ends make every carrier finish by itself."""
        self.thaw()
        while self._carrying:
            self.cut()
            await asyncio.wait(self._carrying, timeout=0.05)


@contextlib.asynccontextmanager
async def cable_to(port: int) -> AsyncIterator[Cable]:
    cable = Cable(port)
    server = await asyncio.start_server(cable._connect, "127.0.0.1", 0)
    cable.port = server.sockets[0].getsockname()[1]
    try:
        yield cable
    finally:
        server.close()
        await cable.stop()
        await server.wait_closed()
