"""What a command that acts writes: progress to stderr, its result to stdout. Writing never holds up the action."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import functools
import sys
import threading
from collections.abc import Callable, Iterable
from typing import TextIO

from iamops.cli.output import ESCAPED, OutputStream
from iamops.model.text import one_line, safe_lines
from iamops.session.outlet import Outlet

# Nobody reads more than this later: what is new is left out until the reader has caught up.
PROGRESS_MAX = 64 * 1024
POLL_S = 0.02
LAST_LINES_S = 0.3


class LineWriter:
    """One stream, and the edge of what is written while an action or a watch runs: no control character, colour or
    hidden text passes.

    `note`: what stands, as soon as somebody reads again, for the lines that were left out. `broken` is called from
    another thread: nobody will ever read again.
    """

    def __init__(
        self,
        stream: TextIO,
        *,
        note: Callable[[int], str] = lambda count: f"({count} lines were left out)\n",
        most: int = PROGRESS_MAX,
        broken: Callable[[], None] = lambda: None,
    ) -> None:
        self._stream = stream
        self._note, self._most = note, most
        self._left_out = 0
        self._writing = threading.RLock()
        self._outlet: Outlet | None = None
        with contextlib.suppress(OSError, ValueError):
            self._outlet = Outlet(stream.fileno(), emptied=self._put_note, broken=broken)

    def write(self, text: str) -> int:
        """Progress: left out while nobody reads."""
        self.draw(safe_lines(text))
        return len(text)

    def draw(self, text: str) -> None:
        """Progress with our own cursor movements and colours, made harmless before these were added."""
        with self._writing:
            if self._outlet is not None and self._outlet.pending > self._most:
                self._left_out += text.count("\n")
            else:
                self._put_note()
                self._put(text)

    def put(self, text: str) -> None:
        """Never left out, however late it is read. That nobody reads it is no error of the action."""
        self._put(safe_lines(text))

    def _put(self, text: str) -> None:
        if self._outlet is not None:
            self._outlet.write(text.encode(self._stream.encoding or "utf-8", ESCAPED))
            return
        with contextlib.suppress(OSError):
            if isinstance(self._stream, OutputStream):
                self._stream.draw(text)
            else:
                self._stream.write(text)
            self._stream.flush()

    def flush(self) -> None:
        """Everything is on its way already."""

    def isatty(self) -> bool:
        return self._stream.isatty()

    async def drained(self, timeout_s: float = float("inf")) -> bool:
        """Waits until everything was read, or nobody is left who could. False: it took too long."""
        loop = asyncio.get_running_loop()
        until = loop.time() + timeout_s
        while self._waits and loop.time() < until:  # noqa: ASYNC110 - a thread empties it
            await asyncio.sleep(POLL_S)
        if self._outlet is not None and self._outlet.failure is not None:
            self._fail(self._outlet.failure)
        return not self._waits

    def give_up(self) -> None:
        """What was not read by now is lost."""
        if self._waits:
            self._fail(OSError(errno.ETIMEDOUT, "nobody read it"))

    @property
    def _waits(self) -> bool:
        outlet = self._outlet
        return outlet is not None and not outlet.closed and bool(outlet.pending or self._left_out)

    def _fail(self, failure: OSError) -> None:
        if isinstance(self._stream, OutputStream):
            self._stream.failed(failure)

    def _put_note(self) -> None:
        """Also in the outlet's thread, as soon as somebody reads again: no further line may come."""
        with self._writing:
            if self._left_out:
                self._put(self._note(self._left_out))
                self._left_out = 0


@functools.cache
def lines(stream: TextIO) -> LineWriter:
    """One writer for each stream: two would fall into each other's lines."""
    return LineWriter(stream)


def write_stderr(text: str) -> None:
    """What a person must know. A terminal that is slow, stalled or gone must not stop an action half-way."""
    lines(sys.stderr).put(f"{text}\n")


def write_stderr_lines(texts: Iterable[str]) -> None:
    """The same, a line for each text: no text can begin another line."""
    write_stderr("\n".join(map(one_line, texts)))


def write_progress(text: str) -> None:
    """What nobody needs to read later."""
    lines(sys.stderr).write(f"{one_line(text)}\n")


def write_stdout(text: str) -> None:
    """The result."""
    lines(sys.stdout).put(f"{text}\n")


def write_stdout_lines(texts: Iterable[str]) -> None:
    """The result, a line for each text: no text can begin another line."""
    write_stdout("\n".join(map(one_line, texts)))
