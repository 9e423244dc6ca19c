"""How often the services of a node are asked by those who watch it: by nobody, by one, by three."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from iamops.lab.lab import Lab
from iamops.model.profile import Profile
from iamops.nodes.pace import SETTLED_S
from iamops.session.profiles import load_profile
from tests.bench.figures import Row

Exec = Callable[[str, Sequence[str]], str]
# Until every value was seen, all was well for long enough, and each has read who else watches.
CALM_S = SETTLED_S + 7.0
# So many requests a second and service on two nodes: each rhythm of nodes/pace.py, once for all watchers.
GOAL_PER_S = 0.45


@dataclass(frozen=True)
class Asked:
    """Requests a second to each service of each node, and processes of the login user on a node."""

    per_s: Mapping[str, float]
    processes: int

    @property
    def most(self) -> float:
        return max(self.per_s.values())


@contextlib.contextmanager
def watchers(count: int, profile: str) -> Iterator[None]:
    """So many `iamops watch`, each with a directory of its own."""
    with tempfile.TemporaryDirectory(prefix="iamops-watchers-") as directory:
        running = [_watch(profile, Path(directory) / str(number)) for number in range(count)]
        try:
            yield
        finally:
            for process in running:
                process.terminate()
            for process in running:
                process.wait(15)


def asked(execute: Exec, profile: Profile, seconds: float) -> Asked:
    """Counts what arrives at the services while nobody but the watchers asks."""
    before, began = _lines(execute, profile), time.monotonic()
    time.sleep(seconds)
    after, took_s = _lines(execute, profile), time.monotonic() - began
    node = next(iter(profile.nodes))
    processes = execute(node, ("sh", "-c", "ps -o comm= -u iamops | wc -l"))
    return Asked({name: (after[name] - count) / took_s for name, count in before.items()}, int(processes))


def question_rows(seconds: float) -> list[Row]:
    lab = Lab(load_profile("lab"))

    def execute(node: str, argv: Sequence[str]) -> str:
        return lab.must(node, argv)

    base = asked(execute, lab.profile, seconds)
    rows = []
    for count in (1, 3):
        with watchers(count, "lab"):
            time.sleep(CALM_S)
            seen = asked(execute, lab.profile, seconds)
        own = {name: rate - base.per_s[name] for name, rate in seen.per_s.items()}
        each = ", ".join(f"{name} {rate:.2f}" for name, rate in own.items())
        rows.append(
            Row(
                f"requests a second to each service, {count} idle `iamops watch`",
                each,
                f"{GOAL_PER_S:g} whatever their number",
                f"{seen.processes - base.processes} processes on a node",
                max(own.values()) <= GOAL_PER_S,
            )
        )
    return rows


def _watch(profile: str, directory: Path) -> subprocess.Popen[bytes]:
    directory.mkdir()
    urls = directory / "urls"
    urls.touch(mode=0o600)
    argv = [sys.executable, "-m", "iamops", "--profile", profile, "watch", "--json"]
    argv += ["--state-dir", str(directory / "state"), "--to-file", str(urls)]
    return subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _lines(execute: Exec, profile: Profile) -> dict[str, int]:
    found = {}
    for node in profile.nodes:
        for service in profile.services.values():
            if service.runs_on(node):
                count = execute(node, ("sh", "-c", f"grep -c {service.health} {service.log_path} || true"))
                found[f"{node} {service.name}"] = int(count)
    return found
