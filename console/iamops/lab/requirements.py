"""What a machine needs to carry the lab, checked before anything is touched."""

from __future__ import annotations

import ipaddress
import os
import platform
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

from iamops.lab.processes import LabImpossible
from iamops.model.profile import Environment, Profile

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
