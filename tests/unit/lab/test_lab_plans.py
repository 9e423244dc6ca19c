"""The pure parts of the lab: what it would build, under which names, from what."""

from __future__ import annotations

import pytest

from iamops.lab import image, keys, network, processes, provision
from iamops.lab.image import SymbolicLink
from iamops.lab.place import LabPaths
from iamops.lab.processes import LabImpossible
from iamops.model.profile import DatastoreKind
from iamops.render.nodefiles import NodeFile
from tests.support.profiles import pair

SECRETS = {"VI_1": "12345678"}
THREE = {
    "iam-a": {"address": "10.0.4.20", "priority": 100},
    "iam-b": {"address": "10.0.4.21", "priority": 50},
    "iam-c": {"address": "10.0.4.10", "priority": 30},
}


def entries(node: str, **changes) -> dict[str, NodeFile | SymbolicLink]:
    profile = pair(**changes)
    made = provision.node_entries(profile, profile.nodes[node], SECRETS, "ssh-ed25519 AAAA operator\n")
    return {entry.path: entry for entry in made}


def started_at_boot(node: str, **changes) -> set[str]:
    wants = f"{provision.WANTED}/"
    return {path.removeprefix(wants) for path in entries(node, **changes) if path.startswith(wants)}


# --- image -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("release", "suite"),
    [
        ('ID=debian\nVERSION_CODENAME=trixie\nPRETTY_NAME="Debian GNU/Linux 13"', "trixie"),
        ('ID="debian"\nVERSION_CODENAME="bookworm"', "bookworm"),
        ("ID=ubuntu\nID_LIKE=debian\nVERSION_CODENAME=noble", "bookworm"),
        ("ID=debian\n", "bookworm"),
        ("", "bookworm"),
    ],
)
def test_the_suite_is_the_hosts_own_where_the_host_is_debian(release, suite):
    assert image.host_suite(release) == suite


def test_the_image_is_named_after_all_that_decides_its_content(monkeypatch):
    before = image.image_name("bookworm")
    assert before == image.image_name("bookworm")
    assert image.image_name("trixie") != before
    for name, value in (("PACKAGES", ("dbus",)), ("SETUP", ()), ("CONFIGS", {}), ("RECIPE_VERSION", "0")):
        with monkeypatch.context() as patch:
            patch.setattr(image, name, value)
            assert image.image_name("bookworm") != before


def test_the_build_names_no_mirror(tmp_path):
    assert not [word for word in image.build_command("bookworm", tmp_path) if "://" in word]


def test_an_image_in_the_cache_is_not_built_again(tmp_path, monkeypatch):
    monkeypatch.setattr(image, "_build", lambda _: pytest.fail("built"))
    image.current(tmp_path).mkdir()
    assert image.ensure(tmp_path, print) == image.current(tmp_path)


def test_a_failed_build_leaves_no_image_and_shows_its_last_lines(tmp_path, monkeypatch):
    monkeypatch.setattr(image, "build_command", lambda *_: ("sh", "-c", "echo E: no such suite >&2; exit 25"))
    with pytest.raises(image.ImageFailed, match="no such suite"):
        image.ensure(tmp_path, lambda _: None)
    assert {path.name for path in tmp_path.iterdir()} == {"build.log", "lock"}


# --- network -----------------------------------------------------------------------------------------


def test_the_operator_takes_host_10_or_the_next_free_one():
    assert network.operator_address(pair()) == "10.0.4.10"
    assert network.operator_address(pair(nodes=THREE)) == "10.0.4.11"


def test_every_port_name_fits_the_kernel_and_is_its_nodes_own():
    assert network.port_name("iam-a") == "p-iam-a"
    long = [network.port_name(f"VM-4-2{digit}-centos") for digit in "01"]
    assert len(set(long)) == 2
    assert max(map(len, long)) <= 15


def test_a_node_has_the_same_hardware_address_for_ever():
    assert network.hardware_address("10.0.4.20") == "02:00:0a:00:04:14"


# --- requirements ------------------------------------------------------------------------------------


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


# --- provisioning ------------------------------------------------------------------------------------


def test_only_the_datastores_own_node_starts_them():
    assert {"mariadb.service", "redis-server.service", "mongod.service"} <= started_at_boot("iam-a")
    assert started_at_boot("iam-b") == {"iam-apiserver.service", "iam-authz-server.service", "iam-pump.service"}


def test_a_datastore_unit_named_by_the_profile_exists():
    stores = {"mariadb": {"node": "iam-a", "unit": "mysqld"}}
    made = entries("iam-a", datastores=stores)
    assert made["/etc/systemd/system/mysqld.service"].target == "/lib/systemd/system/mariadb.service"


