"""Where nginx's files would lead the published domains: nowhere, to a node, or nobody knows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from iamops.judge.disk.keepalived import KeepalivedFiles, nginx_unloaded
from iamops.model.running import Unloaded
from tests.support.files_on_disk import NGINX, PROFILE, one_nginx_conf, seen


def test_an_upstream_that_leads_nowhere_is_a_conflict_once_nginx_would_load_it():
    edited = seen("iam-b", "127.0.0.1:8080", "127.0.0.1:8081", changed_at=1100.0)
    (said,) = nginx_unloaded(edited, PROFILE).conflicts
    assert said == "iam.api.marmotedu.com would be sent to 127.0.0.1:8081, which is no backend of iam-apiserver"
    running_so = seen("iam-b", "127.0.0.1:8080", "127.0.0.1:8081")
    assert nginx_unloaded(running_so, PROFILE).conflicts == ()


def test_a_domain_that_nobody_would_answer_for_is_a_conflict():
    edited = seen(
        "iam-b", "server_name  iam.api.marmotedu.com", "server_name  other.example.com", changed_at=1100.0
    )
    assert "no server of nginx would answer for iam.api.marmotedu.com" in nginx_unloaded(edited, PROFILE).conflicts


def api_by(*endpoints: str, name: str = "iam.api.marmotedu.com") -> KeepalivedFiles:
    server = "".join(f"server {each}; " for each in endpoints)
    authz = "server { listen 80; server_name iam.authz.marmotedu.com; location / { proxy_pass http://v; } }"
    authz = f"upstream v {{ server iam-a:9090; server iam-b:9090; }} {authz}"
    api = f"server {{ listen 80; server_name {name}; location / {{ proxy_pass http://u; }} }}"
    return one_nginx_conf(f"events {{}}\nhttp {{ upstream u {{ {server}}} {api} {authz} }}\n")


def test_a_backend_by_the_name_of_its_node_is_that_node():
    hosts = {"db-box": "10.0.4.20", "far-box": "10.9.9.9"}
    for good in ("iam-a:8080", "10.0.4.20:8080", "127.0.1.1:8080", "[::ffff:0:0]:8080 down", "db-box:8080"):
        found = nginx_unloaded(replace(api_by(good, "iam-b:8080"), hosts=hosts), PROFILE)
        assert (found.conflicts, found.unseen) == ((), ()), good
    for bad in ("iam-a:8081", "far-box:8080", "10.0.4.20"):
        (said,) = nginx_unloaded(replace(api_by(bad), hosts=hosts), PROFILE).conflicts
        assert f"would be sent to {bad}, which is no backend of iam-apiserver" in said


def test_a_backend_by_another_name_is_not_known_and_not_compared():
    found = nginx_unloaded(api_by("apiserver.internal:8080"), PROFILE)
    assert found.conflicts == ()
    assert "would be sent to apiserver.internal:8080, not to iam-a, iam-b" in found.unknown[0]
    (said,) = found.unseen
    assert said.startswith("whether apiserver.internal:8080, to which nginx sends iam.api.marmotedu.com,")


@pytest.mark.parametrize("name", ["*.api.marmotedu.com iam.*", ".marmotedu.com", "~^iam", "_"])
def test_a_domain_may_be_answered_by_a_server_that_does_not_name_it(name: str):
    assert nginx_unloaded(api_by("iam-a:8080", name=name), PROFILE).conflicts == ()


SERVES = "server { listen 80; server_name %s; location / { proxy_pass http://u; } }"
REFUSES = "server { listen 80 default_server; server_name _; return 444; }"
OF_OTHERS = {
    "the first server": SERVES % "elsewhere.org",
    "capital letters": f"{REFUSES} {SERVES % 'IAM.api.marmotedu.com'}",
    "the node's own name": f"{REFUSES} {SERVES % '$hostname'}",
    "somebody else's backends": SERVES.replace("//u", "//10.9.9.9:1") % "iam.api.marmotedu.com",
    "a path to nobody": "upstream old { server 10.0.4.20:7000 down; }"
    + SERVES.replace("{ proxy", "{ proxy_pass http://old; } location /x { proxy") % "iam.api.marmotedu.com",
}


def of_others(body: str, changed_at: float) -> KeepalivedFiles:
    http = f"http {{ upstream u {{ server iam-a:8080; server iam-b:8080; }} {body} }}"
    if body.startswith("stream"):
        http = body
    return one_nginx_conf(f"events {{}}\n{http}\n", changed_at)


@pytest.mark.parametrize("kind", OF_OTHERS)
def test_what_nginx_has_loaded_and_answers_is_compared_with_nothing(kind: str):
    loaded = of_others(OF_OTHERS[kind], 900.0)
    assert nginx_unloaded(loaded, PROFILE) == Unloaded()


@pytest.mark.parametrize("kind", ["capital letters", "the node's own name", "a path to nobody"])
def test_a_domain_that_may_be_answered_is_no_conflict_of_newer_files(kind: str):
    found = nginx_unloaded(of_others(OF_OTHERS[kind], 1100.0), PROFILE)
    assert not any("iam.api" in each for each in found.conflicts)
    assert found.unknown != ()


def test_what_nginx_passes_on_without_http_is_not_known():
    passed = "stream { upstream u { server iam-a:8080; } server { listen 80; proxy_pass u; } }"
    assert nginx_unloaded(of_others(passed, 900.0), PROFILE) == Unloaded()
    found = nginx_unloaded(of_others(passed, 1100.0), PROFILE)
    assert found.conflicts == ()
    assert f"{NGINX}:2: what `stream` does to every request was compared with nothing" in found.unknown
