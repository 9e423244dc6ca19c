"""What a reload would load: settings of the files against those of the daemons, without a false alarm."""

from __future__ import annotations

from dataclasses import replace

import pytest

from iamops.judge.disk.keepalived import keepalived_unloaded, nginx_unloaded
from iamops.judge.lint.tree import ConfigTree
from iamops.model.running import Unloaded
from iamops.parse.keepalived.conf import keepalived_conf
from iamops.render.nodefiles import keepalived_text
from tests.support.files_on_disk import CAPTURES, DUMPS, KEEPALIVED, NGINX, PROFILE, seen


def test_files_as_they_were_loaded_change_nothing():
    a, b = seen("iam-a"), seen("iam-b")
    assert keepalived_unloaded(a, [b], "keepalived") == keepalived_unloaded(b, [a], "keepalived")
    assert keepalived_unloaded(a, [b], "keepalived").differences == ()
    assert keepalived_unloaded(a, [b], "keepalived").conflicts == ()
    assert nginx_unloaded(a, PROFILE).conflicts == nginx_unloaded(a, PROFILE).pending == ()


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
    found = keepalived_unloaded(seen(node, old, new, changed_at=1100.0), [seen(other)], "keepalived")
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
    found = keepalived_unloaded(seen("iam-a", old, new, changed_at=1100.0), [seen("iam-b")], "keepalived")
    assert found.conflicts == ()
    assert said in " ".join(found.differences)


# In a newer file whatever keepalived does not tell may be another one now.
DRIFTS = {
    "check": ('script "/etc/keepalived/check_nginx.sh 2"', 'script "/bin/false"', "/bin/false instead of /etc/"),
    "check's argument": ("check_nginx.sh 2", "check_nginx.sh 9", "the check's command gets other arguments"),
    "fall": ("fall 2", "fall 1", "fall 1 instead of 2"),
    "interval": ("interval 5", "interval 1", "interval 1 instead of 5"),
    "weight": ("weight 0  ", "weight -60", "weight -60 instead of 0"),
    "no check": (
        "check_nginx_VI_1\n    }\n    track_file",
        "}\n    track_file",
        "the tracked checks none",
    ),
    "VIP's interface": (
        "10.0.4.99\n",
        "10.0.4.99 dev eth7\n",
        "10.0.4.99/32 dev eth7 instead of ",
    ),
    "VIP's prefix": ("10.0.4.99\n", "10.0.4.99/16\n", "10.0.4.99/16 dev eth0 instead of 10.0.4.99/32 dev eth0"),
    "VIP's label": ("10.0.4.99\n", "10.0.4.99 label eth0:1\n", "virtual_ipaddress (line "),
    "notify script": ('notify_fault "/etc/keepalived/', 'notify_fault "/root/', "notify_fault changes"),
    "track_interface": ("track_file {", "track_interface {\neth7\n}\ntrack_file {", "track_interface (line "),
    "track_process": ("track_file {", "track_process {\nnope\n}\ntrack_file {", "track_process (line "),
    "state": ("state BACKUP", "state MASTER", "state (line "),
    "sync group": ("vrrp_instance VI_1", "vrrp_sync_group G {\n}\nvrrp_instance VI_1", "vrrp_sync_group (line "),
    "use_vmac": ("interface eth0", "use_vmac\n interface eth0", "use_vmac (line "),
    "vrrp_strict": ("script_user root", "script_user root\n vrrp_strict\n", "vrrp_strict (line "),
    "no_accept": ("advert_int 1", "advert_int 1\n no_accept", "no_accept (line "),
    "net_namespace": ("global_defs {", "net_namespace foo\nglobal_defs {", "net_namespace (line "),
    "startup delay": ("script_user root", "script_user root\nvrrp_startup_delay 9\n", "vrrp_startup_delay (line "),
    "preempt_delay": ("priority 100", "priority 100\n preempt_delay 300", "preempt_delay (line "),
    "script_user": ("script_user root", "script_user nobody", "script_user (line "),
    "init_file": ("init_file 0", "init_file 200", "vrrp_track_file (line "),
    "no track_file": (
        "    track_file {\n        raise_VI_1 weight 1\n    }\n",
        "",
        "what may have been taken out",
    ),
    "a comment": ("# Is nginx", "# is nginx", "what may have been taken out"),
}


