"""What arrives on one SSH channel: a finished command's output, a running one's lines, a TCP stream.

Everything is bounded: output is capped, lines are cut, and a slow reader pauses the channel.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from typing import Any

import asyncssh

from iamops.nodes.ssh.command_line import Frame, status
from iamops.nodes.transport import CommandResult, TransportError

OUTPUT_LIMIT = 8 * 1024 * 1024
ERRORS_LIMIT = 64 * 1024
ERRORS_TAIL = 4096
LINE_LIMIT = 64 * 1024
INBOX_LIMIT = 1024 * 1024
NOISE_LIMIT = 4096
CLOSE_GRACE_S = 0.5

WhyLost = Callable[[Exception | None], TransportError]


class _Channel(asyncssh.SSHClientSession[bytes], asyncssh.SSHTCPSession[bytes]):
    """What every channel has: an end, and its reason."""

    def __init__(self, why_lost: WhyLost) -> None:
        self._why_lost = why_lost
        self._channel: Any = None
        self._wake = asyncio.Event()
        self.closed = False
        self.failure: TransportError | None = None
        self.exit_status: int | None = None
        self._answered = False

    def connection_made(self, chan: Any) -> None:
        self._channel = chan

    def exit_status_received(self, status: int) -> None:
        self.exit_status = status
        self._answered = True

    def exit_signal_received(self, signal: str, core_dumped: bool, msg: str, lang: str) -> None:
        self._answered = True

    def eof_received(self) -> bool:
        return True  # our half stays open: closing is the caller's decision

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        if exc is not None:
            self.failure = self._why_lost(exc)
        self._wake.set()

    async def _wait(self) -> None:
        """Returns when something has arrived or the channel is closed."""
        self._wake.clear()
        await self._wake.wait()

    async def _wait_closed(self) -> None:
        """The command has ended: its channel is about to close, unless something else holds it open."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_GRACE_S):
                while not self.closed:
                    await self._wait()


class ChannelOutput(_Channel):
    """Collects the output of a command that ends. `overflow`: it was more than allowed."""

    def __init__(self, why_lost: WhyLost, frame: Frame, limit: int = OUTPUT_LIMIT) -> None:
        super().__init__(why_lost)
        self._frame = frame
        self._limit = limit
        self._stdout = bytearray()
        self._stderr = bytearray()
        self.overflow = False

    def data_received(self, data: bytes, datatype: asyncssh.DataType) -> None:
        if datatype is not None:
            self._stderr += data[: ERRORS_LIMIT - len(self._stderr)]
        elif len(self._stdout) + len(data) > self._limit:
            self.overflow = True
        else:
            self._stdout += data
        self._wake.set()

    @property
    def complete(self) -> bool:
        """Whether the ends of both streams have arrived."""
        return self._frame.ended_in(self._stdout) and self._frame.ended_in(self._stderr)

    async def ended(self) -> None:
        """Returns at the command's end, or as soon as its output is too long.

        What a login shell left running may hold the channel open: it is not waited for.
        """
        while not (self.closed or self.overflow or self.complete):
            await self._wait()
        if not self.overflow:
            await self._wait_closed()
        if self.closed and not (self._answered or self.complete):
            raise self.failure or self._why_lost(None)

    def result(self, argv: tuple[str, ...]) -> CommandResult | None:
        """What the command itself wrote, and how it ended; None if it did not run to its end."""
        return self._frame.read(bytes(self._stdout), bytes(self._stderr), argv)

    @property
    def opened(self) -> bool:
        """Whether sshd has opened the session."""
        return self._channel is not None

    @property
    def begun(self) -> bool:
        return self._frame.begin in self._stdout

    @property
    def errors(self) -> bytes:
        return self._frame.errors(bytes(self._stderr))

    @property
    def noise(self) -> bytes:
        """The login shell's own output."""
        return self._frame.noise(bytes(self._stdout), bytes(self._stderr))


class _Inbox(_Channel):
    """Bytes that have arrived and were not taken; a full inbox pauses the channel."""

    def __init__(self, why_lost: WhyLost) -> None:
        super().__init__(why_lost)
        self._chunks: deque[bytes] = deque()
        self.size = 0
        self._paused = False
        self._stderr = b""
        self._at_end = False

    def data_received(self, data: bytes, datatype: asyncssh.DataType) -> None:
        if datatype is not None:
            self._stderr = (self._stderr + data)[-ERRORS_TAIL:]
            return
        self._chunks.append(data)
        self.size += len(data)
        if self.size > INBOX_LIMIT and not self._paused:
            self._paused = True
            self._channel.pause_reading()
        self._wake.set()

    def eof_received(self) -> bool:
        self._at_end = True
        self._wake.set()
        return True

    def _take(self) -> bytes:
        chunk = self._chunks.popleft()
        self.size -= len(chunk)
        if self._paused and self.size < INBOX_LIMIT // 2:
            self._paused = False
            self._channel.resume_reading()
        return chunk


