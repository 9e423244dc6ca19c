"""The lab as one thing: up, down, reset, status, exec, and its faults. Everything here may block."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from iamops.lab import image, network
from iamops.lab.assembly import BuildInputs, assemble, clear_state, image_of, is_current, write_known_hosts
from iamops.lab.faults import apply
from iamops.lab.faults.apply import ActiveFault
from iamops.lab.node import EXEC_TIMEOUT_S, LabNode, Power, cut_power, delete, unmount_below
from iamops.lab.place import LabPaths, held
from iamops.lab.processes import NotReady, UnknownNode, check_machine, check_profile, wait_until
from iamops.lab.status import (
    LabStatus,
    Readiness,
    keepalived_is_active,
    node_status,
    until_agreed,
    until_ready,
    until_served,
)
from iamops.model.profile import Profile

Progress = Callable[[str], None]
# How long freshly booted nodes may take to be ready, and nodes that run.
BOOT_READY_S = 40.0
READY_S = 10.0
KEEPALIVED_START_S = 5.0


def silent(_: str) -> None:
    """Nobody listens to the progress."""


class Lab:
    """A profile's nodes on this machine. Holds no state of its own: it asks the machine each time."""

    def __init__(self, profile: Profile, paths: LabPaths | None = None) -> None:
        self.profile = profile
        self.paths = paths or LabPaths()

    def node(self, name: str) -> LabNode:
        """A node by name. Raises UnknownNode."""
        if name not in self.profile.nodes:
            raise UnknownNode(f"no node {name!r} in the lab", f"nodes: {', '.join(self.profile.nodes)}")
        return LabNode(self.profile, self.profile.nodes[name], self.paths)

    @property
    def nodes(self) -> tuple[LabNode, ...]:
        return tuple(self.node(name) for name in self.profile.nodes)

    def up(self, progress: Progress = silent) -> Readiness:
        """Boots what does not run yet and waits until the VIP answers. Safe to repeat. Raises LabError."""
        check_machine()
        check_profile(self.profile)
        with held(self.paths.lock, progress):
            return self._up(progress)

    def down(self, progress: Progress = silent) -> None:
        """Shuts everything down. The nodes' disks stay for the next `up`."""
        check_machine()
        with held(self.paths.lock, progress):
            started = time.monotonic()
            self._clear_stale_nodes()
            _on_all(LabNode.halt, self.nodes)
            _on_all(lambda node: unmount_below(node.own.directory), self.nodes)
            network.remove(self.paths, self.profile.nodes)
            progress(f"lab is down ({_since(started)})")

    def purge(self, progress: Progress = silent) -> None:
        """Takes everything away: nodes, disks, keys, network, and the images that lie with them."""
        check_machine()
        with held(self.paths.lock, progress):
            self._throw_away(progress)
            network.remove(self.paths, self.profile.nodes)
            clear_state(self.paths)

    def reset(self, progress: Progress = silent) -> Readiness:
        """Fresh nodes from the image, ready as after `up`."""
        check_machine()
        check_profile(self.profile)
        with held(self.paths.lock, progress):
            # First, so that a failing build leaves the running nodes alone.
            image.ensure(self.paths.image_cache, progress)
            self._throw_away(progress)
            return self._up(progress)

    def exec(
        self, node: str, argv: Sequence[str], *, stdin: bytes = b"", timeout_s: float = EXEC_TIMEOUT_S
    ) -> subprocess.CompletedProcess[bytes]:
        """Runs a command as root in a node and captures its output. Raises LabNotUp, ToolFailed."""
        return self.node(node).exec(argv, stdin=stdin, timeout_s=timeout_s)

    def must(self, node: str, argv: Sequence[str], *, stdin: str = "") -> str:
        """As `exec`, and returns stdout; raises ToolFailed if the command fails."""
        return self.node(node).must(argv, stdin=stdin)

    def exec_command(self, node: str, argv: Sequence[str]) -> tuple[str, ...]:
        """The command on this machine that runs `argv` as root in a node. Raises LabNotUp."""
        return self.node(node).command(tuple(argv))

    def status(self) -> LabStatus:
        nodes = {node.name: node_status(node) for node in self.nodes}
        vip = self.profile.instance.address
        owners = tuple(name for name, status in nodes.items() if vip in status.addresses)
        applied = tuple(fault.sentence for fault in apply.read(self.paths.active_faults))
        return LabStatus(vip, owners, nodes, applied)

    def power_on(self, name: str) -> None:
        """Boots a node from the disk it has; on a running node this does nothing."""
        node = self.node(name)
        if node.power() is not Power.ON:
            self._boot_from_disk(node)
            apply.forget_powered_up(self.paths, node.name)

    def fault(self, name: str, node: str | None = None, unit: str | None = None) -> ActiveFault:
        """Applies a fault; a name of healing (`power-on`) heals. Raises LabError."""
        with held(self.paths.lock, silent):
            return apply.apply(self, name, node, unit)

    def heal(self, name: str, node: str | None = None, unit: str | None = None) -> ActiveFault:
        """Undoes a fault. Safe to repeat. Raises LabError."""
        with held(self.paths.lock, silent):
            return apply.heal(self, name, node, unit)

    def heal_all(self) -> tuple[ActiveFault, ...]:
        """Undoes every applied fault. Raises LabError."""
        with held(self.paths.lock, silent):
            return apply.heal_all(self)

    def _up(self, progress: Progress) -> Readiness:
        started = time.monotonic()
        off = [node for node in self.nodes if node.power() is not Power.ON]
        if not network.exists(self.paths):
            off = list(self.nodes)
        if not off:
            ready = self._until_ready(READY_S)
            inputs = BuildInputs.of(self.profile, self.paths, image.current(self.paths.image_cache))
            outdated = ", ".join(node.name for node in self.nodes if not is_current(node, inputs))
            if outdated:
                progress(f"{outdated}: made by another version or profile; `iamops lab reset` makes them fresh")
            progress(f"already up: {ready.sentence} ({_since(started)})")
            return ready
        self._boot(off, progress)
        progress(f"booted {', '.join(node.name for node in off)} ({_since(started)})")
        ready = self._until_ready(BOOT_READY_S)
        until_agreed(self.nodes, wait_s=READY_S)
        until_served(self.profile, self.paths, wait_s=READY_S)
        progress(f"{ready.sentence}; one MASTER, the others BACKUP ({_since(started)})")
        return ready

    def _throw_away(self, progress: Progress) -> None:
        started = time.monotonic()
        self._clear_stale_nodes()
        _on_all(LabNode.cut_power, self.nodes)
        _on_all(lambda node: delete(node.own.directory), self.nodes)
        apply.clear(self.paths.active_faults)
        progress(f"old nodes thrown away ({_since(started)})")

    def _boot(self, off: Sequence[LabNode], progress: Progress) -> None:
        base = image.ensure(self.paths.image_cache, progress)
        # What a crashed lab left of these nodes goes first; on a clean machine nothing happens here.
        _on_all(LabNode.cut_power, off)
        self._clear_stale_nodes()
        network.create(self.profile, self.paths)
        inputs = BuildInputs.of(self.profile, self.paths, base)
        _on_all(lambda node: assemble(node, inputs), off)
        write_known_hosts(self.profile, self.paths)
        rest = list(off)
        if len(off) == len(self.nodes):
            # The preferred owner's keepalived starts first: booted all at once, the quickest node becomes
            # MASTER, and with nopreempt it stays so.
            first, *rest = sorted(off, key=lambda node: -self.profile.instance.priority_of(node.node))
            self._boot_from_disk(first)
            wait_until(lambda: keepalived_is_active(first), wait_s=KEEPALIVED_START_S)
        _on_all(self._boot_from_disk, rest)
        for node in off:
            apply.forget_powered_up(self.paths, node.name)

    def _boot_from_disk(self, node: LabNode) -> None:
        node.cut_power()
        node.boot(image_of(node, self.paths.image_cache))

    def _clear_stale_nodes(self) -> None:
        """Nodes of an earlier profile must not go on running beside ours; their disks go too."""
        for directory in list((self.paths.state / "nodes").glob("*")):
            if directory.name not in self.profile.nodes:
                cut_power(directory.name, self.paths)
                delete(directory)

    def _until_ready(self, wait_s: float) -> Readiness:
        """Raises NotReady, which names the faults that may be to blame."""
        try:
            return until_ready(self.profile, self.paths, wait_s=wait_s)
        except NotReady as error:
            applied = apply.read(self.paths.active_faults)
            if not applied:
                raise
            names = ", ".join(fault.sentence for fault in applied)
            raise NotReady(f"{error.reason}; applied: {names}", "iamops lab fault --heal-all") from error


def _on_all(work: Callable[[LabNode], object], nodes: Sequence[LabNode]) -> None:
    """Does the same to all nodes at once; the first failure is raised when all have ended."""
    if not nodes:
        return
    with ThreadPoolExecutor(max_workers=len(nodes)) as threads:
        for done in [threads.submit(work, node) for node in nodes]:
            done.result()


def _since(started: float) -> str:
    return f"{time.monotonic() - started:.1f} s"
