"""Does each keyword exist, belong where it stands, and have what it needs behind it?"""

from __future__ import annotations

import pytest

from iamops.judge.lint.keywords import keyword_hits
from iamops.judge.lint.tree import ConfigTree
from iamops.model.config import KEEPALIVED_CONF, ConfFile, ConfTree


def told(text: str) -> list[tuple[int | None, str]]:
    file = ConfFile(KEEPALIVED_CONF, text, 0o600, "root", "root")
    return [(hit.line, hit.evidence) for hit in keyword_hits(ConfigTree.of(ConfTree("a", {file.path: file})))]


def instance(line: str) -> list[str]:
    return [evidence for _, evidence in told(f"vrrp_instance V {{\n{line}\n}}\n")]


@pytest.mark.parametrize(
    ("line", "evidence"),
    [
        ("nopreemt", "`nopreemt` is no keyword of keepalived: `nopreempt` is meant?"),
        ("qwertz 1", "`qwertz` is no keyword of keepalived"),
        ("auth_pass x", "`auth_pass` stands in `vrrp_instance`, and belongs in `authentication`"),
        ("global_defs {\n}", "`global_defs` stands in `vrrp_instance`, and belongs at the top level"),
        ("priority", "nothing stands behind `priority`"),
        ("priority x", "`priority x`: that is no whole number"),
        ("priority 300", "`priority 300`: it must be from 1 to 255"),
        ("advert_int 1s", "`advert_int 1s`: that is no number"),
        ("state SLAVE", "`state SLAVE`: it is one of MASTER, BACKUP"),
        ("smtp_alert maybe", "`smtp_alert maybe`: it takes yes or no"),
        ("unicast_src_ip host", "`unicast_src_ip host`: that is no address"),
        ("unicast_peer {\n host\n}", "`host` in `unicast_peer` is no address"),
        ("unicast_peer x {\n}", "`unicast_peer` takes nothing before its brace"),
        ("state BACKUP {\n}", "`state` has no block"),
        ("track_interface {\n eth1 {\n }\n}",
         "`eth1` with a block stands in `track_interface`: that one is not closed before it"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_line_of_an_instance(line: str, evidence: str):
    assert instance(line) == [evidence]


@pytest.mark.parametrize(
    "line",
    [
        "priority $?", "priority ${_RANDOM 1 9}", "@a priority x", "include x.conf\npriority $P", "advert_int 0.5",
        "smtp_alert", "preempt_delay 1.", "track_interface {\n anything weight 5\n}",
        "virtual_ipaddress {\n dev eth0 192.0.2.1/24\n}", 'priority " 100"',
    ],
)  # fmt: skip
def test_what_is_right_or_not_known_is_not_judged(line: str):
    assert instance(line) == []


def test_names_are_needed_and_have_one_word():
    assert [evidence for _, evidence in told("vrrp_instance {\n}\nvrrp_sync_group a b {\n}\n")] == [
        "`vrrp_instance` needs a name",
        "`vrrp_sync_group` takes one name, and has 2 words: keepalived skips the whole block",
    ]


def test_of_what_stands_behind_a_block_that_ends_too_early_the_first_is_told():
    assert [line for line, _ in told("vrrp_instance V {\n}\npriority 1\nnopreempt\ninterval 2\nfall 3\n")] == [
        3,
        5,
    ]
