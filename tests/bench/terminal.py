"""A program in a pseudo-terminal, and the moment at which a text reaches its screen."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Mapping, Sequence

_ESCAPES = re.compile(rb"\x1b(?:\[[0-9;?<>=]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[()][0-9A-Za-z]|[=>78])")

# Longer than a frame of the console, so that two keys are not painted as one.
SETTLES_S = 0.2


class Terminal:
    """Runs argv on a pty of a given size. A thread reads what it paints and stamps each chunk's arrival."""

    def __init__(
        self, argv: Sequence[str], *, columns: int = 120, rows: int = 40, env: Mapping[str, str] | None = None
    ) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.started = time.time()
        terminal = {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
        self.process = subprocess.Popen(
            list(argv),
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            env={**os.environ, **terminal, **(env or {})},
        )
        os.close(slave)
        self._chunks: list[tuple[float, str]] = []
        self._arrived = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def send(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def painted(self, pattern: str, *, since: float, timeout_s: float) -> float | None:
        """When (epoch s) a text matching `pattern` was painted after `since`; None if it never was."""
        wanted, deadline = re.compile(pattern), time.time() + timeout_s
        checked = 0
        with self._arrived:
            while True:
                for at, text in self._chunks[checked:]:
                    if at >= since and wanted.search(text):
                        return at
                checked = len(self._chunks)
                if time.time() >= deadline or not self._arrived.wait(max(0.0, deadline - time.time())):
                    return None

    def press(self, keys: str, pattern: str) -> float:
        """Seconds from a keypress until what it asks for is on the screen."""
        pressed = time.time()
        self.send(keys)
        painted = self.painted(pattern, since=pressed, timeout_s=5)
        assert painted is not None, f"{keys!r} never showed {pattern!r}"
        return painted - pressed

    def keypress_s(self, presses: Mapping[str, str], leave: str = "") -> dict[str, float]:
        """The quickest of three rounds of each keypress; `leave` ends a round.

        One press is late wherever the machine was busy with something else in that moment.
        """
        rounds: list[dict[str, float]] = []
        for _ in range(3):
            rounds.append({keys: self.press(keys, pattern) for keys, pattern in presses.items()})
            self.send(leave)
            time.sleep(SETTLES_S)
        return {keys: min(each[keys] for each in rounds) for keys in presses}

    def close(self) -> None:
        """Ends the program and everything it started."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(5)
        self._reader.join(2)
        os.close(self._master)

    def _read(self) -> None:
        while True:
            ready, _, _ = select.select([self._master], [], [], 0.5)
            if not ready:
                if self.process.poll() is not None:
                    return
                continue
            try:
                chunk = os.read(self._master, 1 << 16)
            except OSError:
                return
            at, text = time.time(), _ESCAPES.sub(b"", chunk).decode("utf-8", "replace")
            with self._arrived:
                self._chunks.append((at, text))
                self._arrived.notify_all()
