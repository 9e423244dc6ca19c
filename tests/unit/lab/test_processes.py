"""What the lab needs of a machine and of a profile, and how the processes of its nodes are found."""

from __future__ import annotations

import pytest

from iamops.lab import processes
from iamops.lab.processes import LabImpossible
from tests.support.profiles import THREE, pair


def test_missing_tools_come_as_one_apt_line():
    missing = processes.missing_tools(lambda tool: None if tool in ("mmdebstrap", "ip") else tool)
    assert missing == ("ip", "mmdebstrap")
    assert processes.apt_line(missing) == "sudo apt-get install iproute2 mmdebstrap"


def test_only_a_lab_is_built():
    with pytest.raises(LabImpossible, match="production"):
        processes.check_profile(pair(environment="production"))


def test_nodes_of_two_networks_are_refused():
    nodes = THREE | {"iam-b": {"address": "10.0.5.21", "priority": 50}}
    with pytest.raises(LabImpossible, match="/24"):
        processes.check_profile(pair(nodes=nodes))


def test_another_login_user_is_refused():
    with pytest.raises(LabImpossible, match="iamops"):
        processes.check_profile(pair(ssh={"user": "admin"}))


HYBRID = """\
tmpfs /sys/fs/cgroup tmpfs rw,relatime,mode=755 0 0
cgroup /sys/fs/cgroup/cpuset cgroup rw,relatime,cpuset 0 0
cgroup /sys/fs/cgroup/memory cgroup rw,relatime,memory 0 0
cgroup /sys/fs/cgroup/systemd cgroup rw,relatime,name=systemd 0 0
cgroup2 /sys/fs/cgroup/unified cgroup2 rw,relatime 0 0
"""

SECOND = "cgroup2 /sys/fs/cgroup cgroup2 rw,nosuid,nodev,noexec,relatime,nsdelegate 0 0\n"

FIRST = "".join(line for line in HYBRID.splitlines(keepends=True) if not line.startswith("cgroup2"))


@pytest.mark.parametrize(
    ("mounts", "every"),
    [
        (HYBRID, ["/sys/fs/cgroup/unified", "/sys/fs/cgroup/systemd", "/sys/fs/cgroup/memory"]),
        (SECOND, ["/sys/fs/cgroup"]),
        (FIRST, ["/sys/fs/cgroup/systemd", "/sys/fs/cgroup/memory"]),
    ],
    ids=["hybrid", "v2", "v1"],
)
def test_processes_are_tracked_in_v2_where_there_is_one(mounts, every):
    trees = processes.hierarchies(mounts)
    assert [str(tree) for tree in trees.every] == every
    assert trees.tracking == trees.every[0]


def test_a_machine_without_control_groups_is_refused():
    with pytest.raises(LabImpossible):
        processes.hierarchies("proc /proc proc rw 0 0\n")


def test_members_are_found_below_the_group_and_strangers_of_other_namespaces_ignored(tmp_path):
    deep = tmp_path / "iamops-lab/iam-a/payload/init.scope"
    deep.mkdir(parents=True)
    (deep / "cgroup.procs").write_text("12\n13\n")
    (tmp_path / "iamops-lab/iam-a/cgroup.procs").write_text("0\n7\n")
    assert processes.members("iamops-lab/iam-a", processes.Hierarchies(tmp_path)) == (7, 12, 13)
    assert processes.members("iamops-lab/iam-b", processes.Hierarchies(tmp_path)) == ()


def test_the_init_of_a_node_is_pid_1_of_a_namespace_below_ours(tmp_path):
    for pid, line in ((1, "NSpid:\t1"), (50, "NSpid:\t50"), (60, "NSpid:\t60\t18"), (70, "NSpid:\t70\t1")):
        (tmp_path / str(pid)).mkdir()
        (tmp_path / str(pid) / "status").write_text(f"Name:\tx\nPPid:\t50\n{line}\n")
    assert processes.find_init([1, 50, 99, 60, 70], tmp_path) == 70
    assert processes.find_init([1, 50, 60], tmp_path) is None
    assert processes.parent_of(70, tmp_path) == 50
    assert processes.parent_of(99, tmp_path) is None
