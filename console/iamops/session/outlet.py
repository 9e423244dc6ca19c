"""Writes to a terminal or a pipe that may be slow, stalled or gone. Its caller never waits for it."""

from __future__ import annotations

import os
import select
import threading
import time
from collections import deque
from collections.abc import Callable

CHUNK = 4096
# A reader that has not taken in a quarter of a second what was there to be read is not keeping up.
SLOW_S = 0.25


class Outlet:
    """One file descriptor, written to by a thread of its own. Safe from any thread, not from a signal's handler.

    `failure`: why nothing is taken any more. `emptied` and `broken` are called from that thread: everything was
    taken; nobody will ever read again. `pending`: bytes that were not taken yet. `closed`: nobody can read any
    more, since the pipe is broken, or the terminal was closed.
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
        self._waiting_since = float("inf")
        self._ending = False
        self.pending = 0
        self.closed = False
        self.failure: OSError | None = None
        self._changed = threading.Condition()
        # A daemon: a thread that stands still in write(2) must not keep the process from ending.
        self._thread = threading.Thread(target=self._run, name="outlet", daemon=True)
        self._thread.start()

    @property
    def behind(self) -> bool:
        """The reader is slower than we are: better to leave out what can be drawn again."""
        with self._changed:
            return self.closed or time.monotonic() - self._waiting_since > SLOW_S

    def write(self, data: bytes) -> None:
        """Takes all of it, at once. How much may wait is the caller's decision: see `pending` and `behind`."""
        with self._changed:
            if self.closed or self._ending:
                return
            if not self.pending:
                self._waiting_since = time.monotonic()
            self._backlog.extend(data[at : at + CHUNK] for at in range(0, len(data), CHUNK))
            self.pending += len(data)
            self._changed.notify_all()

    def wait_empty(self, timeout_s: float) -> bool:
        """Waits until everything was taken. False: it was not, and may never be."""
        with self._changed:
            return self._changed.wait_for(lambda: self.closed or not self.pending, timeout_s) and not self.closed

    def close(self) -> None:
        """Takes nothing more. What waits is still written, if somebody reads it while the process lives."""
        with self._changed:
            self._ending = True
            self._changed.notify_all()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._backlog or self._ending)
                if not self._backlog:
                    return
                chunk = self._backlog[0]
            try:
                taken = os.write(self._descriptor, chunk)
            except BlockingIOError:
                # Another process that shares the descriptor has made it non-blocking.
                select.select([], [self._descriptor], [], 1.0)
            except OSError as failure:
                self.failure = failure
                with self._changed:
                    self.closed = True
                    self._backlog.clear()
                    self.pending = 0
                    self._changed.notify_all()
                self._broken()
                return
            else:
                self._took(chunk, taken)

    def _took(self, chunk: bytes, taken: int) -> None:
        with self._changed:
            self._backlog.popleft()
            if taken < len(chunk):
                self._backlog.appendleft(chunk[taken:])
            self.pending -= taken
            if self.pending:
                return
            self._waiting_since = float("inf")
            self._changed.notify_all()
        self._emptied()
