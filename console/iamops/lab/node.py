"""One node: booted, asked, halted, or cut off from its power."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from iamops.lab import network, processes
from iamops.lab.place import LabPaths, NodePaths, namespace_path
from iamops.lab.processes import LabNotUp, ToolFailed, last_lines, run
from iamops.model.profile import Node, Profile

# A node's disk: an ext4 in a sparse file, and on it the layer over the shared image.

SIZE = "1G"


def format_disk(paths: NodePaths) -> None:
    """Makes an empty disk. The node must be unmounted."""
    paths.directory.mkdir(parents=True, exist_ok=True)
    paths.disk_image.unlink(missing_ok=True)
    run(["truncate", "-s", SIZE, str(paths.disk_image)])
    # No journal and no reserve: nobody boots this disk twice in anger, and "full" should mean full.
    run(["mkfs.ext4", "-q", "-m", "0", "-O", "^has_journal", str(paths.disk_image)])


def mount(paths: NodePaths, image: Path) -> None:
    """Mounts the disk and the root over it; what is mounted already stays."""
    paths.disk.mkdir(exist_ok=True)
    paths.root.mkdir(exist_ok=True)
    if not paths.disk.is_mount():
        run(["mount", "-o", "loop,discard", str(paths.disk_image), str(paths.disk)])
    if not paths.root.is_mount():
        upper, work = paths.disk / "upper", paths.disk / "work"
        upper.mkdir(exist_ok=True)
        work.mkdir(exist_ok=True)
        layers = f"lowerdir={image},upperdir={upper},workdir={work}"
        run(["mount", "-t", "overlay", "overlay", "-o", layers, str(paths.root)])


HALT_TIMEOUT_S = 15.0
START_TIMEOUT_S = 10.0
EXEC_TIMEOUT_S = 60.0
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# A container cannot learn that a v1 group became empty: a killed service would be "deactivating" until
# a timeout. nspawn can mount v2 for it on a machine that has v1 too; where there is only v2 it changes
# nothing.
CGROUP_V2 = {"SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"}
# Joins the node's control groups, then becomes systemd-nspawn.
JOIN_AND_EXEC = 'IFS=:; for procs in $1; do echo $$ > "$procs" || :; done; shift; exec "$@"'


class Power(StrEnum):
    """Whether a node runs. FROZEN: its processes stand still. CRASHED: not all that it needs is there."""

    ON = "on"
    OFF = "off"
    FROZEN = "frozen"
    CRASHED = "crashed"


@dataclass(frozen=True, slots=True)
class LabNode:
    """A node of the profile, at its place on this machine."""

    profile: Profile
    node: Node
    paths: LabPaths

    @property
    def name(self) -> str:
        return self.node.name

    @property
    def own(self) -> NodePaths:
        return self.paths.node(self.name)

    @property
    def group(self) -> str:
        return self.paths.cgroup(self.name)

    def init_pid(self) -> int | None:
        """The pid of the node's systemd, as this machine counts."""
        return processes.init_of(self.group)

    def power(self) -> Power:
        members = processes.members(self.group, processes.here())
        if not members:
            return Power.OFF
        init = processes.find_init(members)
        wired = namespace_path(self.paths.namespace(self.name)).exists()
        if init is None or not wired or not self.own.root.is_mount():
            return Power.CRASHED
        if processes.is_frozen(self.group, processes.here()):
            return Power.FROZEN
        # Without its nspawn a node runs on, but nobody would reap it.
        return Power.ON if processes.parent_of(init) in members else Power.CRASHED

    def boot(self, image: Path) -> None:
        """Boots the node from its disk. It goes on running when we end."""
        mount(self.own, image)
        network.attach_node(self.node, self.paths)
        joins = ":".join(str(procs) for procs in processes.create(self.group, processes.here()))
        nspawn = (
            "systemd-nspawn",
            "--quiet",
            f"--directory={self.own.root}",
            "--boot",
            f"--machine={self.name}",
            f"--hostname={self.name}",
            f"--network-namespace-path={namespace_path(self.paths.namespace(self.name))}",
            # Without it keepalived becomes MASTER and cannot set the VIP.
            "--capability=CAP_NET_ADMIN",
            *("--register=no", "--keep-unit", "--settings=no", "--link-journal=no"),
            *("--resolv-conf=off", "--timezone=off", "--console=pipe"),
        )
        with self.own.console_log.open("wb") as log:
            subprocess.run(
                ["setsid", "--fork", "/bin/sh", "-c", JOIN_AND_EXEC, "nspawn", joins, *nspawn],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env={"PATH": PATH, **CGROUP_V2},
                check=True,
            )
        if not processes.wait_until(lambda: self.init_pid() is not None, wait_s=START_TIMEOUT_S):
            output = last_lines(self.own.console_log.read_text(encoding="utf-8", errors="replace"))
            raise ToolFailed(f"{self.name} did not boot: {output}", f"see {self.own.console_log}")

    def halt(self) -> None:
        """Shuts the node down in order; after a while, the hard way."""
        if self.power() is Power.ON:
            processes.ask_to_halt(self.group, wait_s=HALT_TIMEOUT_S)
        self.cut_power()

    def cut_power(self) -> None:
        """The pulled plug."""
        cut_power(self.name, self.paths)

    def freeze(self, *, frozen: bool) -> None:
        if not processes.freeze(self.group, processes.here(), frozen=frozen):
            raise ToolFailed(f"{self.name} did not {'freeze' if frozen else 'thaw'}", "iamops lab reset")

    def command(self, argv: tuple[str, ...]) -> tuple[str, ...]:
        """The command that runs `argv` as root in the node. Raises LabNotUp if it does not run."""
        init = self.init_pid()
        if init is None:
            raise LabNotUp(f"{self.name} is not running", f"iamops lab fault power-on {self.name}")
        if processes.is_frozen(self.group, processes.here()):
            raise LabNotUp(f"{self.name} is frozen", f"iamops lab fault thaw {self.name}")
        enter = ("nsenter", f"--target={init}", "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup")
        home = (
            "HOME=/root",
            "USER=root",
            "LOGNAME=root",
            "LANG=C.UTF-8",
            f"TERM={os.environ.get('TERM', 'dumb')}",
        )
        return (*enter, "--", "/usr/bin/env", "-i", f"PATH={PATH}", *home, *argv)

    def exec(
        self, argv: Sequence[str], *, stdin: bytes = b"", timeout_s: float = EXEC_TIMEOUT_S
    ) -> subprocess.CompletedProcess[bytes]:
        """Runs a command as root in the node and captures its output. Raises LabNotUp, ToolFailed."""
        command = self.command(tuple(argv))
        try:
            return subprocess.run(command, input=stdin, capture_output=True, timeout=timeout_s, check=False)
        except subprocess.TimeoutExpired as error:
            raise ToolFailed(
                f"{self.name}: `{shlex.join(argv)}` did not end within {timeout_s:g} s", "iamops lab status"
            ) from error

    def must(self, argv: Sequence[str], *, stdin: str = "") -> str:
        """As `exec`, and returns stdout; raises ToolFailed if the command fails."""
        done = self.exec(argv, stdin=stdin.encode())
        if done.returncode:
            output = last_lines((done.stderr or done.stdout).decode("utf-8", "replace"))
            raise ToolFailed(
                f"{self.name}: `{shlex.join(argv)}` ended with {done.returncode}: {output}", "iamops lab status"
            )
        return done.stdout.decode("utf-8", "replace")


