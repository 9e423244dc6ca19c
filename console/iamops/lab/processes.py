"""Programs that the lab runs, the processes of its nodes, and what a machine needs to carry them."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import platform
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from iamops.model.profile import Environment, Profile

# Everything that can go wrong in the lab, in one tree. Each error says what happened and what to do next.


class LabError(Exception):
    """Base of all lab errors. `reason` is a sentence, `next_step` a sentence or a command."""

    def __init__(self, reason: str, next_step: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.next_step = next_step


class LabImpossible(LabError):
    """This machine, this user or this profile cannot carry a lab."""


class LabNotUp(LabError):
    """Something was asked of a node that is not running."""


class LabBusy(LabError):
    """Another command is working on the lab."""


class ToolFailed(LabError):
    """A tool did not do what it was asked."""


class ImageFailed(LabError):
    """The base image could not be built."""


class NotReady(LabError):
    """The lab runs, but does not show what it should."""


class UnknownFault(LabError):
    """There is no such fault, or it was asked for with the wrong arguments."""


class UnknownNode(LabError):
    """The profile has no such node."""


# A control group per node. Its members are the node's processes: the process table cannot lie as a
# pid file does after a crash, and killing by membership never hits anyone else.


@dataclass(frozen=True, slots=True)
class Hierarchies:
    """The control group trees of this machine. Members are read from `tracking` alone."""

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
    # Groups come and go meanwhile; os.walk does not mind.
    for directory, _, _ in os.walk(trees.tracking / group):
        with contextlib.suppress(OSError):
            found.update(int(pid) for pid in Path(directory, "cgroup.procs").read_text("ascii").split())
    # 0 stands for a process outside our own pid namespace.
    return tuple(sorted(found - {0}))


def freeze(group: str, trees: Hierarchies, *, frozen: bool) -> bool:
    """Stands all members still at once, or lets them go on. False: it did not come to pass in time.

    Signals would miss what is being forked meanwhile. Raises LabImpossible without cgroup v2.
    """
    switch = trees.tracking / group / "cgroup.freeze"
    if not switch.exists():
        raise LabImpossible("freezing needs cgroup v2", "use power-off or cable instead")
    switch.write_text("1" if frozen else "0", encoding="ascii")
    return wait_until(lambda: is_frozen(group, trees) == frozen, wait_s=5.0, every_s=0.01)


def is_frozen(group: str, trees: Hierarchies) -> bool:
    events = trees.tracking / group / "cgroup.events"
    return events.exists() and "frozen 1" in events.read_text(encoding="ascii").splitlines()


def remove(group: str, trees: Hierarchies) -> None:
    """Removes the emptied group. A process just killed can hold its group for a moment."""

    def removed() -> bool:
        groups = [tree / group for tree in trees.every]
        for top in groups:
            for directory, _, _ in os.walk(top, topdown=False):
                with contextlib.suppress(OSError):
                    os.rmdir(directory)
            with contextlib.suppress(OSError):
                # The lab's own group goes with its last node.
                top.parent.rmdir()
        return not any(top.exists() for top in groups)

    wait_until(removed, wait_s=1.0, every_s=0.01)


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
    parent = _status_field(pid, "PPid", proc)
    return int(parent) if parent else None


def init_of(group: str) -> int | None:
    """The init of the node whose processes are in this control group; None: it does not run."""
    return find_init(members(group, here()))


def kill_all(group: str) -> None:
    """Ends every process of a node at once, as a pulled plug would.

    The kernel kills a pid namespace with its init, so no process gets to react to another's death.
    """
    trees = here()
    init = find_init(members(group, trees))
    if init is not None:
        _signal(init, signal.SIGKILL)

    def ended() -> bool:
        left = members(group, trees)
        for pid in left:
            _signal(pid, signal.SIGKILL)
        return not left

    wait_until(ended, wait_s=10.0, every_s=0.01)


def ask_to_halt(group: str, *, wait_s: float) -> bool:
    """Asks a node's systemd to power off (SIGRTMIN+4). True when nothing of it is left in time."""
    init = init_of(group)
    if init is not None:
        _signal(init, signal.SIGRTMIN + 4)
    trees = here()
    return wait_until(lambda: not members(group, trees), wait_s=wait_s, every_s=0.02)


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


