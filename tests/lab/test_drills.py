"""Drills on the real pair: they pass when all is well, and fail with the right verdict when it is not."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from junitparser import JUnitXml

from iamops.lab.processes import wait_until
from tests.lab.conftest import LabForTests
from tests.lab.whole import whole_within, wrong
from tests.support.independent_probe import probing

CONF = "/etc/keepalived/keepalived.conf"
NOTIFY = "/etc/keepalived/keepalived_notify.sh"
CHECK = "/etc/keepalived/check_nginx.sh"
VIP, HOST, NAMESPACE = "10.0.4.99", "iam.api.marmotedu.com", "iamops-op"
AGREEMENT_MS = 20.0
# Twenty of them in the soak.
KILLS = 1


@dataclass(frozen=True)
class Drilled:
    """A finished `drill run`."""

    code: int
    err: str
    report: dict[str, Any]

    @property
    def kinds(self) -> set[str]:
        return {failure["kind"] for failure in self.report["failures"]}

    @property
    def broken(self) -> set[str]:
        """What was not as it should be, but for how long it took: other labs may keep this machine busy."""
        return self.kinds - {"over-budget"}

    @property
    def told(self) -> str:
        return " | ".join(failure["text"] for failure in self.report["failures"])

    @property
    def denied(self) -> set[str]:
        return {denial["code"] for denial in self.report["denials"]}


class Drills:
    """Runs drills as a pipeline would, with a ledger of their own."""

    def __init__(self, lab: LabForTests, directory: Path) -> None:
        self.lab = lab
        self.directory = directory
        self.environment = {**os.environ, "XDG_STATE_HOME": str(directory), "XDG_CONFIG_HOME": str(directory)}

    def command(self, *argv: str) -> list[str]:
        return [sys.executable, "-m", "iamops", *argv]

    def iamops(self, *argv: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*argv),
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
            stdin=subprocess.DEVNULL,
            env=self.environment,
        )

    def run(self, name: str, *options: str) -> Drilled:
        out = self.directory / "out.json"
        out.unlink(missing_ok=True)
        done = self.iamops("drill", "run", name, "--profile", "lab", "--yes", "--json", str(out), *options)
        assert out.exists(), f"exit {done.returncode}: {done.stderr}"
        return Drilled(done.returncode, done.stderr, json.loads(out.read_text()))

    def refused(self, name: str, *options: str) -> Drilled:
        """Runs what must be refused: exit code 3, the reason printed, nothing sent to any node."""
        before = self.footprint()
        done = self.run(name, *options)
        assert (done.code, done.report["verdict"]) == (3, "refused"), done.err
        assert self.footprint() == before
        assert all(denial["reason"] in done.err for denial in done.report["denials"])
        return done

    def footprint(self) -> list[str]:
        line = "systemctl show -p Id,InvocationID keepalived nginx iam-apiserver; cat /run/iamops-priority.*"
        return [self.lab.exec(node, ["sh", "-c", line]).stdout.decode() for node in self.lab.profile.nodes]


@pytest.fixture
def drills(lab: LabForTests, tmp_path: Path) -> Drills:
    return Drills(lab, tmp_path)


@contextmanager
def edited(lab: LabForTests, node: str, path: str, sed: str, *, reload: bool = False) -> Iterator[None]:
    """A file changed in place on a node; put back, and loaded again, afterwards."""
    lab.must(node, ["cp", "-p", path, f"{path}.kept"])
    try:
        lab.must(node, ["sed", "-i", sed, path])
        if reload:
            lab.must(node, ["systemctl", "restart", "keepalived"])
        yield
    finally:
        lab.must(node, ["mv", f"{path}.kept", path])
        lab.must(node, ["systemctl", "restart", "keepalived"])


@pytest.mark.alone
def test_both_owners_pass_and_agree_with_a_witness(drills: Drills):
    """The first leaves the VIP with iam-b; the seed's three scenarios begin there."""
    for owner, name in (("iam-a", "keepalived-stop"), ("iam-b", "seed")):
        junit, page = drills.directory / "out.xml", drills.directory / "out.md"
        with probing(VIP, HOST, namespace=NAMESPACE, seconds=90) as witness:
            done = drills.run(name, "--junit", str(junit), "--markdown", str(page))
        assert done.code == 0, done.told or done.err
        ours, theirs = done.report["client"]["longest_gap_ms"], witness.longest_ms
        print(f"{name} from {owner}: ours {ours} ms, witness {theirs} ms")
        assert abs(ours - theirs) <= witness.known_within_ms(done.report["client"], AGREEMENT_MS)
        assert {budget["path"] for budget in done.report["budgets"] if budget["path"]} == {"farewell"}
        assert done.report["nodes"][owner]["live"]["source"] == "keepalived"
        assert done.report["nodes"][owner]["keepalived"].startswith("2.")
        assert JUnitXml.fromfile(str(junit)).failures == 0
        assert page.read_text().startswith(f"# ✅ PASSED: drill {name} on lab")
    history = json.loads(drills.iamops("drill", "history", "seed", "--json").stdout)
    assert history["drills"]["seed"] == {"passed": 1, "runs": 1}
    assert json.loads(drills.iamops("audit", "verify", "--json").stdout)["broken"] is None


