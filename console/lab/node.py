"""One node: booted, asked, halted, or cut off from its power."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from console.lab import cgroups, disk, network, processes
from console.lab.command import last_lines
from console.lab.errors import CommandFailed, LabNotUp
from console.lab.place import NodePlace, Place, namespace_path
from console.model.profile import Node, Profile

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
    place: Place

    @property
    def name(self) -> str:
        return self.node.name

    @property
    def own(self) -> NodePlace:
        return self.place.node(self.name)

    @property
    def group(self) -> str:
        return self.place.cgroup(self.name)

    def init_pid(self) -> int | None:
        """The pid of the node's systemd, as this machine counts."""
        return processes.init_of(self.group)

    def power(self) -> Power:
        members = cgroups.members(self.group, cgroups.here())
        if not members:
            return Power.OFF
        init = processes.find_init(members)
        wired = namespace_path(self.place.namespace(self.name)).exists()
        if init is None or not wired or not self.own.root.is_mount():
            return Power.CRASHED
        if cgroups.is_frozen(self.group, cgroups.here()):
            return Power.FROZEN
        # Without its nspawn a node runs on, but nobody would reap it.
        return Power.ON if processes.parent_of(init) in members else Power.CRASHED

    def boot(self, image: Path) -> None:
        """Boots the node from its disk. It goes on running when we end."""
        disk.mount(self.own, image)
        network.plug_node(self.node, self.place)
        joins = ":".join(str(procs) for procs in cgroups.create(self.group, cgroups.here()))
        with self.own.console_log.open("wb") as log:
            subprocess.run(
                ["setsid", "--fork", "/bin/sh", "-c", JOIN_AND_EXEC, "nspawn", joins, *self._nspawn()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env={"PATH": PATH, **CGROUP_V2},
                check=True,
            )
        if not processes.wait_until(lambda: self.init_pid() is not None, wait_s=START_TIMEOUT_S):
            said = last_lines(self.own.console_log.read_text(encoding="utf-8", errors="replace"))
            raise CommandFailed(f"{self.name} did not boot: {said}", f"see {self.own.console_log}")

    def halt(self) -> None:
        """Shuts the node down in order; after a while, the hard way."""
        if self.power() is Power.ON:
            processes.ask_to_halt(self.group, wait_s=HALT_TIMEOUT_S)
        self.cut_power()

    def cut_power(self) -> None:
        """The pulled plug."""
        cut_power(self.name, self.place)

    def freeze(self, *, frozen: bool) -> None:
        """The whole node stands still, or goes on."""
        if not cgroups.freeze(self.group, cgroups.here(), frozen=frozen):
            raise CommandFailed(f"{self.name} did not {'freeze' if frozen else 'thaw'}", "iamops lab reset")

    def command(self, argv: tuple[str, ...]) -> tuple[str, ...]:
        """The command that runs `argv` as root in the node. Raises LabNotUp if it does not run."""
        init = self.init_pid()
        if init is None:
            raise LabNotUp(f"{self.name} is not running", f"iamops lab fault power-on {self.name}")
        if cgroups.is_frozen(self.group, cgroups.here()):
            raise LabNotUp(f"{self.name} is frozen", f"iamops lab fault thaw {self.name}")
        enter = ("nsenter", f"--target={init}", "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup")
        return (*enter, "--", "/usr/bin/env", "-i", *_login_environment(), *argv)

    def exec(
        self, argv: Sequence[str], *, stdin: bytes = b"", timeout_s: float = EXEC_TIMEOUT_S
    ) -> subprocess.CompletedProcess[bytes]:
        """Runs a command as root in the node and captures its output. Raises LabNotUp, CommandFailed."""
        command = self.command(tuple(argv))
        try:
            return subprocess.run(command, input=stdin, capture_output=True, timeout=timeout_s, check=False)
        except subprocess.TimeoutExpired as error:
            raise CommandFailed(
                f"{self.name}: `{shlex.join(argv)}` did not end within {timeout_s:g} s", "iamops lab status"
            ) from error

    def must(self, argv: Sequence[str], *, stdin: str = "") -> str:
        """As `exec`, and returns stdout; raises CommandFailed if the command fails."""
        done = self.exec(argv, stdin=stdin.encode())
        if done.returncode:
            said = last_lines((done.stderr or done.stdout).decode("utf-8", "replace"))
            raise CommandFailed(
                f"{self.name}: `{shlex.join(argv)}` ended with {done.returncode}: {said}", "iamops lab status"
            )
        return done.stdout.decode("utf-8", "replace")

    def _nspawn(self) -> tuple[str, ...]:
        return (
            "systemd-nspawn",
            "--quiet",
            f"--directory={self.own.root}",
            "--boot",
            f"--machine={self.name}",
            f"--hostname={self.name}",
            f"--network-namespace-path={namespace_path(self.place.namespace(self.name))}",
            # Without it keepalived becomes MASTER and cannot set the VIP.
            "--capability=CAP_NET_ADMIN",
            "--register=no",
            "--keep-unit",
            "--settings=no",
            "--link-journal=no",
            "--resolv-conf=off",
            "--timezone=off",
            "--console=pipe",
        )


def cut_power(name: str, place: Place) -> None:
    """Ends every process of a node at once and takes its cable and control group away.

    The cable goes first: no dying process may say goodbye on the network.
    """
    if network.cable_plugged(name, place):
        network.set_cable(name, place, plugged=False)
    processes.kill_all(place.cgroup(name))
    network.unplug_node(name, place)
    cgroups.remove(place.cgroup(name), cgroups.here())


def _login_environment() -> tuple[str, ...]:
    terminal = os.environ.get("TERM", "dumb")
    return (f"PATH={PATH}", "HOME=/root", "USER=root", "LOGNAME=root", "LANG=C.UTF-8", f"TERM={terminal}")
