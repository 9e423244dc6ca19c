"""An independent witness of the kernel: `ip monitor` run inside each node's network namespace."""

from __future__ import annotations

import re
import subprocess
import threading
import time
from datetime import datetime

_LINE = re.compile(r"^\[(?P<stamp>[^\]]+)\] (?P<gone>Deleted )?\d+: \S+\s+inet (?P<address>[0-9.]+)")


class KernelWitness:
    """Notes (epoch s, present) for one address on one node, from the kernel's own events."""

    def __init__(self, node: str, address: str, namespace: str | None = None) -> None:
        argv = ["ip", "netns", "exec", namespace or f"iamops-{node}", "ip", "-ts", "-o", "monitor", "address"]
        self._process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
        self._address = address
        self._seen: list[tuple[float, bool]] = []
        self._arrived = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def gained(self, *, since: float, timeout_s: float) -> float | None:
        """When the node got the address after `since`; None if it did not in time."""
        deadline = time.time() + timeout_s
        with self._arrived:
            while True:
                for at, present in self._seen:
                    if present and at >= since:
                        return at
                if not self._arrived.wait(max(0.0, deadline - time.time())) and time.time() >= deadline:
                    return None

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(5)
        self._reader.join(5)
        if self._process.stdout:
            self._process.stdout.close()

    def _read(self) -> None:
        for line in self._process.stdout or ():
            match = _LINE.match(line)
            if match and match["address"] == self._address:
                at = datetime.fromisoformat(match["stamp"]).timestamp()
                with self._arrived:
                    self._seen.append((at, match["gone"] is None))
                    self._arrived.notify_all()
