"""What a reload would load: settings of the files against those of the daemons, without a false alarm."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from console.judge.lint.tree import Tree
from console.judge.unloaded import Seen, keepalived_unloaded, nginx_unloaded
from console.model.config import ConfFile, ConfTree
from console.parse.running_vrrp import running_settings
from console.render.nodefiles import render_node
from tests.profiles import pair

CAPTURES = Path(__file__).parents[2] / "fixtures" / "keepalived"
PROFILE = pair(
    vrrp={
        "VI_1": {
            "virtual_router_id": 51,
            "vip": "10.0.4.99",
            "unicast": True,
            "nopreempt": True,
            "auth": {"type": "PASS", "from_env": "X"},
        }
    }
)
KEEPALIVED, NGINX = "/etc/keepalived/keepalived.conf", "/etc/nginx/nginx.conf"
DUMPS = {"iam-a": "2.2.7-master.data", "iam-b": "2.2.7-backup.data"}
LOADED = {"keepalived": 1000.0, "nginx": 1000.0}


def seen(node: str, old: str = "", new: str = "", *, changed_at: float = 900.0, dump: str | None = "") -> Seen:
    """A node as it is rendered and runs, with one replacement in its files. `dump` None: keepalived is stopped."""
    rendered = render_node(PROFILE, node, {"VI_1": "sesame12"})
    files = {}
    for file in rendered:
        text = file.content.replace(old, new) if old else file.content
        at = changed_at if text != file.content else 900.0
        files[file.path] = ConfFile(file.path, text, changed_at=at)
    text = (CAPTURES / DUMPS[node]).read_text() if dump == "" else dump
    running = None if text is None else running_settings(text)
    return Seen(Tree.of(ConfTree(node, files, LOADED)), running)


def test_files_as_they_were_loaded_change_nothing():
    a, b = seen("iam-a"), seen("iam-b")
    assert keepalived_unloaded(a, [b], "keepalived") == keepalived_unloaded(b, [a], "keepalived")
    assert keepalived_unloaded(a, [b], "keepalived").differences == ()
    assert keepalived_unloaded(a, [b], "keepalived").conflicts == ()
    assert nginx_unloaded(a, PROFILE).conflicts == nginx_unloaded(a, PROFILE).news == ()


@pytest.mark.parametrize("node", ["iam-a", "iam-b"])
@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("virtual_router_id 51", "virtual_router_id 52", "virtual_router_id"),
        ("auth_pass sesame12", "auth_pass another1", "the authentication"),
        ("advert_int 1", "advert_int 3", "advert_int"),
        ("10.0.4.99", "10.0.4.98", "the VIP"),
        ("unicast_peer", "unicast_nobody", "unicast"),
    ],
)
def test_a_setting_that_its_peer_does_not_share_is_a_conflict(node: str, old: str, new: str, what: str):
    other = "iam-b" if node == "iam-a" else "iam-a"
    found = keepalived_unloaded(seen(node, old, new), [seen(other)], "keepalived")
    assert [f"VI_1: {what} would differ from {other}" in each for each in found.conflicts] == [True]
    assert "another1" not in repr(found)
    assert "sesame12" not in repr(found)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("priority 100", "priority 150", "VI_1: priority 150 instead of 100"),
        ("interface eth0", "interface eth9", "VI_1: the interface eth9 instead of eth0"),
        ("unicast_src_ip 10.0.4.20", "unicast_src_ip 10.0.4.7", "unicast_src_ip 10.0.4.7 instead of 10.0.4.20"),
    ],
)
def test_a_setting_of_its_own_that_becomes_another_one_is_a_difference(old: str, new: str, said: str):
    found = keepalived_unloaded(seen("iam-a", old, new), [seen("iam-b")], "keepalived")
    assert found.conflicts == ()
    assert said in " ".join(found.differences)


def test_a_stopped_keepalived_has_nothing_to_differ_from_but_its_peer():
    found = keepalived_unloaded(seen("iam-a", "priority 100", "priority 150", dump=None), [], "keepalived")
    assert found.differences == ()
    other = seen("iam-b", dump=None)
    found = keepalived_unloaded(seen("iam-a", "router_id 51", "router_id 52", dump=None), [other], "keepalived")
    assert len(found.conflicts) == 1


def test_a_password_that_the_daemon_hides_may_have_changed_when_its_file_has():
    dump = (CAPTURES / DUMPS["iam-a"]).read_text().replace("Password = sesame12", "Password = ********")
    untouched = keepalived_unloaded(seen("iam-a", dump=dump), [], "keepalived")
    assert untouched.differences == ()
    edited = seen("iam-a", "auth_pass sesame12", "auth_pass another1", changed_at=1100.0, dump=dump)
    (said,) = keepalived_unloaded(edited, [], "keepalived").differences
    assert "hides its password" in said


def test_a_file_that_cannot_be_read_is_one_conflict_with_its_line():
    broken = seen("iam-a", "virtual_router_id 51", "virtual_router_id 51 {")
    (said,) = keepalived_unloaded(broken, [seen("iam-b")], "keepalived").conflicts
    assert said.startswith(f"{KEEPALIVED}:")


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


def test_what_a_reload_is_for_is_news_and_nothing_worse():
    edited = seen("iam-b", "keepalive_timeout   65", "keepalive_timeout   30", changed_at=1100.0)
    found = nginx_unloaded(edited, PROFILE)
    assert (found.conflicts, found.differences) == ((), ())
    assert found.news == (f"{NGINX} was changed after nginx had read it",)


def test_a_setting_that_hangs_on_a_definition_is_compared_with_nothing():
    edited = seen("iam-a", "virtual_router_id 51", "virtual_router_id $ROUTER")
    found = keepalived_unloaded(edited, [seen("iam-b")], "keepalived")
    assert not any("virtual_router_id" in each for each in (*found.conflicts, *found.differences))
    edited = seen("iam-a", "virtual_router_id 51", "virtual_router_id $ROUTER", changed_at=1100.0)
    found = keepalived_unloaded(edited, [seen("iam-b")], "keepalived")
    assert "what became of virtual_router_id is not known" in " ".join(found.differences)


def test_lists_that_are_counted_are_read_like_those_with_a_colon():
    text = (CAPTURES / DUMPS["iam-a"]).read_text()
    old = text.replace("Virtual IP (1):", "Virtual IP = 1").replace("Unicast Peer :", "Unicast Peer = 1")
    assert running_settings(old) == running_settings(text)
    assert replace(running_settings(text)["VI_1"]).values["the VIP"] == ("10.0.4.99",)
