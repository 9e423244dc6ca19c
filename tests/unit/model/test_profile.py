"""What a profile means: which units, backends and ports each node has, and whose they are."""

from __future__ import annotations

import pytest

from iamops.model.profile import Profile, SshAccess, endpoint
from tests.support.profiles import pair

API = {"port": 8080, "domain": "iam.api.marmotedu.com"}


def with_services(**services: dict) -> Profile:
    return pair(services=services)


def test_a_section_names_its_entries_and_a_service_its_unit():
    profile = with_services(api={**API, "unit": "iam-apiserver"}, pump={"port": 7070})
    assert [(each.name, each.unit) for each in profile.services.values()] == [
        ("api", "iam-apiserver"),
        ("pump", "pump"),
    ]
    assert profile.services["pump"].log_path == "/var/log/iam/pump.log"


def test_a_datastore_of_a_known_kind_has_its_port():
    profile = pair(datastores={"cache": {"node": "iam-a", "kind": "redis"}, "mariadb": {"node": "iam-b"}})
    assert [store.port for store in profile.datastores.values()] == [6379, 3306]


def test_the_domains_are_those_of_the_services_that_are_published():
    assert with_services(api=API, pump={"port": 7070}).domains == ("iam.api.marmotedu.com",)


def test_a_service_without_a_list_of_nodes_runs_on_every_one():
    profile = with_services(api=API, pump={"port": 7070, "nodes": ["iam-b"]})
    assert [profile.services["api"].runs_on(node) for node in profile.nodes] == [True, True]
    assert profile.units_on("iam-a") == ("keepalived", "nginx", "api")
    assert profile.units_on("iam-b") == ("keepalived", "nginx", "api", "pump")


def test_the_unit_of_a_datastore_may_be_acted_on_where_it_runs():
    profile = pair(datastores={"redis": {"node": "iam-a", "unit": "redis-server"}})
    assert "redis-server" in profile.actionable_units_on("iam-a")
    assert "redis-server" not in profile.actionable_units_on("iam-b")
    assert profile.all_units.count("nginx") == 1


def test_a_backend_beside_the_nodes_is_named_by_its_endpoint():
    profile = with_services(api={**API, "nodes": ["iam-a"], "backends": ["10.0.4.50:8080"]})
    assert profile.backends_of(profile.services["api"]) == {
        "iam-a": "10.0.4.20:8080",
        "10.0.4.50:8080": "10.0.4.50:8080",
    }


def test_an_empty_list_of_nodes_is_none_of_them_and_leaves_the_endpoints():
    away = {**API, "scheme": "https", "nodes": [], "backends": ["198.51.100.11:8080", "198.51.100.12:8080"]}
    profile = with_services(api=away, pump={"port": 7070, "needs": [8081], "nodes": []})
    assert [*profile.backends_of(profile.services["api"])] == away["backends"]
    assert not any(service.runs_on(node) for service in profile.services.values() for node in profile.nodes)
    assert profile.units_on("iam-a") == ("keepalived", "nginx")
    assert not profile.tls_ports_on("iam-a")
    assert not profile.needed_ports_on("iam-a")


def test_a_known_need_is_assumed_only_beside_a_service_on_the_same_nodes():
    def needs(own: dict, other: dict) -> list[str | None]:
        services = {"iam-authz-server": {"port": 1, **own}, "iam-apiserver": {"port": 2, **other}}
        known = pair(services=services, datastores={}).services["iam-authz-server"].needs
        return [need.name for need in known if need.name]

    away = {"nodes": [], "backends": ["198.51.100.11:8080"]}
    assert needs({}, {}) == needs({"nodes": ["iam-a"]}, {}) == ["iam-apiserver"]
    assert needs({"nodes": ["iam-a"]}, {"nodes": ["iam-a", "iam-b"]}) == ["iam-apiserver"]
    assert needs({}, away) == needs({"nodes": ["iam-a"]}, away) == needs({}, {"nodes": ["iam-a"]}) == []


def test_ports_that_speak_tls_are_those_of_https_and_those_that_are_named():
    profile = with_services(api={**API, "scheme": "https", "tls_ports": [8443]})
    assert {port: each.name for port, each in profile.tls_ports_on("iam-a").items()} == {8080: "api", 8443: "api"}
    assert not pair().tls_ports_on("iam-a")


def test_a_certificate_is_for_the_services_own_name_or_the_profiles_or_its_domain():
    named = pair(tls={"name": "iam.example"}, services={"api": API, "pump": {"port": 1, "tls_name": "p.example"}})
    assert [named.tls_name_of(each) for each in named.services.values()] == ["iam.example", "p.example"]
    plain = with_services(api=API, pump={"port": 1})
    assert [plain.tls_name_of(each) for each in plain.services.values()] == ["iam.api.marmotedu.com", None]


def test_a_nodes_own_way_of_login_goes_before_the_profiles():
    nodes = {"iam-a": {"address": "10.0.4.20", "priority": 100, "ssh": {"user": "root"}}}
    profile = pair(nodes=nodes, ssh={"user": "ops", "port": 2222}, datastores={})
    access = profile.ssh_of(profile.nodes["iam-a"])
    assert isinstance(access, SshAccess)
    assert (access.user, access.port) == ("root", 2222)


def test_a_vip_is_an_address_with_or_without_its_prefix_length():
    for vip in ("10.0.4.99", "10.0.4.99/24"):
        assert pair(vrrp={"VI_1": {"virtual_router_id": 51, "vip": vip}}).vrrp["VI_1"].address == "10.0.4.99"


def test_an_instance_has_the_nodes_priority_unless_it_says_another():
    profile = pair(vrrp={"VI_1": {"virtual_router_id": 51, "vip": "10.0.4.99", "priorities": {"iam-b": 150}}})
    instance = profile.vrrp["VI_1"]
    assert [instance.priority_of(node) for node in profile.nodes.values()] == [100, 150]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"version": 2, "advert_interval_s": 0.5}, "whole seconds"),
        ({"version": 3, "advert_interval_s": 0.005}, "advert_interval_s"),
        ({"version": 3, "advert_interval_s": 0.015}, "steps of 0.01"),
        ({"version": 3, "advert_interval_s": 41}, "to 40.95"),
        ({"version": 3, "auth": {"type": "PASS", "from_env": "X"}}, "RFC 5798"),
    ],
)
def test_what_a_version_of_vrrp_cannot_do_is_refused(changes: dict, said: str):
    with pytest.raises(ValueError, match=said):
        pair(vrrp={"VI_1": {"virtual_router_id": 51, "vip": "10.0.4.99", **changes}})


def test_an_address_of_ipv6_stands_in_brackets_before_its_port():
    assert endpoint("fd00::1", 8080) == "[fd00::1]:8080"
    assert endpoint("10.0.4.20", 8080) == "10.0.4.20:8080"
