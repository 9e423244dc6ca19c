"""A control group per node. Its members are the node's processes: the process table cannot lie as a
pid file does after a crash, and killing by membership never hits anyone else.
"""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import dataclass
from pathlib import Path

from console.lab.errors import LabImpossible


@dataclass(frozen=True, slots=True)
class Hierarchies:
    """The control group trees of this machine. Members are looked up in `tracking` alone."""

    tracking: Path
    others: tuple[Path, ...] = ()

    @property
    def every(self) -> tuple[Path, ...]:
        return (self.tracking, *self.others)


def hierarchies(mounts: str) -> Hierarchies:
    """Reads /proc/self/mounts. Tracking is the v2 tree, or systemd's own where there is only v1.

    cpuset is left out: a new group there has no processors until someone gives it some.
    """
    rows = [line.split()[1:4] for line in mounts.splitlines()]
    second = [Path(where) for where, kind, _ in rows if kind == "cgroup2"]
    first = {Path(where): options.split(",") for where, kind, options in rows if kind == "cgroup"}
    named = [tree for tree, options in first.items() if "name=systemd" in options]
    rest = [tree for tree, options in first.items() if "cpuset" not in options]
    trees = tuple(dict.fromkeys([*second, *named, *rest]))
    if not trees:
        raise LabImpossible("no control groups are mounted", "mount cgroup2 on /sys/fs/cgroup")
    return Hierarchies(trees[0], trees[1:])


def here() -> Hierarchies:
    return hierarchies(Path("/proc/self/mounts").read_text(encoding="utf-8"))


def create(group: str, trees: Hierarchies) -> tuple[Path, ...]:
    """Makes the group in every tree; returns the files a process writes itself into to join it."""
    for tree in trees.every:
        (tree / group).mkdir(parents=True, exist_ok=True)
    return tuple(tree / group / "cgroup.procs" for tree in trees.every)


def members(group: str, trees: Hierarchies) -> tuple[int, ...]:
    """Every process in the group or below it."""
    found: set[int] = set()
    # Groups come and go while we look; os.walk does not mind.
    for directory, _, _ in os.walk(trees.tracking / group):
        with contextlib.suppress(OSError):
            found.update(int(pid) for pid in Path(directory, "cgroup.procs").read_text("ascii").split())
    # 0 stands for a process outside our own pid namespace.
    return tuple(sorted(found - {0}))


def freeze(group: str, trees: Hierarchies, *, frozen: bool, wait_s: float = 5.0) -> bool:
    """Stands all members still at once, or lets them go on. False: it did not come to pass in time.

    Signals would miss what is being forked meanwhile. Raises LabImpossible without cgroup v2.
    """
    switch = trees.tracking / group / "cgroup.freeze"
    if not switch.exists():
        raise LabImpossible("freezing needs cgroup v2", "use power-off or cable instead")
    switch.write_text("1" if frozen else "0", encoding="ascii")
    deadline = time.monotonic() + wait_s
    while is_frozen(group, trees) != frozen and time.monotonic() < deadline:
        time.sleep(0.01)
    return is_frozen(group, trees) == frozen


def is_frozen(group: str, trees: Hierarchies) -> bool:
    events = trees.tracking / group / "cgroup.events"
    return events.exists() and "frozen 1" in events.read_text(encoding="ascii").splitlines()


def remove(group: str, trees: Hierarchies, *, wait_s: float = 1.0) -> None:
    """Removes the emptied group. A process just killed can hold its group for a moment."""
    deadline = time.monotonic() + wait_s
    while not all(_remove_below(tree / group) for tree in trees.every) and time.monotonic() < deadline:
        time.sleep(0.01)


def _remove_below(group: Path) -> bool:
    for directory, _, _ in os.walk(group, topdown=False):
        with contextlib.suppress(OSError):
            os.rmdir(directory)
    with contextlib.suppress(OSError):
        # The lab's own group goes with its last node.
        group.parent.rmdir()
    return not group.exists()
