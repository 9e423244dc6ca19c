"""Rules about one node's nginx files."""

from __future__ import annotations

from pathlib import Path

from iamops.judge.lint.lint import lint
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
