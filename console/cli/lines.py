"""What a command that acts says: progress on stderr, its result on stdout. Saying it never holds up the action."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import sys
from typing import TextIO

from console.cli.output import Output
from console.session.outlet import Outlet

# More than this nobody reads later: what is new is left out until the reader has caught up.
PROGRESS_MAX = 64 * 1024
LOOK_S = 0.02
LAST_LINES_S = 0.3


class Lines:
    """One stream. As much of a file as `rich` needs in order to draw on it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._left_out = 0
        self._outlet: Outlet | None = None
        with contextlib.suppress(OSError, ValueError):
            self._outlet = Outlet(stream.fileno())

    def write(self, text: str) -> int:
        """Progress: left out while nobody reads."""
        if self._outlet is not None and self._outlet.pending > PROGRESS_MAX:
            self._left_out += text.count("\n")
            return len(text)
        if self._left_out:
            self.put(f"({self._left_out} lines were left out)\n")
            self._left_out = 0
        self.put(text)
        return len(text)

    def put(self, text: str) -> None:
        """Never left out, however late it is read. Nobody there to read it is no error of the action's."""
        if self._outlet is not None:
            self._outlet.write(text.encode(self._stream.encoding or "utf-8", "backslashreplace"))
            return
        with contextlib.suppress(OSError):
            self._stream.write(text)
            self._stream.flush()

    def flush(self) -> None:
        """Everything is on its way already."""

    def isatty(self) -> bool:
        return self._stream.isatty()

    async def taken(self, timeout_s: float = float("inf")) -> None:
        """Waits until everything was read, or nobody is left who could."""
        loop = asyncio.get_running_loop()
        until = loop.time() + timeout_s
        while self._outlet is not None and self._outlet.pending and loop.time() < until:  # noqa: ASYNC110 - a thread empties it
            await asyncio.sleep(LOOK_S)
        if self._outlet is not None and self._outlet.failure is not None and isinstance(self._stream, Output):
            self._stream.failed(self._outlet.failure)


@functools.cache
def lines(stream: TextIO) -> Lines:
    """One writer for each stream: two would fall into each other's lines."""
    return Lines(stream)


def tell(text: str) -> None:
    """What a person must know. A terminal that is slow, stalled or gone must not stop an action half-way."""
    lines(sys.stderr).put(f"{text}\n")


def tell_progress(text: str) -> None:
    """What nobody needs to read later."""
    lines(sys.stderr).write(f"{text}\n")


def say(text: str) -> None:
    """The result."""
    lines(sys.stdout).put(f"{text}\n")
