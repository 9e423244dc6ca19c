"""What an idle console costs: its own CPU and memory, and the CPU it causes on a node."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.bench.startup import IAMOPS
from tests.bench.terminal import Terminal
from tests.bench.wakeups import wakeups

TICKS = os.sysconf("SC_CLK_TCK")
# A console compares the nodes' files for the first time five seconds after its start: that is no idling.
WARM_UP_S = 10.0


@dataclass(frozen=True, slots=True)
class Idle:
    """Shares of one core in percent; memory in MB (resident). The control's: see `wakeups`."""

    console_pct: float
    control_pct: float
    console_mb: float
    node_pct: dict[str, float]

    @property
    def controls(self) -> float:
        """How many controls cost as much CPU as the console does."""
        return self.console_pct / self.control_pct


def idle(seconds: float) -> Idle:
    """Watches a console that nobody touches. The node's share is the difference to a node without one."""
    before = _nodes_pct(seconds)
    terminal = Terminal([*IAMOPS, "--profile", "lab"])
    try:
        if terminal.painted(r"-> iam-[ab]", since=0, timeout_s=20) is None:
            raise RuntimeError("the console never showed an owner")
        time.sleep(WARM_UP_S)
        pid = terminal.process.pid
        with wakeups() as control:
            cpu, nodes, began = _process_ticks(pid), _all_nodes(), time.monotonic()
            control_cpu = _process_ticks(control)
            time.sleep(seconds)
            span = (time.monotonic() - began) * TICKS
            during = {n: 100 * (t - nodes[n]) / span for n, t in _all_nodes().items()}
            own = 100 * (_process_ticks(pid) - cpu) / span
            control_pct = 100 * (_process_ticks(control) - control_cpu) / span
        return Idle(own, control_pct, _resident_mb(pid), {n: during[n] - before[n] for n in during})
    finally:
        terminal.close()


def _nodes_pct(seconds: float) -> dict[str, float]:
    ticks, began = _all_nodes(), time.monotonic()
    time.sleep(seconds)
    span = (time.monotonic() - began) * TICKS
    return {node: 100 * (after - ticks[node]) / span for node, after in _all_nodes().items()}


def _all_nodes() -> dict[str, int]:
    """CPU ticks of every process in each node's network namespace, and of children they have buried."""
    spaces = {Path(f"/run/netns/iamops-{n}").stat().st_ino: n for n in ("iam-a", "iam-b")}
    totals = dict.fromkeys(spaces.values(), 0)
    for pid in _pids():
        try:
            space = Path(f"/proc/{pid}/ns/net").stat().st_ino
            if space in spaces:
                totals[spaces[space]] += _process_ticks(pid, children=True)
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
    return totals


def _pids() -> Iterator[int]:
    return (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())


def _process_ticks(pid: int, *, children: bool = False) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(value) for value in fields[11 : 15 if children else 13])


def _resident_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0