# Runs the tools of this machine. A failure carries the command and the last lines it printed.

LAST_LINES = 12


def run(argv: Sequence[str], *, stdin: str = "", timeout_s: float = 60.0) -> str:
    """Runs a command to its end and returns its stdout. Raises ToolFailed."""
    try:
        done = subprocess.run(
            argv,
            input=stdin,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=timeout_s,
            check=False,
        )
    except FileNotFoundError as error:
        raise ToolFailed(f"{argv[0]} is not installed", "iamops lab up names the packages") from error
    except subprocess.TimeoutExpired as error:
        raise ToolFailed(
            f"`{shlex.join(argv)}` did not end within {timeout_s:g} s", "try again; the machine may be busy"
        ) from error
    if done.returncode:
        raise ToolFailed(
            f"`{shlex.join(argv)}` ended with {done.returncode}: {last_lines(done.stderr or done.stdout)}",
            "`iamops lab reset` makes a fresh pair",
        )
    return done.stdout


def succeeds(argv: Sequence[str]) -> bool:
    """Whether a command ends with 0; for cleaning up what may not be there."""
    try:
        run(argv)
    except ToolFailed:
        return False
    return True


def last_lines(output: str) -> str:
    """The end of a tool's output, where the reason stands."""
    return "\n".join(output.strip().splitlines()[-LAST_LINES:])


# Tool -> the Debian package that has it.
TOOLS = {
    "ip": "iproute2", "mkfs.ext4": "e2fsprogs", "mmdebstrap": "mmdebstrap", "mount": "mount",
    "nsenter": "util-linux", "setpriv": "util-linux", "setsid": "util-linux", "ssh-keygen": "openssh-client",
    "systemd-nspawn": "systemd-container", "unshare": "util-linux",
}  # fmt: skip
LOGIN_USER = "iamops"


def missing_tools(which: Callable[[str], str | None] = shutil.which) -> tuple[str, ...]:
    return tuple(tool for tool in TOOLS if which(tool) is None)


def apt_line(tools: Iterable[str]) -> str:
    """The command that installs the packages of these tools."""
    return "sudo apt-get install " + " ".join(sorted({TOOLS[tool] for tool in tools}))


def check_machine() -> None:
    """Raises LabImpossible unless this is a Linux machine, we are root, and the tools are there."""
    if platform.system() != "Linux":
        raise LabImpossible(
            f"the lab needs Linux (namespaces, systemd-nspawn); this is {platform.system()}",
            "run it in a Linux virtual machine",
        )
    if os.geteuid() != 0:
        raise LabImpossible("the lab boots containers and needs root", "run the same command with sudo")
    missing = missing_tools()
    if missing:
        raise LabImpossible(f"not installed: {', '.join(missing)}", apt_line(missing))
    if not Path("/dev/loop-control").exists():
        raise LabImpossible("no loop devices: the nodes' disks need them", "sudo modprobe loop")


def check_profile(profile: Profile) -> None:
    """Raises LabImpossible for a profile the lab cannot build."""
    if profile.environment is not Environment.LAB:
        raise LabImpossible(
            f"profile {profile.name} is of environment {profile.environment}: only a lab is built and broken",
            "iamops --profile lab lab up",
        )
    networks = {ipaddress.ip_interface(f"{node.address}/24").network for node in profile.nodes.values()}
    if len(networks) != 1 or not all(isinstance(n, ipaddress.IPv4Network) for n in networks):
        raise LabImpossible("the nodes of a lab share one IPv4 /24", "change the addresses in the profile")
    users = {profile.ssh_of(node).user for node in profile.nodes.values()}
    if users - {LOGIN_USER, None}:
        raise LabImpossible(
            f"the nodes of the lab know one login user, {LOGIN_USER}", f"set ssh.user: {LOGIN_USER}"
        )
