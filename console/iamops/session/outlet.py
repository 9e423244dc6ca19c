"""Writes to a terminal or a pipe that may be slow, stalled or gone. Its caller never waits for it."""

from __future__ import annotations

import os
import select
import threading
import time
from collections import deque
from collections.abc import Callable

CHUNK = 4096
# Who has not taken in a quarter of a second what was there to be read is not keeping up.
SLOW_S = 0.25


class Outlet:
    """One file descriptor, written to by a thread of its own. Safe from any thread, not from a signal's handler.

    `failure`: why nothing is taken any more. `emptied` and `broken` are called from that thread: everything was
    taken; nobody will ever read again.
    """

    def __init__(
        self,
        descriptor: int,
        *,
        emptied: Callable[[], None] = lambda: None,
        broken: Callable[[], None] = lambda: None,
    ) -> None:
        self._descriptor = descriptor
        self._emptied, self._broken = emptied, broken
        self._backlog: deque[bytes] = deque()
        self._pending = 0
        self._waiting_since = float("inf")
        self._gone = self._closed = False
        self.failure: OSError | None = None
        self._changed = threading.Condition()
        # A daemon: whoever stands still in write(2) must not keep the process from ending.
        self._thread = threading.Thread(target=self._run, name="outlet", daemon=True)
        self._thread.start()

    @property
    def pending(self) -> int:
        """Bytes that were not taken yet."""
        return self._pending

    @property
    def closed(self) -> bool:
        """Nobody can read any more: the pipe is broken, or the terminal was closed."""
        return self._gone

    @property
    def behind(self) -> bool:
        """The reader is slower than we are: better to leave out what can be drawn again."""
        with self._changed:
            return self._gone or time.monotonic() - self._waiting_since > SLOW_S

    def write(self, data: bytes) -> None:
        """Takes all of it, at once. How much may wait is the caller's decision: `pending` and `behind` tell."""
        with self._changed:
            if self._gone or self._closed:
                return
            if not self._pending:
                self._waiting_since = time.monotonic()
            self._backlog.extend(data[at : at + CHUNK] for at in range(0, len(data), CHUNK))
            self._pending += len(data)
            self._changed.notify_all()

    def wait_empty(self, timeout_s: float) -> bool:
        """Waits until everything was taken. False: it was not, and may never be."""
        with self._changed:
            return self._changed.wait_for(lambda: self._gone or not self._pending, timeout_s) and not self._gone

    def close(self) -> None:
        """Takes nothing more. What waits is still written, if somebody reads it while the process lives."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    # --- the thread ---

    def _run(self) -> None:
        while (chunk := self._next()) is not None:
            try:
                taken = os.write(self._descriptor, chunk)
            except BlockingIOError:
                # Somebody who shares the descriptor has made it non-blocking.
                select.select([], [self._descriptor], [], 1.0)
            except OSError as failure:
                self.failure = failure
                self._give_up()
                return
            else:
                self._took(chunk, taken)

    def _next(self) -> bytes | None:
        with self._changed:
            self._changed.wait_for(lambda: self._backlog or self._closed)
            return self._backlog[0] if self._backlog else None

    def _took(self, chunk: bytes, taken: int) -> None:
        with self._changed:
            self._backlog.popleft()
            if taken < len(chunk):
                self._backlog.appendleft(chunk[taken:])
            self._pending -= taken
            if self._pending:
                return
            self._waiting_since = float("inf")
            self._changed.notify_all()
        self._emptied()

    def _give_up(self) -> None:
        with self._changed:
            self._gone = True
            self._backlog.clear()
            self._pending = 0
            self._changed.notify_all()
        self._broken()