@pytest.mark.alone
@pytest.mark.parametrize("name", ["reload", "backend-loss", "load-balance", "switchover"])
def test_a_drill_without_an_outage_passes(drills: Drills, name: str):
    done = drills.run(name)
    assert done.code == 0, done.told or done.err
    if name == "load-balance":
        assert [set(split.values()) for split in done.report["splits"].values()] == [{5}, {5}]
    else:
        assert done.report["client"]["longest_gap_ms"] <= 60


@pytest.mark.alone
def test_a_frozen_machine_is_taken_away_and_comes_back(drills: Drills):
    done = drills.run("node-freeze", "--override", "datastore-spof", "--reason", "a lab")
    assert done.code == 0, done.told or done.err
    moved = next(budget for budget in done.report["budgets"] if budget["what"] == "VIP on iam-b")
    assert (moved["path"], 2800 <= moved["measured_ms"] <= 4600) == ("timeout", True), moved


def test_preemption_is_a_wrong_transition(drills: Drills):
    with edited(drills.lab, "iam-a", CONF, "/^ *nopreempt/d", reload=True):
        assert wait_until(lambda: drills.lab.status().owners == ("iam-a",), wait_s=15)
        done = drills.run("keepalived-stop")
    assert (done.code, done.report["verdict"]) == (1, "fail")
    assert "wrong-transition" in done.kinds
    assert "iam-a" in done.told
    assert done.report["nodes"]["iam-a"]["live"]["nopreempt"] is False


def test_a_check_that_always_passes_is_a_vip_that_never_moves(drills: Drills):
    with edited(drills.lab, "iam-a", CHECK, "1a exit 0"):
        done = drills.run("nginx-stop")
    assert (done.code, done.report["verdict"]) == (1, "fail")
    assert "wrong-transition" in done.kinds
    assert "VIP on iam-b after 'stop nginx on iam-a' never came" in done.told
    assert done.report["restored_by"] == "console"
    assert whole_within(drills.lab, 10) >= 0


def test_a_node_that_does_not_hear_its_peer_is_two_owners(drills: Drills):
    rules = "table inet deaf { chain in { type filter hook input priority 0; ip protocol 112 drop; }; }"
    drills.lab.must("iam-a", ["nft", rules])
    try:
        done = drills.run("keepalived-stop")
    finally:
        drills.lab.must("iam-a", ["nft", "delete table inet deaf"])
    assert (done.code, done.report["verdict"]) == (1, "fail")
    assert done.kinds & {"invariant", "wrong-transition"}
    assert wait_until(lambda: len(drills.lab.status().owners) == 1, wait_s=15)


def test_another_advert_interval_on_one_node_is_refused_once_it_splits_the_pair(drills: Drills):
    """With VRRPv2 a node drops adverts of another interval: both are MASTER before anything is tried."""
    with edited(drills.lab, "iam-b", CONF, "s/advert_int 1/advert_int 3/", reload=True):
        assert wait_until(lambda: len(drills.lab.status().owners) == 2, wait_s=20)
        assert {"split-brain", "config-differs"} <= drills.refused("keepalived-stop").denied
    assert wait_until(lambda: len(drills.lab.status().owners) == 1, wait_s=20)


