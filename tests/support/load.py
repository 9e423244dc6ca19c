"""A steady load from a process of its own: `python -m tests.support.load ADDRESS HOST PATH RATE SECONDS`.

An open loop: requests are due at fixed times whether the ones before were answered or not, each on a
connection of its own. Bounded in rate and time. Prints JSON: sent, good, and every failure by what it was.
"""

from __future__ import annotations

import collections
import contextlib
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

THREADS = 16
MAX_RATE, MAX_SECONDS = 1000, 300
TIMEOUT_S = 5.0


def one(address: str, head: bytes) -> str:
    """`200`, another status, or what went wrong."""
    try:
        with socket.create_connection((address, 80), timeout=TIMEOUT_S) as connection:
            connection.sendall(head)
            answer = b""
            while part := connection.recv(4096):
                answer += part
    except OSError as error:
        return type(error).__name__
    return answer[9:12].decode("ascii", "replace") if answer.startswith(b"HTTP/1.") else "no answer"


def main(argv: list[str]) -> None:
    address, host, path, rate, seconds = argv[0], argv[1], argv[2], int(argv[3]), float(argv[4])
    assert 0 < rate <= MAX_RATE
    assert 0 < seconds <= MAX_SECONDS
    head = f"GET {path} HTTP/1.0\r\nHost: {host}\r\nUser-Agent: load\r\n\r\n".encode()
    found: collections.Counter[str] = collections.Counter()
    guard, began, stop = threading.Lock(), time.monotonic() + 0.1, threading.Event()

    def work(first: int) -> None:
        number = first
        while (due := began + number / rate) < began + seconds and not stop.is_set():
            time.sleep(max(0.0, due - time.monotonic()))
            said = one(address, head)
            with guard:
                found[said] += 1
            number += THREADS

    threads = [threading.Thread(target=work, args=(first,)) for first in range(THREADS)]
    for thread in threads:
        thread.start()
    threading.Thread(target=lambda: (sys.stdin.read(), stop.set()), daemon=True).start()
    for thread in threads:
        thread.join()
    took = time.monotonic() - began
    print(json.dumps({"sent": sum(found.values()), "answers": dict(found), "rate": sum(found.values()) / took}))


@dataclass
class Load:
    """What came of it, once it is over."""

    result: dict[str, Any] = field(default_factory=dict)

    @property
    def lost(self) -> dict[str, int]:
        return {said: count for said, count in self.result["answers"].items() if said != "200"}


@contextlib.contextmanager
def loading(address: str, host: str, *, namespace: str, rate: int = 500, path: str = "/healthz") -> Iterator[Load]:
    """Load as long as the context lasts, and never longer than five minutes."""
    command = [sys.executable, "-m", "tests.support.load", address, host, path, str(rate), str(MAX_SECONDS)]
    enter = ["ip", "netns", "exec", namespace]
    load = Load()
    with subprocess.Popen([*enter, *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        time.sleep(1.0)
        try:
            yield load
        finally:
            out, _ = process.communicate("", timeout=30)
            load.result = json.loads(out)


if __name__ == "__main__":
    main(sys.argv[1:])