@pytest.mark.parametrize("kind", DRIFTS)
def test_whatever_a_newer_keepalived_conf_says_is_never_taken_for_what_runs(kind: str):
    old, new, said = DRIFTS[kind]
    found = keepalived_unloaded(seen("iam-a", old, new, changed_at=1100.0), [seen("iam-b")], "keepalived")
    assert found.conflicts == ()
    assert said in " ".join((*found.differences, *found.unknown))
    assert "sesame12" not in repr(found)


def test_a_newer_file_that_says_what_the_profile_does_is_nobody_s_edit():
    meant = keepalived_conf({KEEPALIVED: keepalived_text(PROFILE, "iam-a")})

    def loads(old: str, new: str, dump: str | None = "") -> Unloaded:
        own = replace(seen("iam-a", old, new, changed_at=1100.0, dump=dump), intended=meant)
        return keepalived_unloaded(own, [seen("iam-b")], "keepalived")

    assert loads("# Is nginx", "#   is nginx") == Unloaded()
    for kind, (old, new, said) in DRIFTS.items():
        found = loads(old, new)
        assert kind == "a comment" or said in " ".join((*found.differences, *found.unknown)), kind
    assert loads("state BACKUP", "$STATE BACKUP\n state BACKUP").unknown
    without_password = (CAPTURES / DUMPS["iam-a"]).read_text().replace("   Password = sesame12\n", "")
    assert "authentication (line " in " ".join(loads("# Is nginx", "# is nginx", without_password).unknown)
    # What it runs with may be another one all the same.
    other = (CAPTURES / DUMPS["iam-a"]).read_text().replace("Fall = 2", "Fall = 9")
    assert loads("# Is nginx", "# is nginx", other).differences == (
        "vrrp_script check_nginx_VI_1: fall 2 instead of 9",
    )


def test_a_file_of_which_nobody_knows_whether_it_changed_is_not_taken_for_what_runs_either():
    own = seen("iam-a", "state BACKUP", "state MASTER")
    untimed = replace(own, tree=ConfigTree.of(replace(own.tree.conf, loaded_at={})))
    (said,) = keepalived_unloaded(untimed, [seen("iam-b")], "keepalived").unknown
    assert "whether its files changed after it had read them is not known either" in said
    assert "state (line " in said


def test_a_file_that_was_loaded_as_it_is_need_not_be_compared_whole():
    for kind, (old, new, _) in DRIFTS.items():
        assert keepalived_unloaded(seen("iam-a", old, new), [seen("iam-b")], "keepalived") == Unloaded(), kind


def test_a_stopped_keepalived_has_nothing_to_differ_from_but_its_peer():
    own = seen("iam-a", "priority 100", "priority 150", stopped=True)
    assert keepalived_unloaded(own, [], "keepalived") == Unloaded()
    own = seen("iam-a", "router_id 51", "router_id 52", stopped=True)
    found = keepalived_unloaded(own, [seen("iam-b", stopped=True)], "keepalived")
    assert len(found.conflicts) == 1
    assert (found.unknown, found.unseen) == ((), ())


def test_a_password_that_the_daemon_hides_may_have_changed_when_its_file_has():
    dump = (CAPTURES / DUMPS["iam-a"]).read_text().replace("Password = sesame12", "Password = ********")
    untouched = keepalived_unloaded(seen("iam-a", dump=dump), [], "keepalived")
    assert untouched.differences == ()
    edited = seen("iam-a", "auth_pass sesame12", "auth_pass another1", changed_at=1100.0, dump=dump)
    (said,) = keepalived_unloaded(edited, [], "keepalived").differences
    assert "hides its password" in said


def test_a_file_that_cannot_be_read_is_one_conflict_with_its_line():
    broken = seen("iam-a", "virtual_router_id 51", "virtual_router_id 51 {", changed_at=1100.0)
    (said,) = keepalived_unloaded(broken, [seen("iam-b")], "keepalived").conflicts
    assert said.startswith(f"{KEEPALIVED}:")


