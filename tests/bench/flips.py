"""VIP moves on the lab: from the kernel's event to the store, to the painted screen, to `watch ssh`."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.terminal import Terminal
from tests.bench.witness import KernelWitness

VIP = "10.0.4.99"
NODES = ("iam-a", "iam-b")
STATE = Path("/var/lib/iamops/lab")


@dataclass(frozen=True, slots=True)
class Flip:
    """One move. Times in epoch seconds; `to` got the address at `kernel_at`."""

    to: str
    kernel_at: float
    painted_at: float | None


def on_node(node: str, *argv: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "iamops", "lab", "exec", node, "--", *argv]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def owner(timeout_s: float = 15.0) -> str:
    """The node whose kernel holds the VIP; waits for one while the VIP is on its way."""
    deadline = time.time() + timeout_s
    while time.time() < deadline:
        for node in NODES:
            if f" {VIP}/" in _addresses(node):
                return node
        time.sleep(0.1)
    raise RuntimeError("no node holds the VIP; is the lab up?")


def _addresses(node: str) -> str:
    argv = ["ip", "netns", "exec", f"iamops-{node}", "ip", "-o", "addr", "show"]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout


def flip(terminal: Terminal, witnesses: dict[str, KernelWitness], painted: str | None) -> Flip:
    """Stops keepalived on the owner, waits for the move on screen, starts it again, waits for BACKUP."""
    source = owner()
    target = next(node for node in NODES if node != source)
    began = time.time()
    on_node(source, "systemctl", "stop", "keepalived")
    kernel_at = witnesses[target].gained(since=began, timeout_s=10)
    if kernel_at is None:
        raise RuntimeError(f"{target} did not take the VIP within 10 s")
    painted_at = None
    if painted:
        painted_at = terminal.painted(painted.format(node=target), since=began, timeout_s=5)
    else:
        time.sleep(2.5)  # the alternative looks once a second
    on_node(source, "systemctl", "start", "keepalived")
    _wait_for_backup(source, began)
    return Flip(target, kernel_at, painted_at)


def console_flips(count: int) -> tuple[list[float], list[float]]:
    """Milliseconds from the kernel's event to the store, and to the painted header, per flip.

    The kernel does not stamp its event; two programs on the node do when they hear of it, the witness and
    the console's own monitor. The earlier of the two is the event's time.
    """
    with tempfile.TemporaryDirectory() as directory:
        notes = Path(directory) / "stored.jsonl"
        argv = [sys.executable, "-m", "tests.bench.console_under_test", str(notes)]
        flips = _flips(Terminal(argv), count, painted=r"VIP 10\.0\.4\.99 -> {node}(?! \+)")
        stored = [json.loads(line) for line in notes.read_text().splitlines()]
    to_store, to_screen = [], []
    for move in flips:
        note = _stored(stored, move)
        kernel_at = min(move.kernel_at, note["node_at"])
        to_store.append(1000 * (note["stored_at"] - kernel_at))
        if move.painted_at is None:
            raise RuntimeError(f"the move to {move.to} never reached the screen")
        to_screen.append(1000 * (move.painted_at - kernel_at))
    return to_store, to_screen


def watch_ssh_flips(count: int) -> list[float]:
    """Milliseconds from the kernel's event until `watch -n1 ssh NODE ip addr` knew of it, per flip.

    watch repaints single characters, so its command also notes the time at which it saw the VIP where.
    """
    ssh = (
        f"ssh -i {STATE}/id_ed25519 -o UserKnownHostsFile={STATE}/known_hosts -o BatchMode=yes "
        "iamops@10.0.4.{} ip -o -4 addr show eth0"
    )
    both = "; ".join(f"echo {n}; {ssh.format(a)}" for n, a in zip(NODES, (20, 21), strict=True))
    with tempfile.TemporaryDirectory() as directory:
        notes = Path(directory) / "seen"
        note = f'while read -r line; do echo "$line $(date +%s.%N)" | tee -a {notes}; done'
        script = f"({both}) | awk '/^iam-/{{n=$1}} /{VIP}/{{print \"->\", n}}' | {note}"
        argv = ["ip", "netns", "exec", "iamops-op", "watch", "-t", "-n1", script]
        flips = _flips(Terminal(argv), count, painted=None)
        seen = [line.split() for line in notes.read_text().splitlines()]
    return [1000 * _noted(seen, move) for move in flips]


def _noted(seen: Sequence[Sequence[str]], move: Flip) -> float:
    times = [float(at) for _, node, at in seen if node == move.to and float(at) >= move.kernel_at]
    return min(times) - move.kernel_at


def _flips(terminal: Terminal, count: int, painted: str | None) -> list[Flip]:
    witnesses = {node: KernelWitness(node, VIP) for node in NODES}
    try:
        if terminal.painted("->", since=0, timeout_s=15) is None:
            raise RuntimeError("nothing on the screen within 15 s")
        time.sleep(2)
        return [flip(terminal, witnesses, painted) for _ in range(count)]
    finally:
        terminal.close()
        for witness in witnesses.values():
            witness.close()


def _stored(notes: Sequence[dict[str, Any]], move: Flip) -> dict[str, Any]:
    """The console's note of this very move: the one nearest to it in time."""
    arrivals = [n for n in notes if n["node"] == move.to and n["address"] == VIP and n["present"]]
    note = min(arrivals, key=lambda n: abs(n["stored_at"] - move.kernel_at))
    if abs(note["stored_at"] - move.kernel_at) > 2:
        raise RuntimeError(f"the move to {move.to} never reached the store")
    return note


def _wait_for_backup(node: str, since: float, timeout_s: float = 20.0) -> None:
    deadline = time.time() + timeout_s
    wanted = ["journalctl", "-u", "keepalived", "--since", f"@{since:.0f}", "-o", "cat"]
    while time.time() < deadline:
        lines = on_node(node, *wanted).stdout.splitlines()
        started = max((i for i, text in enumerate(lines) if "Starting Keepalived" in text), default=-1)
        if started >= 0 and any("Entering BACKUP STATE" in text for text in lines[started:]):
            return
        time.sleep(0.1)
    raise RuntimeError(f"keepalived on {node} did not come back as BACKUP")
