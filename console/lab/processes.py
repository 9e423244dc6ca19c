"""The processes of a node, seen from the machine that carries it."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from console.lab import cgroups

PROC = Path("/proc")


def find_init(pids: Iterable[int], proc: Path = PROC) -> int | None:
    """The init of a container among its processes: pid 1 of a pid namespace below ours."""
    for pid in pids:
        # The pids of a process in each namespace it is in, ours first (proc(5)).
        seen = (_status_field(pid, "NSpid", proc) or "").split()
        if len(seen) > 1 and seen[-1] == "1":
            return pid
    return None


def parent_of(pid: int, proc: Path = PROC) -> int | None:
    """The pid of a process's parent."""
    parent = _status_field(pid, "PPid", proc)
    return int(parent) if parent else None


def init_of(group: str) -> int | None:
    """The init of the node whose processes are in this control group; None: it does not run."""
    return find_init(cgroups.members(group, cgroups.here()))


def kill_all(group: str, *, wait_s: float = 10.0) -> None:
    """Ends every process of a node at once, as a pulled plug would.

    The kernel kills a pid namespace with its init, so no process gets to react to another's death.
    """
    trees = cgroups.here()
    init = find_init(cgroups.members(group, trees))
    if init is not None:
        _signal(init, signal.SIGKILL)
    deadline = time.monotonic() + wait_s
    while (left := cgroups.members(group, trees)) and time.monotonic() < deadline:
        for pid in left:
            _signal(pid, signal.SIGKILL)
        time.sleep(0.01)


def ask_to_halt(group: str, *, wait_s: float) -> bool:
    """Asks a node's systemd to power off (SIGRTMIN+4). True when nothing of it is left in time."""
    init = init_of(group)
    if init is not None:
        _signal(init, signal.SIGRTMIN + 4)
    trees = cgroups.here()
    return wait_until(lambda: not cgroups.members(group, trees), wait_s=wait_s, every_s=0.02)


def wait_until(condition: Callable[[], bool], *, wait_s: float, every_s: float = 0.05) -> bool:
    """Waits for a condition of another process; False when it did not come true in time."""
    deadline = time.monotonic() + wait_s
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(every_s)
    return True


def _signal(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _status_field(pid: int, name: str, proc: Path) -> str | None:
    with contextlib.suppress(OSError):
        for line in (proc / str(pid) / "status").read_text(encoding="utf-8").splitlines():
            if line.startswith(f"{name}:"):
                return line.partition(":")[2].strip()
    return None