class ChannelLines(_Inbox):
    """A LineStream: the lines of a running command. One reader only."""

    def __init__(self, why_lost: WhyLost, argv: tuple[str, ...], frame: Frame) -> None:
        super().__init__(why_lost)
        self._argv = argv
        self._frame = frame
        self._ready: deque[bytes] = deque()
        self._rest = b""
        self._cutting = False
        self._before = b""
        self._status: int | None = None
        self.begun = False
        self._over = False

    async def started(self) -> bool:
        """Waits for the command's beginning. False: the channel is closed, and it never began."""
        while not (self.begun or self.closed):
            await self._wait()
        return self.begun

    @property
    def noise(self) -> bytes:
        return self._frame.noise(self._before, self._stderr)

    @property
    def ending(self) -> CommandResult | None:
        if not (self._over or self._answered):
            return None
        return CommandResult(self._argv, self._status, b"", self._frame.errors(self._stderr))

    def data_received(self, data: bytes, datatype: asyncssh.DataType) -> None:
        """Takes the command's output only: what comes before its beginning is the login shell's."""
        if datatype is None and not self.begun:
            self._before, began, data = (self._before + data).partition(self._frame.begin)
            if not began:
                self._before = self._before[-NOISE_LIMIT:]
                return
            self.begun = True
            self._wake.set()
        if data and not (self._over and datatype is None):
            super().data_received(data, datatype)

    async def write(self, chunk: bytes) -> None:
        """Hands bytes to the command. Raises TransportError once the channel is closed."""
        if self.closed:
            raise self.failure or self._why_lost(None)
        try:
            self._channel.write(chunk)
        except OSError:
            # Its end has arrived, and was not processed yet.
            raise self.failure or self._why_lost(None) from None

    def __aiter__(self) -> ChannelLines:
        return self

    async def __anext__(self) -> bytes:
        while not self._ready:
            if self._chunks:
                self._split(self._take())
            elif self.closed:
                self._last()
            elif self._over:
                await self._wait_closed()
                self._last()
            else:
                await self._wait()
        return self._ready.popleft()

    def _split(self, chunk: bytes) -> None:
        if self._over:
            return
        arrived, over, after = (self._rest + chunk).partition(self._frame.end)
        if over:
            self._status, self._over = status(after), True
        *lines, self._rest = arrived.split(b"\n")
        if self._cutting and lines:
            # The head of this line was returned when it grew too long; this is the rest of it.
            del lines[0]
            self._cutting = False
        if self._cutting:
            self._rest = b""
        elif len(self._rest) > LINE_LIMIT:
            lines.append(self._rest[:LINE_LIMIT])
            self._rest, self._cutting = b"", True
        self._ready.extend(line[:LINE_LIMIT] for line in lines)

    def _last(self) -> None:
        """The end: a last line without a newline first, then the reason if the connection was lost."""
        if self._rest:
            self._ready.append(self._rest)
            self._rest = b""
        elif self._over or self._answered:
            raise StopAsyncIteration
        else:
            raise self.failure or self._why_lost(None)


class ChannelBytes(_Inbox):
    """A ByteStream: a TCP connection made from the node, or one that a command there keeps for us."""

    noise = b""

    async def read(self, limit: int) -> bytes:
        while not self._chunks:
            if self.failure is not None:
                raise self.failure
            if self.closed or self._at_end:
                return b""
            await self._wait()
        chunk = self._take()
        if len(chunk) > limit:
            self._chunks.appendleft(chunk[limit:])
            self.size += len(chunk) - limit
        return chunk[:limit]

    async def passed(self, mark: bytes) -> bool:
        """Leaves out everything up to a mark. False: the end came first."""
        seen = b""
        while chunk := await self.read(INBOX_LIMIT):
            _, found, after = (seen + chunk).partition(mark)
            if found:
                if after:
                    self._chunks.appendleft(after)
                    self.size += len(after)
                return True
            seen = (seen + chunk)[-NOISE_LIMIT:]
        self.noise = seen
        return False

    async def write(self, chunk: bytes) -> None:
        """Hands bytes to the connection. Raises ConnectionError when the far end is gone."""
        if self.failure is not None:
            raise self.failure
        self._channel.write(chunk)

    def close(self) -> None:
        self._channel.abort()

    @property
    def complaint(self) -> str:
        """The last error of the command that keeps the connection."""
        return self._stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