def test_what_a_reload_is_for_is_news_and_nothing_worse():
    edited = seen("iam-b", "keepalive_timeout   65", "keepalive_timeout   30", changed_at=1100.0)
    found = nginx_unloaded(edited, PROFILE)
    assert (found.conflicts, found.differences) == ((), ())
    assert found.pending == (f"{NGINX} was changed after nginx had read it",)


def test_a_setting_that_hangs_on_a_definition_is_compared_with_nothing():
    edited = seen("iam-a", "virtual_router_id 51", "virtual_router_id $ROUTER")
    found = keepalived_unloaded(edited, [seen("iam-b")], "keepalived")
    assert not any("virtual_router_id" in each for each in (*found.conflicts, *found.differences))
    edited = seen("iam-a", "virtual_router_id 51", "virtual_router_id $ROUTER", changed_at=1100.0)
    found = keepalived_unloaded(edited, [seen("iam-b")], "keepalived")
    assert "what became of virtual_router_id is not known" in " ".join(found.differences)


@pytest.mark.parametrize(
    ("old", "new"), [("virtual_router_id 51", "virtual_router_id 52"), ("priority 100", "priority 40")]
)
def test_what_an_edited_file_changes_is_not_known_where_keepalived_does_not_tell(old: str, new: str):
    own = seen("iam-a", old, new, changed_at=1100.0, dump=None)
    other = seen("iam-b", old, new, changed_at=1100.0, dump=None)
    found = keepalived_unloaded(own, [other], "keepalived")
    assert (found.conflicts, found.differences) == ((), ())
    (said,) = found.unknown
    assert said == (
        "what it runs with is not known (it does not tell), "
        "and /etc/keepalived/keepalived.conf changed after it had read its files"
    )


def test_files_that_a_silent_keepalived_has_read_as_they_are_tell_what_it_runs_with():
    silent = seen("iam-a", dump=None)
    assert keepalived_unloaded(silent, [seen("iam-b", dump=None)], "keepalived") == Unloaded()
    edited = seen("iam-b", "router_id 51", "router_id 52", changed_at=1100.0)
    split = keepalived_unloaded(edited, [silent], "keepalived")
    assert "virtual_router_id would differ from iam-a" in " ".join(split.conflicts)


def test_the_files_of_a_peer_that_runs_and_does_not_tell_are_not_what_it_runs_with():
    peer = replace(seen("iam-b", "priority", "priority", changed_at=1100.0, dump=None), unavailable="sudo: no")
    edited = seen("iam-b", "router_id 51", "router_id 52", changed_at=1100.0, dump=None)
    (said,) = keepalived_unloaded(seen("iam-a"), [replace(edited, unavailable="sudo: no")], "keepalived").unseen
    assert said == "what keepalived on iam-b runs with is not known (sudo: no), so it is not compared with it"
    assert keepalived_unloaded(seen("iam-a"), [peer], "keepalived").conflicts == ()


def test_a_keepalived_is_not_started_beside_one_whose_files_changed_and_which_does_not_tell():
    own = seen("iam-a", "router_id 51", "router_id 52", stopped=True)
    other = seen("iam-b", "router_id 51", "router_id 52", changed_at=1100.0, dump=None)
    found = keepalived_unloaded(own, [other], "keepalived")
    assert "what keepalived on iam-b runs with is not known" in " ".join(found.unknown)


def test_a_peer_that_was_not_looked_at_is_named():
    found = keepalived_unloaded(seen("iam-a"), [], "keepalived", {"iam-b": "iam-b is not connected"})
    assert found.unseen == (
        "what keepalived on iam-b runs with is not known (iam-b is not connected), so it is not compared with it",
    )


@pytest.mark.parametrize("spelling", ["2001:DB8:0:0::99", "2001:db8::99/128", "2001:db8:0::99 dev eth0"])
def test_an_address_is_the_same_in_every_spelling(spelling: str):
    dumps = {node: (CAPTURES / DUMPS[node]).read_text().replace("10.0.4.99", "2001:db8::99") for node in DUMPS}
    own = seen("iam-a", "10.0.4.99", spelling, dump=dumps["iam-a"])
    assert keepalived_unloaded(own, [seen("iam-b", dump=dumps["iam-b"])], "keepalived") == Unloaded()
