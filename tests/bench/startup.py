"""How long commands and the first live frame take, as a user waits for them."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.bench.flips import STATE
from tests.bench.terminal import Terminal

IAMOPS = (str(Path(sys.executable).with_name("iamops")),)


def timed(argv: Sequence[str], runs: int) -> list[float]:
    """Seconds per run of a whole process, after one that is not counted."""
    seconds = []
    for _ in range(runs + 1):
        began = time.perf_counter()
        subprocess.run(list(argv), capture_output=True, check=True, timeout=60)
        seconds.append(time.perf_counter() - began)
    return seconds[1:]


def help_s(runs: int) -> list[float]:
    return timed([*IAMOPS, "--help"], runs)


def status_s(runs: int) -> list[float]:
    return timed([*IAMOPS, "--profile", "lab", "status", "--json"], runs)


def parallel_ssh_s(runs: int) -> list[float]:
    """The alternative: a shell script with two parallel ssh that read addresses and units."""
    options = f"-i {STATE}/id_ed25519 -o UserKnownHostsFile={STATE}/known_hosts -o BatchMode=yes"
    read = "ip -o addr; systemctl is-active keepalived nginx iam-apiserver iam-authz-server iam-pump"
    ssh = f"ssh {options} iamops@10.0.4.{{}} '{read}'"
    script = f"{ssh.format(20)} & {ssh.format(21)} & wait"
    return timed(["ip", "netns", "exec", "iamops-op", "sh", "-c", script], runs)


def first_frame_s(runs: int) -> tuple[list[float], list[float]]:
    """Seconds until anything is painted, and until the VIP's owner is on the screen."""
    anything, owner = [], []
    for _ in range(runs):
        terminal = Terminal([*IAMOPS, "--profile", "lab"])
        try:
            first = terminal.painted(r"VIP", since=0, timeout_s=20)
            live = terminal.painted(r"-> iam-[ab]", since=0, timeout_s=20)
            if first is None or live is None:
                raise RuntimeError("the console never showed an owner")
            anything.append(first - terminal.started)
            owner.append(live - terminal.started)
        finally:
            terminal.close()
    return anything, owner
