"""A Transport that follows a script: it fails on what it did not expect, and on what never came."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from iamops.nodes.transport import CommandResult, LinkLost, TransportError


@dataclass(frozen=True, slots=True)
class Run:
    """Expects `run(argv)`. `stdin` None accepts any input."""

    argv: tuple[str, ...]
    stdout: bytes = b""
    stderr: bytes = b""
    exit_status: int | None = 0
    stdin: bytes | None = None
    error: TransportError | None = None
    always: bool = False


@dataclass(frozen=True, slots=True)
class Stream:
    """Expects `stream(argv)`: its lines, then its end; with `stays` it waits for more from `say`."""

    argv: tuple[str, ...]
    lines: tuple[bytes, ...] = ()
    exit_status: int | None = 0
    stderr: bytes = b""
    stays: bool = False
    error: TransportError | None = None
    always: bool = False


@dataclass(frozen=True, slots=True)
class Tcp:
    """Expects `open_tcp(host, port)`. `replies` are handed out one per write; `greeting` comes unasked."""

    host: str
    port: int
    greeting: bytes = b""
    replies: tuple[bytes, ...] = ()
    error: TransportError | None = None
    always: bool = False


Step = Run | Stream | Tcp
S = TypeVar("S", Run, Stream, Tcp)


class ScriptedTransport:
    """Answers from its script. A step is used once unless it is `always`; those may also go unused.

    With `in_order` the calls must come exactly in the script's order. Unexpected calls raise
    AssertionError, and raise it again from `verify`, in case the code under test swallowed it.
    """

    def __init__(self, node: str, *script: Step, in_order: bool = False) -> None:
        self._node = node
        self._script = list(script)
        self._in_order = in_order
        self._unexpected: list[str] = []
        self._streams: dict[tuple[str, ...], ScriptedLines] = {}
        self._ended = asyncio.Event()
        self._reason: TransportError | None = None
        self.calls: list[str] = []

    @property
    def node(self) -> str:
        return self._node

    @property
    def heard_at(self) -> float:
        return time.monotonic()

    async def run(self, argv: Sequence[str], *, timeout_s: float, stdin: bytes = b"") -> CommandResult:
        step = self._next(Run, f"run {tuple(argv)!r}", lambda step: step.argv == tuple(argv))
        if step.stdin is not None and step.stdin != stdin:
            raise self._surprise(f"run {tuple(argv)!r} with stdin {stdin!r} instead of {step.stdin!r}")
        return CommandResult(step.argv, step.exit_status, step.stdout, step.stderr)

    @contextlib.asynccontextmanager
    async def stream(self, argv: Sequence[str], *, feed: bool = False) -> AsyncIterator[ScriptedLines]:
        step = self._next(Stream, f"stream {tuple(argv)!r}", lambda step: step.argv == tuple(argv))
        lines = self._streams[step.argv] = ScriptedLines(step)
        try:
            yield lines
        finally:
            del self._streams[step.argv]

    async def open_tcp(self, host: str, port: int, *, timeout_s: float) -> ScriptedBytes:
        step = self._next(Tcp, f"tcp {host}:{port}", lambda step: (step.host, step.port) == (host, port))
        return ScriptedBytes(step)

    async def wait_closed(self) -> TransportError | None:
        await self._ended.wait()
        return self._reason

    async def close(self) -> None:
        """Ends the connection, and fails if the script was not played to its end."""
        self._ended.set()
        self.verify()

    # --- for the test that holds it ---

    def say(self, argv: Sequence[str], line: bytes) -> None:
        """Lets a running stream speak one more line."""
        self._streams[tuple(argv)].say(line)

    def drop(self, error: TransportError | None = None) -> None:
        """Cuts the connection: every stream fails, and so does whoever waits for the end."""
        self._reason = error or LinkLost(self._node, "cut by the script", "none")
        for lines in self._streams.values():
            lines.cut(self._reason)
        self._ended.set()

    def verify(self) -> None:
        """Raises AssertionError for every call that was not in the script, and every step that was not called."""
        missing = [f"never called: {step}" for step in self._script if not step.always]
        problems = [*(f"unexpected: {call}" for call in self._unexpected), *missing]
        if problems:
            raise AssertionError(f"{self._node}: " + "; ".join(problems))

    def _next(self, kind: type[S], what: str, fits: Callable[[S], bool]) -> S:
        """The step for this call, taken from the script unless it is `always`."""
        self.calls.append(what)
        if self._reason is not None:
            raise self._reason
        for step in self._script:
            if isinstance(step, kind) and fits(step):
                if not step.always:
                    self._script.remove(step)
                if step.error is not None:
                    raise step.error
                return step
            if self._in_order and not step.always:
                break
        raise self._surprise(what)

    def _surprise(self, what: str) -> AssertionError:
        self._unexpected.append(what)
        return AssertionError(f"{self._node}: unexpected: {what}")


class ScriptedLines:
    """The LineStream of a Stream step."""

    def __init__(self, step: Stream) -> None:
        self._step = step
        self._waiting: asyncio.Queue[bytes | TransportError | None] = asyncio.Queue()
        for line in step.lines:
            self._waiting.put_nowait(line)
        if not step.stays:
            self._waiting.put_nowait(None)
        self.ending: CommandResult | None = None
        self.written: list[bytes] = []

    def say(self, line: bytes) -> None:
        self._waiting.put_nowait(line)

    async def write(self, chunk: bytes) -> None:
        self.written.append(chunk)

    def cut(self, why: TransportError) -> None:
        self._waiting.put_nowait(why)

    def __aiter__(self) -> ScriptedLines:
        return self

    async def __anext__(self) -> bytes:
        match await self._waiting.get():
            case bytes() as line:
                return line
            case None:
                self.ending = CommandResult(self._step.argv, self._step.exit_status, b"", self._step.stderr)
                raise StopAsyncIteration
            case why:
                raise why


class ScriptedBytes:
    """The ByteStream of a Tcp step. Ends when the script has nothing more to say."""

    def __init__(self, step: Tcp) -> None:
        self._unread = step.greeting
        self._replies = list(step.replies)
        self.written: list[bytes] = []
        self.closed = False

    async def read(self, limit: int) -> bytes:
        chunk, self._unread = self._unread[:limit], self._unread[limit:]
        return chunk

    async def write(self, chunk: bytes) -> None:
        self.written.append(chunk)
        if self._replies:
            self._unread += self._replies.pop(0)

    def close(self) -> None:
        self.closed = True
