"""A lab of its own for tests that act: with a short fuse, so that a node's own undo is soon seen to fire."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from iamops.lab.lab import Lab
from iamops.lab.place import LabPaths
from iamops.model.profile import Profile
from iamops.session.cluster import Cluster
from iamops.session.operator import Operator
from iamops.session.profiles import find_profile, load_profile
from tests.lab.conftest import LabForTests, alone_with

PLACE = LabPaths(state=Path("/var/lib/iamops/lab-acting"), prefix="iamact-")
# Pushes have a lab of their own, so that they need not wait for the other actions.
PUSHING_PLACE = LabPaths(state=Path("/var/lib/iamops/lab-pushing"), prefix="iampush-")
NEEDS_PLACE = LabPaths(state=Path("/var/lib/iamops/lab-needs"), prefix="iamneed-")
STANDINS_PLACE = LabPaths(state=Path("/var/lib/iamops/lab-standins"), prefix="iamstand-")
SERVING_PLACE = LabPaths(state=Path("/var/lib/iamops/lab-serving"), prefix="iamserve-")
DEAD_MAN_S = 8
ROLLBACK_S = 25
RUN_TIMEOUT_S = 120


@dataclass(frozen=True)
class Done:
    """A finished command line."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        assert self.out, f"exit {self.code}: {self.err}"
        parsed: dict[str, Any] = json.loads(self.out)
        return parsed

    @property
    def denied(self) -> list[str]:
        return [denial["code"] for denial in self.document["denials"]]


class ActingLab(LabForTests):
    """The lab, and command lines on it with a ledger of their own."""

    def __init__(self, lab: Lab, directory: Path) -> None:
        super().__init__(lab)
        self._dead_man_s = lab.profile.safety.dead_man_s
        self.exec_command = lab.exec_command
        self.reset = lab.reset
        self.directory = directory
        self.profile_file = directory / "lab.yaml"
        self.environment = {**os.environ, "XDG_STATE_HOME": str(directory / "state")}
        self.write_profile()

    def write_profile(self, name: str = "lab.yaml", **changes: Any) -> Path:
        """The profile as a file, with changes to its top-level sections."""
        path = self.directory / name
        raw = {**raw_profile(self._dead_man_s, self.paths), **changes}
        path.write_text(yaml.safe_dump({key: value for key, value in raw.items() if value is not None}))
        return path

    def run(self, *argv: str, profile: Path | None = None, inside: bool = False, **environment: str) -> Done:
        """One command line to its end, without a terminal; `inside` the lab's operator namespace as a whole."""
        enter = ["ip", "netns", "exec", self.paths.operator_namespace] if inside else []
        command = [*enter, sys.executable, "-m", "iamops", "--profile", str(profile or self.profile_file), *argv]
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=RUN_TIMEOUT_S,
            check=False,
            stdin=subprocess.DEVNULL,
            env={**self.environment, **environment},
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def act(self, *argv: str, profile: Path | None = None) -> Done:
        """An action without questions, with its result as JSON."""
        return self.run(*argv, "--yes", "--json", profile=profile)

    def says(self, node: str, *argv: str) -> str:
        """What a command says, whatever its exit code."""
        return self.exec(node, argv).stdout.decode().strip()

    def shell(self, node: str, line: str) -> str:
        return self.says(node, "sh", "-c", line)

    def footprint(self) -> dict[str, str]:
        """Everything an action could have changed: processes, timers, priorities, addresses."""
        units = {name: self.profile.actionable_units_on(name) for name in self.profile.nodes}
        return {
            name: self.shell(
                name,
                f"systemctl show -p Id,MainPID,ActiveState,InvocationID {' '.join(units[name])}; "
                "cat /run/iamops-priority.*; ls /run/systemd/transient; ip -br addr; ls -li /etc/keepalived",
            )
            for name in self.profile.nodes
        }


def raw_profile(dead_man_s: int, place: LabPaths) -> dict[str, Any]:
    """The shipped lab profile, moved to a place."""
    raw: dict[str, Any] = yaml.safe_load(find_profile("lab").read_text())
    raw["network_namespace"] = place.operator_namespace
    raw["ssh"] = {"user": "iamops", "key": str(place.key), "known_hosts": str(place.known_hosts)}
    raw["vrrp"]["VI_1"]["auth"] = {"type": "PASS", "from_file": str(place.vrrp_secret)}
    raw["tls"] = {"ca": str(place.ca)}
    raw["safety"] = {"dead_man_s": dead_man_s, "anti_flap_s": 0, "rollback_s": ROLLBACK_S}
    return raw


def profile_of(path: Path) -> Profile:
    return load_profile(str(path))


@contextmanager
def acting_lab(dead_man_s: int = DEAD_MAN_S, place: LabPaths = PLACE) -> Iterator[ActingLab]:
    """The lab from nothing; it is taken away afterwards."""
    with tempfile.TemporaryDirectory(prefix="iamops-acting-") as temporary:
        path = Path(temporary) / "lab.yaml"
        path.write_text(yaml.safe_dump(raw_profile(dead_man_s, place)))
        with alone_with(Lab(profile_of(path), place)) as lab:
            lab.reset()
            try:
                yield ActingLab(lab, Path(temporary))
            finally:
                lab.purge()


class operating:  # noqa: N801 - reads as a phrase in `async with`
    """A session on the acting lab, settled, with an operator."""

    def __init__(self, lab: ActingLab, profile: Path | None = None) -> None:
        self._lab = lab
        self.cluster = Cluster(profile_of(profile or lab.profile_file))

    async def __aenter__(self) -> tuple[Cluster, Operator]:
        await self.cluster.start()
        assert await self.cluster.settled(10)
        ledger = self._lab.directory / "state" / "operating.jsonl"
        operator = Operator(self.cluster, profile_name="lab", ledger=ledger)
        operator.arm()
        return self.cluster, operator

    async def __aexit__(self, *_: object) -> None:
        await self.cluster.stop()
