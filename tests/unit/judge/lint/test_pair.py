"""Rules that compare the nodes: the same VIP in two spellings is one, and what cannot be compared is not."""

from __future__ import annotations

from dataclasses import replace

from iamops.judge.lint.lint import lint
from tests.support.lint_trees import KEEPALIVED, LAB, codes, edited, rendered


def test_what_hangs_on_a_definition_or_a_conditional_is_not_compared():
    """The usual reason for either is one file for both nodes: their values differ where it is read."""
    trees = [rendered(node) for node in LAB.nodes]
    one = trees[0].files[KEEPALIVED].content
    for was, becomes in {
        "priority 100": "@a priority 100\n    @b priority 50",
        "unicast_src_ip 10.0.4.20": "unicast_src_ip ${_ENV OWN}",
        "        10.0.4.21\n": "        ${_ENV PEER}\n",
        "auth_pass sesame12": "auth_pass ${_ENV VRRP_PASSWORD}",
    }.items():
        assert was in one
        one = one.replace(was, becomes)
    # Where the definitions stand is not at hand.
    one = f"include /etc/keepalived/own.conf\n{one}"
    both = [replace(t, files={**t.files, KEEPALIVED: replace(t.files[KEEPALIVED], content=one)}) for t in trees]
    assert codes(lint(both, LAB)) == {"K002"}


def test_a_vip_with_its_prefix_length_is_the_same_vip():
    assert codes(lint(edited(KEEPALIVED, "        10.0.4.99\n", "        10.0.4.99/32 dev eth0\n"), LAB)) == set()


def test_a_node_without_any_instance_leaves_the_vip_to_the_other():
    trees = [rendered(node) for node in LAB.nodes]
    bare = replace(trees[1].files[KEEPALIVED], content="global_defs {\n}\n")
    trees[1] = replace(trees[1], files={**trees[1].files, KEEPALIVED: bare})
    assert "P010" in codes(lint(trees, LAB))
