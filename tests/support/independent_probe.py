"""A witness that shares no code with the product: one thread per request, blocking sockets, every 5 ms.

`python -m tests.support.independent_probe --address 10.0.4.99 --host iam.api.marmotedu.com --namespace NAME`
probes until its time is over or it gets SIGTERM, and prints its gaps as JSON. From a test: `with probing(...)`.
"""

from __future__ import annotations

import argparse
import ctypes
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

CLONE_NEWNET = 0x40000000
PATIENCE_S = 0.25
LONGEST_RUN_S = 600.0


class Witness:
    """Keeps (start, answered well, kind) of every attempt."""

    def __init__(self, address: str, port: int, host: str, path: str, patience_s: float = PATIENCE_S) -> None:
        self._to = (address, port)
        self._patience_s = patience_s
        self._request = f"GET {path} HTTP/1.0\r\nHost: {host}\r\nUser-Agent: witness\r\n\r\n".encode()
        self._seen: list[tuple[float, str]] = []

    def run(self, every_s: float, seconds: float, stop: threading.Event) -> None:
        began = due = time.monotonic()
        while time.monotonic() - began < seconds and not stop.is_set():
            threading.Thread(target=self._ask, args=(time.monotonic(),), daemon=True).start()
            due += every_s
            stop.wait(max(0.0, due - time.monotonic()))
        time.sleep(self._patience_s * 2)

    def _ask(self, started: float) -> None:
        kind = "dark"
        try:
            with socket.create_connection(self._to, timeout=self._patience_s) as connection:
                connection.settimeout(self._patience_s)
                connection.sendall(self._request)
                answer = connection.recv(256)
                kind = "good" if b" 200 " in answer.split(b"\r\n", 1)[0] else "wrong"
        except ConnectionRefusedError:
            kind = "refused"
        except OSError:
            pass
        if kind == "good" and time.monotonic() - started > self._patience_s:
            kind = "dark"
        self._seen.append((started, kind))

    def result(self) -> dict[str, Any]:
        """Gaps from the first failed start to the next good one, in milliseconds."""
        gaps: list[dict[str, Any]] = []
        seen = sorted(self._seen)
        began: int | None = None
        for number, (_, kind) in enumerate(seen):
            if kind != "good" and began is None:
                began = number
            elif kind == "good" and began is not None:
                gaps.append(_gap(seen, began, number))
                began = None
        if began is not None:
            gaps.append(_gap(seen, began, len(seen) - 1))
        return {"attempts": len(seen), "gaps": gaps}


def _gap(seen: Sequence[tuple[float, str]], began: int, ended: int) -> dict[str, Any]:
    """`longest_span_ms`: how long no attempt was made, at most, from the last good one before it on."""
    kinds = [kind for _, kind in seen[began : ended + 1]]
    counts = {kind: kinds.count(kind) for kind in ("refused", "dark", "wrong")}
    spans = [later[0] - earlier[0] for earlier, later in itertools.pairwise(seen[max(0, began - 1) : ended + 1])]
    first, last = seen[began][0], seen[ended][0]
    longest_ms = round(max(spans, default=0.0) * 1000, 1)
    return {
        "began": first,
        "duration_ms": round((last - first) * 1000, 1),
        "longest_span_ms": longest_ms,
        **counts,
    }


@contextmanager
def probing(
    address: str,
    host: str,
    *,
    namespace: str | None = None,
    port: int = 80,
    path: str = "/healthz",
    every_ms: float = 5.0,
    seconds: float = 60.0,
    patience_s: float = PATIENCE_S,
) -> Iterator[Probing]:
    """Probes from a process of its own while the context lasts; then `result` has what it saw.

    With a patience of seconds only failures count, and not how busy this machine is.
    """
    command = [sys.executable, "-m", "tests.support.independent_probe", "--address", address, "--host", host]
    command += ["--port", str(port), "--path", path, "--every-ms", str(every_ms), "--seconds", str(seconds)]
    command += ["--patience-s", str(patience_s)]
    command += ["--namespace", namespace] if namespace else []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        probe = Probing(process)
        probe.wait_ready()
        try:
            yield probe
        finally:
            probe.finish()


class Probing:
    """A witness at work. `result` is there once the context has been left."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.result: dict[str, Any] = {}

    def wait_ready(self) -> None:
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"

    def finish(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        out, _ = self._process.communicate(timeout=20)
        self.result = json.loads(out)

    @property
    def failed(self) -> int:
        """How many attempts got no good answer."""
        return sum(gap[kind] for gap in self.result["gaps"] for kind in ("refused", "dark", "wrong"))

    @property
    def longest_ms(self) -> float:
        return max((gap["duration_ms"] for gap in self.result["gaps"]), default=0.0)

    def known_within_ms(self, client: dict[str, Any], least_ms: float) -> float:
        """How far apart two measurements of one gap may be: it ends somewhere between two attempts, and a machine
        that stands still lets nobody make one. Each says of itself how long it went without around the gap.
        """
        longest = max(self.result["gaps"], key=lambda gap: gap["duration_ms"], default={"longest_span_ms": 0.0})
        return max(least_ms, client["resolution_ms"], longest["longest_span_ms"])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--address", required=True)
    parser.add_argument("--host", required=True)
    parser.add_argument("--namespace")
    parser.add_argument("--port", type=int, default=80)
    parser.add_argument("--path", default="/healthz")
    parser.add_argument("--every-ms", type=float, default=5.0)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--patience-s", type=float, default=PATIENCE_S)
    args = parser.parse_args()
    if args.namespace:
        handle = os.open(f"/run/netns/{args.namespace}", os.O_RDONLY)
        assert ctypes.CDLL(None, use_errno=True).setns(handle, CLONE_NEWNET) == 0
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    witness = Witness(args.address, args.port, args.host, args.path, args.patience_s)
    print("ready", flush=True)
    witness.run(args.every_ms / 1000, min(args.seconds, LONGEST_RUN_S), stop)
    print(json.dumps(witness.result()))


if __name__ == "__main__":
    main()
