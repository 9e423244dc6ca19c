"""Deletes directory trees of ours, and never what someone mounted into them."""

from __future__ import annotations

import shutil
from pathlib import Path

from console.lab.command import run
from console.lab.errors import CommandFailed


def mounts_below(directory: Path, mounts: str) -> tuple[Path, ...]:
    """The mount points at or below a directory, the innermost and latest first.

    `mounts` is the text of /proc/self/mounts, where a space in a path is written \\040.
    """
    points = [Path(line.split()[1].replace("\\040", " ")) for line in mounts.splitlines()]
    return tuple(point for point in reversed(points) if point == directory or directory in point.parents)


def unmount_below(directory: Path) -> None:
    """Unmounts everything at or below a directory. Raises CommandFailed if something is in use."""
    for point in mounts_below(directory, _mounts()):
        run(["umount", str(point)])


def delete(directory: Path) -> None:
    """Deletes a tree, after unmounting what is in it. A killed mmdebstrap leaves /proc and /dev there."""
    if not directory.exists():
        return
    unmount_below(directory)
    if left := mounts_below(directory, _mounts()):
        raise CommandFailed(f"{left[0]} is still mounted", "unmount it, then try again")
    shutil.rmtree(directory)


def _mounts() -> str:
    return Path("/proc/self/mounts").read_text(encoding="utf-8")
