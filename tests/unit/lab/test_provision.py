"""What a fresh node is made of: services, datastores, names and rights."""

from __future__ import annotations

import json
from typing import Any

from iamops.lab import provision
from iamops.lab.image import SymbolicLink
from iamops.model.profile import DatastoreKind
from iamops.render.nodefiles import NodeFile
from tests.support.profiles import THREE, pair

SECRETS = {"VI_1": "12345678"}


def entries(node: str, **changes) -> dict[str, NodeFile | SymbolicLink]:
    profile = pair(**changes)
    made = provision.node_entries(profile, profile.nodes[node], SECRETS, "ssh-ed25519 AAAA operator\n")
    return {entry.path: entry for entry in made}


def started_at_boot(node: str, **changes) -> set[str]:
    wants = f"{provision.WANTED}/"
    return {path.removeprefix(wants) for path in entries(node, **changes) if path.startswith(wants)}


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


def config(service: str, node: str, **changes: Any) -> dict[str, Any]:
    profile = pair(**changes)
    content = provision.service_config(profile, profile.nodes[node], profile.services[service]).content
    loaded: dict[str, Any] = json.loads(content)
    return loaded


def test_a_stand_in_needs_what_the_profile_says():
    api, authz, pump = (config(name, "iam-b") for name in ("iam-apiserver", "iam-authz-server", "iam-pump"))
    assert [(each["kind"], each["host"]) for each in api["at_start"]] == [
        ("mariadb", "10.0.4.20"),
        ("redis", "10.0.4.20"),
    ]
    assert api["listens_too"] == [8081]
    assert [(each["name"], each["host"], each["port"]) for each in authz["awaits"]] == [
        ("iam-apiserver:8081", "127.0.0.1", 8081),
        ("redis", "10.0.4.20", 6379),
    ]
    assert pump["at_start"] == pump["awaits"] == []
    plain = config("iam-apiserver", "iam-b", services={"iam-apiserver": {"port": 8080, "needs": []}})
    assert plain["at_start"] == plain["awaits"] == plain["listens_too"] == []