def cut_power(name: str, paths: LabPaths) -> None:
    """Ends every process of a node at once and takes its cable and control group away.

    The cable goes first: no dying process may say goodbye on the network.
    """
    if network.cable_plugged(name, paths):
        network.set_cable(name, paths, plugged=False)
    processes.kill_all(paths.cgroup(name))
    network.detach_node(name, paths)
    processes.remove(paths.cgroup(name), processes.here())


# Deletes directory trees of ours, and never what someone mounted into them.


def mounts_below(directory: Path, mounts: str) -> tuple[Path, ...]:
    """The mount points at or below a directory, the innermost and latest first.

    `mounts` is the text of /proc/self/mounts, where a space in a path is written \\040.
    """
    points = [Path(line.split()[1].replace("\\040", " ")) for line in mounts.splitlines()]
    return tuple(point for point in reversed(points) if point == directory or directory in point.parents)


def unmount_below(directory: Path) -> None:
    """Unmounts everything at or below a directory. Raises ToolFailed if something is in use."""
    for point in mounts_below(directory, _mounts()):
        run(["umount", str(point)])


def delete(directory: Path) -> None:
    """Deletes a tree, after unmounting what is in it. A killed mmdebstrap leaves /proc and /dev there."""
    if not directory.exists():
        return
    unmount_below(directory)
    if left := mounts_below(directory, _mounts()):
        raise ToolFailed(f"{left[0]} is still mounted", "unmount it, then try again")
    shutil.rmtree(directory)


def _mounts() -> str:
    return Path("/proc/self/mounts").read_text(encoding="utf-8")
