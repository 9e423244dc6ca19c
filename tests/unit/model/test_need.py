"""What a service needs: stated in a profile, or known of its name."""

from __future__ import annotations

from typing import Any

from iamops.model.need import Need, NeedWhen
from iamops.model.profile import Profile
from iamops.parse.profile.loader import parse_profile
from tests.support.profile_texts import LAB
from tests.support.profiles import pair


def needs(profile: Profile, service: str) -> list[str]:
    return [str(need) for need in profile.services[service].needs]


def with_services(**services: dict[str, Any]) -> Profile:
    return pair(services={name.replace("_", "-"): each for name, each in services.items()})


def test_the_iam_services_are_known_by_their_names():
    assert needs(pair(), "iam-apiserver") == ["mariadb at start", "redis at start"]
    assert needs(pair(), "iam-authz-server") == ["iam-apiserver:8081", "redis"]
    assert needs(pair(), "iam-pump") == ["redis or idle", "mongodb or idle"]


def test_a_datastore_with_a_name_of_its_own_is_known_by_its_kind():
    stores = {"users-db": {"kind": "mariadb", "node": "iam-a"}, "redis": {"node": "iam-a"}}
    assert needs(pair(datastores=stores), "iam-apiserver") == ["users-db at start", "redis at start"]


def test_what_a_profile_does_not_have_is_not_needed():
    profile = with_services(iam_authz_server={"port": 9090})
    assert needs(profile, "iam-authz-server") == ["redis"]
    apart = with_services(
        iam_apiserver={"port": 8080, "nodes": ["iam-a"]}, iam_authz_server={"port": 9090, "nodes": ["iam-b"]}
    )
    assert needs(apart, "iam-authz-server") == ["redis"]


def test_an_unknown_service_needs_nothing_and_an_empty_list_says_so():
    profile = with_services(other={"port": 8000}, iam_apiserver={"port": 8080, "needs": []})
    assert needs(profile, "other") == needs(profile, "iam-apiserver") == []


def test_every_form_is_read_and_shown_as_it_was_written():
    stated = ["redis", "mariadb at start", "mongodb or idle", "iam-apiserver", "iam-apiserver:8081", 9999]
    profile = with_services(iam_apiserver={"port": 8080}, other={"port": 8000, "needs": stated})
    assert profile.services["other"].needs[1] == Need("mariadb", when=NeedWhen.START)
    assert needs(profile, "other") == [str(each) for each in stated]
    assert profile.needed_ports_on("iam-b") == (8081, 9999)
    again = Profile.model_validate(profile.model_dump(mode="json"))
    assert again == profile


def test_a_port_stands_in_a_flow_list_without_quotes():
    text = LAB.replace("port: 7070", "port: 7070, needs: [iam-apiserver:8081 at start, 9999, redis or idle]")
    profile = parse_profile(text, "p.yaml")
    assert needs(profile, "iam-pump") == ["iam-apiserver:8081 at start", "9999", "redis or idle"]
