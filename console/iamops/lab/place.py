"""Where the lab lives on this machine: its directories, its namespaces, its names, and the lock on it."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from iamops.lab.processes import LabBusy

NAMESPACES = Path("/run/netns")
BRIDGE = "lab0"


@dataclass(frozen=True, slots=True)
class LabPaths:
    """One lab's share of the machine. Another `state` and `prefix` make a second lab beside the first;
    `image_cache` may be shared between them.
    """

    state: Path = Path("/var/lib/iamops/lab")
    prefix: str = "iamops-"
    image_cache: Path = Path("/var/lib/iamops/lab/image")

    @property
    def key(self) -> Path:
        """The operator's private SSH key."""
        return self.state / "id_ed25519"

    @property
    def known_hosts(self) -> Path:
        return self.state / "known_hosts"

    @property
    def vrrp_secret(self) -> Path:
        return self.state / "vrrp-auth"

    @property
    def ca(self) -> Path:
        """The certificate of the lab's own CA; its key and the nodes' lie beside it."""
        return self.state / "tls" / "ca.pem"

    @property
    def lock(self) -> Path:
        return self.state / "lock"

    @property
    def active_faults(self) -> Path:
        return self.state / "faults.json"

    @property
    def bridge_namespace(self) -> str:
        return f"{self.prefix}br"

    @property
    def operator_namespace(self) -> str:
        return f"{self.prefix}op"

    def namespace(self, node: str) -> str:
        """The network namespace of a node."""
        return f"{self.prefix}{node}"

    def cgroup(self, node: str) -> str:
        """The node's control group, relative to the top of each hierarchy. Its members are the node."""
        return f"{self.prefix}lab/{node}"

    def node(self, node: str) -> NodePaths:
        return NodePaths(self.state / "nodes" / node)


@dataclass(frozen=True, slots=True)
class NodePaths:
    """One node's directory."""

    directory: Path

    @property
    def disk_image(self) -> Path:
        """The node's disk: a sparse file with an ext4 on it, so that it can fill up without hurting us."""
        return self.directory / "disk.img"

    @property
    def disk(self) -> Path:
        """Where the disk is mounted; it carries the upper layer of the root."""
        return self.directory / "disk"

    @property
    def root(self) -> Path:
        """The node's root file system: the image with the node's own layer over it."""
        return self.directory / "root"

    @property
    def build_digest(self) -> Path:
        """Digest of what the disk was provisioned from."""
        return self.directory / "provisioned-from"

    @property
    def console_log(self) -> Path:
        return self.directory / "console.log"


def namespace_path(name: str) -> Path:
    return NAMESPACES / name


# One command at a time works on the lab: a lock the kernel releases when its holder dies.

WAIT_S = 180.0


@contextmanager
def held(path: Path, progress: Callable[[str], None], *, wait_s: float = WAIT_S) -> Iterator[None]:
    """Holds the lock for the block; waits for another holder. Raises LabBusy."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="ascii") as file:
        deadline = time.monotonic() + wait_s
        told = False
        while not _taken(file.fileno()):
            if not told:
                progress(f"another command is working on the lab ({_holder(path)}); waiting for it")
                told = True
            if time.monotonic() >= deadline:
                raise LabBusy(
                    f"another command is working on the lab ({_holder(path)})", "try again when it is done"
                )
            time.sleep(0.1)
        os.ftruncate(file.fileno(), 0)
        file.write(f"pid {os.getpid()}")
        file.flush()
        yield


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(path: Path) -> str:
    return path.read_text(encoding="ascii").strip() or "just started"
