"""The lab as one thing: up, down, reset, status, exec, and its faults. Everything here may block."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from iamops.lab import image, network
from iamops.lab import node as trees
from iamops.lab import place as lock
from iamops.lab import status as prove
from iamops.lab.assembly import (
    Ingredients,
    assemble,
    clear_place,
    forget_strangers,
    image_of,
    is_current,
    write_known_hosts,
)
from iamops.lab.faults import apply
from iamops.lab.faults.apply import ActiveFault
from iamops.lab.node import EXEC_TIMEOUT_S, LabNode, Power, cut_power
from iamops.lab.place import LabPaths
from iamops.lab.processes import NotProven, UnknownNode, wait_until
from iamops.lab.requirements import check_machine, check_profile
from iamops.lab.status import LabStatus, keepalived_is_active, node_status
from iamops.model.profile import Profile

Progress = Callable[[str], None]
FRESH_PROOF_S = 40.0
PROOF_S = 10.0
KEEPALIVED_START_S = 5.0


def silent(_: str) -> None:
    """Nobody listens to the progress."""


class Lab:
    """A profile's nodes on this machine. Holds no state of its own: it asks the machine each time."""

    def __init__(self, profile: Profile, place: LabPaths | None = None) -> None:
        self.profile = profile
        self.paths = place or LabPaths()

    def node(self, name: str) -> LabNode:
        """A node by name. Raises UnknownNode."""
        if name not in self.profile.nodes:
            raise UnknownNode(f"no node {name!r} in the lab", f"nodes: {', '.join(self.profile.nodes)}")
        return LabNode(self.profile, self.profile.nodes[name], self.paths)

    @property
    def nodes(self) -> tuple[LabNode, ...]:
        return tuple(self.node(name) for name in self.profile.nodes)

    def up(self, progress: Progress = silent) -> prove.Proof:
        """Boots what does not run yet and proves that the VIP answers. Safe to repeat. Raises LabError."""
        check_machine()
        check_profile(self.profile)
        with lock.held(self.paths.lock, progress):
            return self._up(progress)

    def down(self, progress: Progress = silent) -> None:
        """Shuts everything down. The nodes' disks stay for the next `up`."""
        check_machine()
        with lock.held(self.paths.lock, progress):
            started = time.monotonic()
            self._clear_strangers()
            _each(LabNode.halt, self.nodes)
            _each(lambda node: trees.unmount_below(node.own.directory), self.nodes)
            network.remove(self.paths, self.profile.nodes)
            progress(f"lab is down ({_since(started)})")

    def purge(self, progress: Progress = silent) -> None:
        """Takes everything away: nodes, disks, keys, network, and the images this place owns."""
        check_machine()
        with lock.held(self.paths.lock, progress):
            self._throw_away(progress)
            network.remove(self.paths, self.profile.nodes)
            clear_place(self.paths)

    def reset(self, progress: Progress = silent) -> prove.Proof:
        """Fresh nodes from the image, proven like `up`."""
        check_machine()
        check_profile(self.profile)
        with lock.held(self.paths.lock, progress):
            # First, so that a failing build leaves the running nodes alone.
            image.ensure(self.paths.image_cache, progress)
            self._throw_away(progress)
            return self._up(progress)

    def exec(
        self, node: str, argv: Sequence[str], *, stdin: bytes = b"", timeout_s: float = EXEC_TIMEOUT_S
    ) -> subprocess.CompletedProcess[bytes]:
        """Runs a command as root in a node and captures its output. Raises LabNotUp, CommandFailed."""
        return self.node(node).exec(argv, stdin=stdin, timeout_s=timeout_s)

    def must(self, node: str, argv: Sequence[str], *, stdin: str = "") -> str:
        """As `exec`, and returns stdout; raises CommandFailed if the command fails."""
        return self.node(node).must(argv, stdin=stdin)

    def exec_command(self, node: str, argv: Sequence[str]) -> tuple[str, ...]:
        """The command on this machine that runs `argv` as root in a node. Raises LabNotUp."""
        return self.node(node).command(tuple(argv))

    def status(self) -> LabStatus:
        """What is running now."""
        nodes = {node.name: node_status(node) for node in self.nodes}
        vip = self.profile.instance.address
        owners = tuple(name for name, status in nodes.items() if vip in status.addresses)
        applied = tuple(fault.sentence for fault in apply.read(self.paths.active_faults))
        return LabStatus(vip, owners, nodes, applied)

    def power_on(self, name: str) -> None:
        """Boots a node from the disk it has; on a running node this does nothing."""
        node = self.node(name)
        if node.power() is not Power.ON:
            self._boot_as_it_is(node)
            apply.forget_powered_up(self.paths, node.name)

    def fault(self, name: str, node: str | None = None, unit: str | None = None) -> ActiveFault:
        """Applies a fault; a name of healing (`power-on`) heals. Raises LabError."""
        with lock.held(self.paths.lock, silent):
            return apply.apply(self, name, node, unit)

    def heal(self, name: str, node: str | None = None, unit: str | None = None) -> ActiveFault:
        """Undoes a fault. Safe to repeat. Raises LabError."""
        with lock.held(self.paths.lock, silent):
            return apply.heal(self, name, node, unit)

    def heal_all(self) -> tuple[ActiveFault, ...]:
        """Undoes every applied fault. Raises LabError."""
        with lock.held(self.paths.lock, silent):
            return apply.heal_all(self)

    def _up(self, progress: Progress) -> prove.Proof:
        started = time.monotonic()
        off = [node for node in self.nodes if node.power() is not Power.ON]
        if not network.is_laid(self.paths):
            off = list(self.nodes)
        if not off:
            proof = self._proven(PROOF_S)
            self._tell_outdated(progress)
            progress(f"already up: {proof.sentence} ({_since(started)})")
            return proof
        self._boot(off, progress)
        progress(f"booted {', '.join(node.name for node in off)} ({_since(started)})")
        proof = self._proven(FRESH_PROOF_S)
        prove.until_agreed(self.nodes, wait_s=PROOF_S)
        prove.until_served(self.profile, self.paths, wait_s=PROOF_S)
        progress(f"{proof.sentence}; one MASTER, the others BACKUP ({_since(started)})")
        return proof

    def _tell_outdated(self, progress: Progress) -> None:
        ingredients = Ingredients.of(self.profile, self.paths, image.current(self.paths.image_cache))
        outdated = [node.name for node in self.nodes if not is_current(node, ingredients)]
        if outdated:
            names = ", ".join(outdated)
            progress(f"{names}: made by another version or profile; `iamops lab reset` makes them fresh")

    def _throw_away(self, progress: Progress) -> None:
        started = time.monotonic()
        self._clear_strangers()
        _each(LabNode.cut_power, self.nodes)
        _each(lambda node: trees.delete(node.own.directory), self.nodes)
        apply.clear(self.paths.active_faults)
        progress(f"old nodes thrown away ({_since(started)})")

    def _boot(self, off: Sequence[LabNode], progress: Progress) -> None:
        base = image.ensure(self.paths.image_cache, progress)
        # What a crashed lab left of these nodes goes first; on a clean machine nothing happens here.
        _each(LabNode.cut_power, off)
        self._clear_strangers()
        network.lay(self.profile, self.paths)
        ingredients = Ingredients.of(self.profile, self.paths, base)
        _each(lambda node: assemble(node, ingredients), off)
        write_known_hosts(self.profile, self.paths)
        self._boot_in_order(off)
        for node in off:
            apply.forget_powered_up(self.paths, node.name)

    def _boot_in_order(self, off: Sequence[LabNode]) -> None:
        """The preferred owner's keepalived starts first.

        Booted all at once, whoever is quickest becomes MASTER, and with nopreempt it stays so.
        """
        if len(off) == len(self.nodes):
            first, *off = sorted(off, key=lambda node: -self.profile.instance.priority_of(node.node))
            self._boot_as_it_is(first)
            wait_until(lambda: keepalived_is_active(first), wait_s=KEEPALIVED_START_S)
        _each(self._boot_as_it_is, off)

    def _boot_as_it_is(self, node: LabNode) -> None:
        """Boots a node from its own disk."""
        node.cut_power()
        node.boot(image_of(node, self.paths.image_cache))

    def _clear_strangers(self) -> None:
        """Nodes of an earlier profile must not go on running beside ours."""
        for name in self._strangers():
            cut_power(name, self.paths)
        forget_strangers(self.profile, self.paths)

    def _strangers(self) -> list[str]:
        directories = (self.paths.state / "nodes").glob("*")
        return [directory.name for directory in directories if directory.name not in self.profile.nodes]

    def _proven(self, wait_s: float) -> prove.Proof:
        """Raises NotProven, which names the faults that may be to blame."""
        try:
            return prove.until_proven(self.profile, self.paths, wait_s=wait_s)
        except NotProven as error:
            applied = apply.read(self.paths.active_faults)
            if not applied:
                raise
            names = ", ".join(fault.sentence for fault in applied)
            raise NotProven(f"{error.reason}; applied: {names}", "iamops lab fault --heal-all") from error


def _each(work: Callable[[LabNode], object], nodes: Sequence[LabNode]) -> None:
    """Does the same to all nodes at once; the first failure is raised when all have ended."""
    if not nodes:
        return
    with ThreadPoolExecutor(max_workers=len(nodes)) as threads:
        for done in [threads.submit(work, node) for node in nodes]:
            done.result()


def _since(started: float) -> str:
    return f"{time.monotonic() - started:.1f} s"