def test_a_service_of_one_node_is_not_on_the_other():
    services = {"iam-apiserver": {"port": 8080}, "iam-pump": {"port": 7070, "nodes": ["iam-a"]}}
    assert "iam-pump.service" in started_at_boot("iam-a", services=services)
    assert started_at_boot("iam-b", services=services) == {"iam-apiserver.service"}


def test_hosts_has_the_domains_on_loopback_and_every_node():
    lines = provision.hosts(pair()).splitlines()
    assert "127.0.0.1 iam.api.marmotedu.com" in lines
    assert {"10.0.4.20 iam-a", "10.0.4.21 iam-b"} <= set(lines)


def test_a_service_reaches_its_own_nodes_database_through_loopback():
    profile = pair()
    hosts = {}
    for node in profile.nodes.values():
        config = provision.service_config(profile, node, profile.services["iam-apiserver"])
        hosts[node.name] = '"host": "127.0.0.1"' in config.content
    assert hosts == {"iam-a": True, "iam-b": False}


def test_the_login_user_cannot_change_its_own_keys_or_rights():
    made = entries("iam-a")
    assert made["/home/iamops/.ssh/authorized_keys"].owner == "root"
    assert made["/etc/sudoers.d/iamops"].mode == 0o440


def test_a_change_of_what_a_node_is_made_of_is_noticed():
    profile = pair()
    one = provision.node_entries(profile, profile.nodes["iam-a"], SECRETS, "key")
    other = provision.node_entries(profile, profile.nodes["iam-a"], {"VI_1": "87654321"}, "another key")
    assert provision.digest(one, "") == provision.digest(one, "")
    assert len({provision.digest(one, ""), provision.digest(other, ""), provision.digest(one, "SELECT 1")}) == 3


def test_every_other_node_gets_the_seeds_grant():
    profile = pair(nodes=THREE)
    store = provision.first(profile, DatastoreKind.MARIADB)
    statements = provision.first_statements(profile, store)
    for address in ("10.0.4.21", "10.0.4.10", "127.0.0.1", "localhost"):
        assert f"GRANT ALL ON iam.* TO 'iam'@'{address}' IDENTIFIED BY 'iam1234';" in statements


# --- keys and places ---------------------------------------------------------------------------------


def test_known_hosts_has_plain_addresses_and_no_comments():
    assert keys.known_hosts({"10.0.4.20": "ssh-ed25519 AAAA iam-a\n"}) == "10.0.4.20 ssh-ed25519 AAAA\n"


def test_the_vrrp_secret_is_made_once_has_eight_characters_and_is_private(tmp_path):
    profile = pair(vrrp={"VI_1": {"virtual_router_id": 51, "vip": "10.0.4.99", "auth": {"from_env": "X"}}})
    place = LabPaths(state=tmp_path)
    first = keys.vrrp_secrets(profile, place)
    assert first == keys.vrrp_secrets(profile, place)
    assert len(first["VI_1"]) == 8
    assert place.vrrp_secret.stat().st_mode & 0o777 == 0o600
    assert keys.vrrp_secrets(pair(), place) == {}


def test_the_names_of_the_lab_are_the_agreed_ones():
    place = LabPaths()
    assert place.operator_namespace == "iamops-op"
    assert place.bridge_namespace == "iamops-br"
    assert place.namespace("iam-a") == "iamops-iam-a"
    assert str(place.known_hosts) == "/var/lib/iamops/lab/known_hosts"


# --- processes and control groups --------------------------------------------------------------------

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


def test_a_certificate_of_an_earlier_ca_is_made_anew(tmp_path):
    """A lab whose taking away was cut short kept one node's certificate without the CA that had issued it."""
    place, profile = (
        LabPaths(state=tmp_path),
        pair(services={"iam-apiserver": {"port": 8080, "tls_ports": [8443]}}),
    )
    made = keys.certificates_of(place, profile)
    assert keys.certificates_of(place, profile) == made
    assert made.keys() == profile.nodes.keys()
    for left in (place.ca, place.ca.with_suffix(".key"), place.ca.with_name("iam-a.pem")):
        left.unlink()
    again = keys.certificates_of(place, profile)
    assert all(again[name] != made[name] for name in made)
    place.ca.with_name("iam-b.pem").write_text("half a certi")
    assert keys.certificates_of(place, profile)["iam-b"] != again["iam-b"]
    assert keys.certificates_of(place, profile)["iam-a"] == again["iam-a"]
