"""Files that somebody changed by hand: a reload or a restart is refused as what it would be, or does no harm."""

from __future__ import annotations

import pytest

from tests.lab.acting import ActingLab
from tests.lab.own import VIP, comes_true
from tests.lab.serving import CONF, edited
from tests.lab.slices import sliced
from tests.lab.whole import wrong

KEEPALIVED = "/etc/keepalived/keepalived.conf"
DRIFTS = {
    "router id": ("keepalived", KEEPALIVED, "s/virtual_router_id 51/virtual_router_id 52/"),
    "password": ("keepalived", KEEPALIVED, "s/auth_pass .*/auth_pass another1/"),
    "interface": ("keepalived", KEEPALIVED, "s/interface eth0/interface eth9/"),
    "advert": ("keepalived", KEEPALIVED, "s/advert_int 1/advert_int 3/"),
    "priority": ("keepalived", KEEPALIVED, "s/priority [0-9]+/priority 150/"),
    "VIP": ("keepalived", KEEPALIVED, r"s/10\.0\.4\.99/10.0.4.98/"),
    "check": ("keepalived", KEEPALIVED, r's#script "/etc/keepalived/check_nginx.sh.*#script "/bin/false"#'),
    "tracked interface": ("keepalived", KEEPALIVED, r"s/^( *)track_script \{/\1track_interface {\neth7\n}\n&/"),
    "syntax": ("keepalived", KEEPALIVED, "s/(virtual_router_id 51)/\\1 {/"),
    "upstream port": ("nginx", CONF, r"s/127\.0\.0\.1:8080/127.0.0.1:8081/"),
}


def owners(lab: ActingLab) -> list[str]:
    """Whose kernel has the VIP, asked of the kernels themselves."""
    return [node for node in lab.profile.nodes if VIP in lab.says(node, "ip", "-br", "addr")]


@pytest.mark.parametrize("kind", sliced(DRIFTS, "interface", "advert", "priority", "check"))
def test_what_nobody_pushed_is_not_loaded(serving: ActingLab, kind: str):
    unit, path, program = DRIFTS[kind]
    # Whichever node is asked and however: which goes with which takes turns from kind to kind.
    verbs = ("reload", "restart") if list(DRIFTS).index(kind) % 2 else ("restart", "reload")
    for node, verb in zip(serving.profile.nodes, verbs, strict=True):
        with edited(serving, node, path, program):
            before = serving.footprint()
            done = serving.act(verb, unit, node)
            assert (done.code, done.denied) == (3, ["unloaded-changes"]), (verb, node, done.err)
            assert len(owners(serving)) == 1
            assert serving.footprint() == before
    assert wrong(serving) == []


def test_a_change_that_a_reload_is_for_is_loaded(serving: ActingLab):
    with edited(serving, "iam-b", CONF, "s/keepalive_timeout +65/keepalive_timeout 30/"):
        done = serving.act("reload", "nginx", "iam-b")
    assert done.code == 0, done.err
    assert serving.act("reload", "nginx", "iam-b").code == 0


def test_an_edit_that_was_put_back_refuses_nothing(serving: ActingLab):
    with edited(serving, "iam-b", KEEPALIVED, "s/priority [0-9]+/priority 150/"):
        pass
    done = serving.act("reload", "keepalived", "iam-b")
    assert done.code == 0, done.err


def test_a_reload_that_fails_keepalived_s_check_is_no_success_and_the_other_node_keeps_the_vip(serving: ActingLab):
    insist = ("--override", "unloaded-changes", "--reason", "to see the check fail")
    with edited(serving, "iam-b", "/etc/nginx/nginx.conf", "s/return +204;/return 503;/"):
        refused = serving.act("reload", "nginx", "iam-b")
        assert (refused.code, refused.denied) == (3, ["unloaded-changes"]), refused.err
        done = serving.act("reload", "nginx", "iam-b", *insist)
    assert done.code == 1, done.err
    assert "keepalived's check on iam-b says no" in done.document["sentence"]
    assert owners(serving) == ["iam-a"]
    serving.must("iam-b", ["systemctl", "reload", "nginx"])
    assert comes_true(lambda: wrong(serving) == [], 20)


def test_a_switchover_would_start_keepalived_with_the_drifted_file_and_is_refused(serving: ActingLab):
    _, path, program = DRIFTS["router id"]
    with edited(serving, "iam-a", path, program):
        done = serving.act("switchover")
    assert (done.code, done.denied) == (3, ["unloaded-changes"]), done.err
    assert owners(serving) == ["iam-a"]
