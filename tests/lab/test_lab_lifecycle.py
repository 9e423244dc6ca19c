"""The lab itself: it comes up, survives being killed, keeps to itself, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from iamops.lab import network, processes
from iamops.lab.image import ENDS_WITH_US
from iamops.lab.lab import Lab
from iamops.lab.network import inside
from iamops.lab.node import Power
from iamops.lab.place import LabPaths
from iamops.lab.processes import LabNotUp, UnknownNode, wait_until
from iamops.lab.status import vrrp_states
from tests.lab.conftest import OWN_PLACE, own_profile
from tests.lab.own import answer, comes_true, fetched, mended, out


@pytest.fixture
def lab(own_lab):
    """The lab that may be broken, whole before each test."""
    return mended(own_lab)


# --- up, down, reset ---------------------------------------------------------------------------------


def test_the_vip_answers_from_one_node_and_the_states_are_master_and_backup(lab):
    proof = lab.up()
    assert proof.status == 200
    assert len(proof.owners) == 1
    assert answer(lab).status == 200
    states = [vrrp_states(node)["VI_1"] for node in lab.nodes]
    assert sorted(states) == ["BACKUP", "MASTER"]


@pytest.mark.alone
def test_a_second_up_is_quick_and_touches_nothing(lab):
    pids = [node.init_pid() for node in lab.nodes]
    started = time.monotonic()
    told: list[str] = []
    lab.up(told.append)
    assert time.monotonic() - started < 3
    assert [node.init_pid() for node in lab.nodes] == pids
    assert told[0].startswith("already up")


@pytest.mark.alone
def test_a_fresh_pair_comes_within_ten_seconds_and_forgets_the_old_one(lab):
    lab.must("iam-b", ["touch", "/root/mark"])
    started = time.monotonic()
    assert lab.reset().owners == ("iam-a",)
    assert time.monotonic() - started < 10
    assert lab.exec("iam-b", ["test", "-e", "/root/mark"]).returncode == 1


# Nodes of another lab that boot meanwhile hold on to what is mounted then.
@pytest.mark.alone
def test_down_keeps_the_disks_and_leaves_nothing_else_behind(lab):
    lab.must("iam-b", ["touch", "/root/mark"])
    host_key = out(lab, "iam-b", "cat", "/etc/ssh/ssh_host_ed25519_key.pub")
    lab.down()
    assert leftovers(lab.paths) == []
    with pytest.raises(LabNotUp):
        lab.exec("iam-b", ["true"])
    with pytest.raises(LabNotUp):
        inside(lab.paths.operator_namespace, lambda: None)
    lab.up()
    assert lab.exec("iam-b", ["test", "-e", "/root/mark"]).returncode == 0
    assert out(lab, "iam-b", "cat", "/etc/ssh/ssh_host_ed25519_key.pub") == host_key
    assert host_key.split()[1] in lab.paths.known_hosts.read_text()


def leftovers(place: LabPaths) -> list[str]:
    """Processes, mounts, loop devices, namespaces and control groups of a lab."""
    trees = processes.here()
    groups = [str(tree) for tree in trees.every if (tree / f"{place.prefix}lab").exists()]
    mounts = [line for line in Path("/proc/self/mounts").read_text().splitlines() if str(place.state) in line]
    loops = subprocess.run(["losetup", "-a"], capture_output=True, text=True, check=True).stdout
    spaces = [str(path) for path in Path("/run/netns").glob(f"{place.prefix}*")]
    pids = [str(pid) for pid in processes.members(f"{place.prefix}lab", trees)]
    return [*groups, *mounts, *(line for line in loops.splitlines() if str(place.state) in line), *spaces, *pids]


def test_two_ups_at_once_make_one_lab(lab):
    lab.down()
    with ThreadPoolExecutor(2) as threads:
        proofs = [future.result() for future in [threads.submit(Lab(lab.profile, lab.paths).up) for _ in "ab"]]
    assert all(proof.holds for proof in proofs)
    nspawns = [pid for node in lab.nodes for pid in nspawn_of(node.group)]
    assert len(nspawns) == 2


def nspawn_of(group: str) -> list[int]:
    members = processes.members(group, processes.here())
    return [pid for pid in members if Path(f"/proc/{pid}/comm").read_text() == "systemd-nspawn\n"]


def test_an_interrupted_up_is_finished_by_the_next_one(lab):
    lab.down()
    code = (
        "from tests.lab.conftest import OWN_PLACE, own_profile\n"
        "from iamops.lab.lab import Lab\n"
        "Lab(own_profile(), OWN_PLACE).reset(lambda line: print(line, flush=True))\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as victim:
        assert victim.stdout.readline()
        victim.send_signal(signal.SIGKILL)
    assert lab.up().holds


# --- what a crash leaves -----------------------------------------------------------------------------


def test_up_clears_what_a_killed_nspawn_left_and_boots_the_node_again(lab):
    node = lab.node("iam-b")
    orphan = node.init_pid()
    for pid in nspawn_of(node.group):
        os.kill(pid, signal.SIGKILL)
    assert comes_true(lambda: node.power() is Power.CRASHED)
    assert lab.up().holds
    assert node.power() is Power.ON
    assert node.init_pid() != orphan
    assert lab.node("iam-a").power() is Power.ON


def test_up_rebuilds_a_network_that_someone_deleted(lab):
    subprocess.run(["ip", "netns", "delete", lab.paths.bridge_namespace], check=True)
    assert lab.up().holds


def test_up_boots_a_node_whose_namespace_was_deleted(lab):
    subprocess.run(["ip", "netns", "delete", lab.paths.namespace("iam-b")], check=True)
    assert lab.node("iam-b").power() is Power.CRASHED
    assert lab.up().holds


def test_a_killed_image_build_leaves_no_process_and_no_mount(lab_machine, tmp_path):
    (tmp_path / "inside").mkdir()
    step = f"mount -t tmpfs none {tmp_path}/inside && echo mounted && exec sleep 97"
    code = f"import subprocess; subprocess.run([*{ENDS_WITH_US!r}, 'sh', '-c', {step!r}])"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as builder:
        assert builder.stdout.readline() == b"mounted\n"
        assert str(tmp_path) not in Path("/proc/self/mounts").read_text()
        builder.kill()
        # The pipe ends only when the last process that holds it has.
        assert builder.stdout.read() == b""


# --- closed ------------------------------------------------------------------------------------------


def test_the_machines_own_namespace_has_no_address_and_no_interface_of_the_lab(lab):
    own = subprocess.run(["ip", "-o", "address"], capture_output=True, text=True, check=True).stdout
    assert "10.0.4." not in own
    assert "lab0" not in own


def test_no_namespace_of_the_lab_has_a_way_out(lab):
    spaces = [lab.paths.operator_namespace, lab.paths.bridge_namespace]
    spaces += [lab.paths.namespace(name) for name in lab.profile.nodes]
    for space in spaces:
        routes = subprocess.run(["ip", "-n", space, "route"], capture_output=True, text=True, check=True).stdout
        assert "default" not in routes
        assert all(line.startswith("10.0.4.") for line in routes.splitlines())


# --- exec --------------------------------------------------------------------------------------------


def test_exec_passes_streams_and_exit_codes_through(lab):
    assert lab.exec("iam-b", ["sh", "-c", "exit 7"]).returncode == 7
    assert lab.exec("iam-b", ["cat"], stdin=b"a\0b").stdout == b"a\0b"
    assert lab.exec("iam-b", ["sh", "-c", "echo no >&2"]).stderr == b"no\n"
    assert lab.exec("iam-b", ["no-such-command"]).returncode == 127


def test_exec_is_inside_the_node_in_every_way(lab):
    assert out(lab, "iam-b", "hostname") == "iam-b"
    assert out(lab, "iam-b", "cat", "/proc/1/comm") == "systemd"
    assert out(lab, "iam-b", "id", "-un") == "root"
    assert out(lab, "iam-b", "pwd") == "/"
    assert "10.0.4.21" in out(lab, "iam-b", "ip", "-br", "address")
    assert out(lab, "iam-b", "systemctl", "is-active", "keepalived") == "active"


def test_exec_of_an_unknown_node_names_the_known_ones(lab):
    with pytest.raises(UnknownNode) as refused:
        lab.exec("iam-c", ["true"])
    assert "iam-a, iam-b" in refused.value.next_step


# --- the nodes ---------------------------------------------------------------------------------------


def test_only_the_named_node_carries_the_datastores(lab):
    for unit in ("mariadb", "redis-server", "mongod"):
        assert lab.exec("iam-a", ["systemctl", "is-active", unit]).stdout == b"active\n"
        assert lab.exec("iam-b", ["systemctl", "is-active", unit]).stdout == b"inactive\n"


def test_the_stand_ins_answer_as_the_real_ones_and_say_what_they_are(lab):
    for port in (8080, 9090, 7070):
        assert fetched(lab, "iam-a", f"http://10.0.4.21:{port}/healthz") == '{"status":"ok"}'
    head = lab.must("iam-a", ["curl", "-sI", "http://10.0.4.21:8080/healthz"])
    assert "X-Stand-In: iam-apiserver on iam-b, iamops lab" in head
    assert "stand-in" in out(lab, "iam-b", "iam-apiserver", "--version")
    assert "stand-in" in out(lab, "iam-b", "systemctl", "show", "-p", "Description", "iam-apiserver")


def test_a_real_request_reads_the_database_over_the_seeds_grant(lab):
    for path in ("http://10.0.4.21:8080/v1/users", "http://10.0.4.20:8080/v1/users"):
        assert '"totalCount":2' in fetched(lab, "iam-a", path)
    assert fetched(lab, "iam-b", "http://127.0.0.1:9090/v1/authz") == '{"allowed":true}'


def test_requests_are_logged_for_the_group_adm(lab):
    lab.must("iam-b", ["curl", "-s", "http://127.0.0.1:8080/healthz?mark=logged"])
    reader = ["runuser", "-u", "iamops", "--"]
    assert "mark=logged" in out(lab, "iam-b", *reader, "cat", "/var/log/iam/iam-apiserver.log")
    out(lab, "iam-b", *reader, "cat", "/var/log/nginx/access.log", "/var/log/keepalived.log")


def test_round_robin_reaches_both_backends(lab):
    """nginx leaves a backend that was not there when it started alone for ten seconds (fail_timeout)."""
    both = {"iam-apiserver on iam-a, iamops lab", "iam-apiserver on iam-b, iamops lab"}
    assert wait_until(lambda: {answer(lab).getheader("X-Stand-In") for _ in range(10)} == both, wait_s=15)


def test_mongod_greets_both_nodes(lab):
    ask = (
        "import sys; sys.path.insert(0, '/usr/lib/iam-stand-ins');"
        "from iamops.lab.standins.mongo_wire import ping; ping('10.0.4.20', 27017, 1)"
    )
    for node in lab.profile.nodes:
        lab.must(node, ["python3", "-c", ask])


# --- N nodes -----------------------------------------------------------------------------------------


@pytest.mark.alone
def test_a_profile_with_three_nodes_boots_three(lab):
    """The third node joins; the two that are there only get their files anew."""
    three = [("iam-a", "10.0.4.20", 100), ("iam-b", "10.0.4.21", 50), ("iam-standby-west", "10.0.4.22", 30)]
    bigger = Lab(own_profile(three), OWN_PLACE)
    try:
        assert bigger.reset().owners == ("iam-a",)
        assert [len(node.addresses) >= 1 for node in bigger.status().nodes.values()] == [True] * 3
        assert '"totalCount":2' in fetched(bigger, "iam-standby-west", "http://127.0.0.1:8080/v1/users")
        bigger.fault("power-off", "iam-a")
        assert comes_true(lambda: bigger.status().owners == ("iam-b",))
    finally:
        lab.reset()
    assert not list(lab.paths.state.glob("nodes/iam-standby-west"))
    assert network.addresses("iam-standby-west", lab.paths) == ()
    assert processes.init_of(lab.paths.cgroup("iam-standby-west")) is None
    lab.down()
    assert leftovers(lab.paths) == []
