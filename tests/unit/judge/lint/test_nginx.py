"""Rules about one node's nginx files."""

from __future__ import annotations

from pathlib import Path

import pytest

from iamops.judge.lint.lint import lint
from iamops.model.config import ConfFile, ConfTree
from tests.support.lint_trees import LAB, NGINX, codes, edited

ROOT = Path(__file__).parents[4]


def test_a_name_in_an_upstream_may_be_the_peers():
    assert "N006" not in codes(lint(edited(NGINX, "server 10.0.4.21:8080", "server peer.iam.internal:8080"), LAB))
    assert "N006" in codes(lint(edited(NGINX, "server 10.0.4.21:8080", "server localhost:8080"), LAB))


def test_a_service_on_one_node_or_none_has_no_peer_to_name():
    tree = edited(NGINX, "server 10.0.4.21:8080", "server 198.51.100.11:8080")
    assert "N006" in codes(lint(tree, LAB))
    for nodes in (("iam-a",), ()):
        change = {"nodes": nodes, "backends": ("198.51.100.11:8080", "198.51.100.12:8080")}
        service = LAB.services["iam-apiserver"].model_copy(update=change)
        profile = LAB.model_copy(update={"services": {**LAB.services, "iam-apiserver": service}})
        assert "N006" not in codes(lint(tree, profile))


def said(body: str, code: str, whole: frozenset[str] = frozenset()) -> list[tuple[str, int | None]]:
    file = ConfFile(NGINX, f"events {{ }}\nhttp {{\n{body}\n}}\n")
    tree = ConfTree("a", {NGINX: file}, whole=whole)
    return [(f.hit.evidence, f.hit.line) for f in lint([tree]).findings if f.rule.code == code]


@pytest.mark.parametrize(
    ("body", "evidence", "line"),
    [
        ("log_format a '$host';\naccess_log /a a;", "it lacks the backend ($upstream_addr): access_log uses a", 4),
        ("log_format a '$upstream_addr';\naccess_log /a a;", "it lacks the host ($host): access_log uses a", 4),
        ("log_format a '$hostname $upstream_addr';\naccess_log /a a;",
         "it lacks the host ($host): access_log uses a", 4),
        ("server { listen 80; access_log /a; }", "it lacks the host ($host) and the backend ($upstream_addr): "
         "access_log uses combined", 3),
        ("server { listen 80; }", "it lacks the host ($host) and the backend ($upstream_addr): "
         "without access_log it is combined", 2),
        ("log_format a '$host';\naccess_log /a a;\nserver { location / { access_log /b a; } }",
         "it lacks the backend ($upstream_addr): access_log uses a", 4),
    ],
)  # fmt: skip
def test_what_the_access_log_lacks_is_named(body: str, evidence: str, line: int):
    assert said(body, "N007") == [(evidence, line)]


@pytest.mark.parametrize(
    "body",
    [
        "log_format a '$server_name ${upstream_addr}';\naccess_log /a a;",
        "log_format a '$http_host $upstream_addr';\naccess_log /a;\naccess_log /b a;",
        "access_log off;",
        "include /srv/formats.conf;\naccess_log /a wide;",
        "include /srv/logs.conf;",
        "log_format a '$host $upstream_addr';\nserver { access_log /a a; }",
    ],
)
def test_an_access_log_that_tells_all_or_is_not_known_is_let_be(body: str):
    assert said(body, "N007") == []


def test_a_directive_of_a_module_is_told_once():
    body = "brotli on;\nbrotli_types a;\nserver { brotli off; }"
    assert [line for _, line in said(body, "N009")] == [3, 4]


def test_a_file_that_may_be_elsewhere_is_not_missed():
    node = frozenset({"/etc/nginx/conf.d/*.conf"})
    assert [line for _, line in said("include proxy.conf;", "N002")] == [3]
    assert said("include proxy.conf;", "N002", node) == []
    assert said("include conf.d/proxy.conf;", "N002", node) != []
    passing = "server { location / { proxy_pass http://192.0.2.20; } }"
    for include in ("include proxy.conf;", "include sites-enabled/*;"):
        assert [line for _, line in said(f"{include}\n{passing}", "L003", node) if line] == [3]
        assert said(f"{include}\n{passing}", "N004", node) == []
    assert said(f"include conf.d/*.conf;\n{passing}", "N004", node) != []
