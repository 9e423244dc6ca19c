"""Rules about one node's nginx files."""

from __future__ import annotations

from pathlib import Path

from iamops.judge.lint.lint import lint
from tests.support.lint_trees import LAB, NGINX, codes, edited

ROOT = Path(__file__).parents[4]


def test_a_name_in_an_upstream_may_be_the_peers():
    assert "N006" not in codes(lint(edited(NGINX, "server 10.0.4.21:8080", "server peer.iam.internal:8080"), LAB))
    assert "N006" in codes(lint(edited(NGINX, "server 10.0.4.21:8080", "server localhost:8080"), LAB))