def test_another_advert_interval_that_is_not_loaded_yet_is_refused_before_a_drill_loads_it(drills: Drills):
    with edited(drills.lab, "iam-a", CONF, "s/advert_int 1/advert_int 3/"):
        assert drills.refused("keepalived-stop").denied == {"unloaded-changes"}


def test_a_drill_that_loads_another_priority_on_request_fails_for_it(drills: Drills):
    with edited(drills.lab, "iam-a", CONF, "s/priority 100/priority 90/"):
        done = drills.run("keepalived-stop", "--override", "unloaded-changes", "--reason", "to see it")
    assert (done.code, done.report["verdict"]) == (1, "fail")
    assert "config" in done.kinds
    assert "iam-a came back with priority 90 instead of 100" in done.told


def test_a_dead_standby_is_refused(drills: Drills):
    drills.lab.fault("stop-unit", "iam-b", "nginx")
    assert drills.refused("seed").denied & {"standby-unhealthy", "standby-fault"}


def test_a_backend_on_loopback_gets_nothing_from_its_peer(drills: Drills):
    drills.lab.fault("backend-loopback", "iam-b", "iam-apiserver")
    done = drills.run("load-balance")
    assert (done.code, done.broken) == (1, {"uneven-split"})
    assert "of 10 requests 10 on iam-a, 0 on iam-b" in done.told


def test_a_missing_notify_script_is_told(drills: Drills):
    lab = drills.lab
    lab.must("iam-b", ["mv", NOTIFY, f"{NOTIFY}.kept"])
    try:
        lab.must("iam-b", ["systemctl", "restart", "keepalived"])
        done = drills.run("keepalived-stop")
    finally:
        lab.must("iam-b", ["mv", f"{NOTIFY}.kept", NOTIFY])
        lab.must("iam-b", ["systemctl", "restart", "keepalived"])
    assert (done.code, done.broken) == (1, {"notify"})
    assert "the notify log of iam-b should say MASTER and says nothing" in done.told


def test_without_a_terminal_and_without_yes_nothing_is_touched(drills: Drills):
    before = drills.footprint()
    done = drills.iamops("drill", "run", "seed", "--profile", "lab")
    assert done.returncode == 3
    assert "not-confirmed" in done.stderr
    assert drills.footprint() == before


def test_a_drill_of_ones_own_with_a_mistake_names_its_line(drills: Drills):
    path = drills.directory / "own.yaml"
    path.write_text("name: own\ntitle: mine\nmethod:\n  - stop: ngnix\n")
    done = drills.iamops("drill", "run", str(path), "--profile", "lab", "--yes")
    assert done.returncode == 2
    assert f"{path}:4: method.0.stop: the profile has no unit 'ngnix'; did you mean nginx?" in done.stderr


def test_longer_than_its_maximum_a_drill_is_undone_and_has_failed(drills: Drills):
    path = drills.directory / "slow.yaml"
    steps = "method:\n  - stop: iam-pump\n  - watch: 9 s\nrestore:\n  - start: iam-pump\n"
    path.write_text(f"name: slow\ntitle: too long\nmax_duration: 3 s\n{steps}")
    done = drills.run(str(path))
    assert (done.code, done.broken, done.report["restored_by"]) == (1, {"timeout"}, "console")
    assert wrong(drills.lab) == []


@pytest.mark.timeout(300)
def test_a_drill_killed_at_random_instants_leaves_a_whole_pair(drills: Drills):
    rng = random.Random(4)
    for _ in range(KILLS):
        print(killed_after(drills, rng.uniform(1.0, 20.0)))


def killed_after(drills: Drills, seconds: float) -> str:
    """kill -9 at an instant of the seed drill; the nodes' own timers must make the pair whole again."""
    command = drills.command("drill", "run", "seed", "--profile", "lab", "--yes")
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=drills.environment
    ) as run:
        time.sleep(seconds)
        run.send_signal(signal.SIGKILL)
        _, err = run.communicate(timeout=10)
    last = err.strip().splitlines()[-1] if err.strip() else "nothing yet"
    took = whole_within(drills.lab, drills.lab.profile.safety.dead_man_s + 15)
    return f"killed after {seconds:4.1f} s ({last}): whole again after {took:.1f} s"
