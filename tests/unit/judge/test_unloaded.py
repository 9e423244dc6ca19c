"""What a reload would load: settings of the files against those of the daemons, without a false alarm."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from iamops.judge.disk.keepalived import KeepalivedFiles, keepalived_unloaded, nginx_unloaded
from iamops.judge.lint.tree import ConfigTree
from iamops.model.config import ConfFile, ConfTree, FileListing
from iamops.model.running import Unloaded
from iamops.parse.keepalived.conf import keepalived_conf
from iamops.parse.keepalived.settings import running_blocks, running_settings
from iamops.render.nodefiles import keepalived_text, render_node
from tests.support.profiles import unicast_pair

CAPTURES = Path(__file__).parents[2] / "fixtures" / "keepalived"
PROFILE = unicast_pair()
KEEPALIVED, NGINX = "/etc/keepalived/keepalived.conf", "/etc/nginx/nginx.conf"
DUMPS = {"iam-a": "2.2.7-master.data", "iam-b": "2.2.7-backup.data"}
LOADED = {"keepalived": 1000.0, "nginx": 1000.0}


def seen(
    node: str,
    old: str = "",
    new: str = "",
    *,
    changed_at: float = 900.0,
    dump: str | None = "",
    stopped: bool = False,
) -> KeepalivedFiles:
    """A node as it is rendered and runs, with one replacement in its files. `dump` None: it does not tell."""
    rendered = render_node(PROFILE, node, {"VI_1": "sesame12"})
    files = {}
    for file in rendered:
        text = file.content.replace(old, new) if old else file.content
        at = changed_at if text != file.content else 900.0
        files[file.path] = ConfFile(file.path, text, changed_at=at)
    text = (CAPTURES / DUMPS[node]).read_text() if dump == "" else dump
    running = None if text is None or stopped else running_settings(text)
    conf = ConfTree(node, files, LOADED, listing=listing({path: file.changed_at for path, file in files.items()}))
    if stopped:
        conf = replace(conf, loaded_at={"nginx": LOADED["nginx"]}, stopped=frozenset({"keepalived"}))
    return KeepalivedFiles(
        ConfigTree.of(conf), running, running_blocks(text) if running is not None and text else {}
    )


def listing(times: Mapping[str, float | None], **changed: float) -> FileListing:
    """Everything listed whole, as if made at 900; `changed`: the last part of a directory's name -> its time."""
    parents = {posixpath.dirname(path) for path in times} | {"/etc/nginx", "/etc/keepalived"}
    directories = {each: changed.get(posixpath.basename(each).replace(".", "_"), 900.0) for each in parents}
    files = {path: at for path, at in times.items() if at is not None}
    return FileListing(files, directories, {}, frozenset(directories))


def other_files(
    was: KeepalivedFiles, files: Mapping[str, ConfFile], listed: FileListing | None = None
) -> KeepalivedFiles:
    """The same node with other files; by default they are what is listed, too."""
    listed = listed or listing({path: file.changed_at for path, file in files.items()})
    return replace(was, tree=ConfigTree.of(replace(was.tree.conf, files=files, listing=listed)))


def without(was: KeepalivedFiles, *paths: str, listed: FileListing | None = None) -> KeepalivedFiles:
    return other_files(was, {path: file for path, file in was.tree.files.items() if path not in paths}, listed)


def one_nginx_conf(
    text: str, changed_at: float = 1100.0, *, listed: Mapping[str, float] | None = None
) -> KeepalivedFiles:
    """keepalived checks nothing."""
    main, was = ConfFile(NGINX, text, changed_at=changed_at), replace(seen("iam-b"), rest={})
    return other_files(was, {NGINX: main}, listing({NGINX: changed_at, **(listed or {})}))


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
    assert found.pending == (f"{NGINX} was changed after nginx had read it",)


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


def test_a_keepalived_conf_that_nobody_may_read_is_not_gone():
    own = seen("iam-a")
    listed = own.tree.conf.listing
    assert (
        keepalived_unloaded(without(own, KEEPALIVED, listed=listed), [seen("iam-b")], "keepalived") == Unloaded()
    )
    newer = replace(listed, files={**listed.files, KEEPALIVED: 1100.0})
    found = keepalived_unloaded(without(own, KEEPALIVED, listed=newer), [seen("iam-b")], "keepalived")
    assert found == Unloaded(unknown=(f"{KEEPALIVED} was not read",))
    stopped = without(seen("iam-a", stopped=True), KEEPALIVED, listed=listed)
    assert keepalived_unloaded(stopped, [seen("iam-b")], "keepalived").unknown == (f"{KEEPALIVED} was not read",)


@pytest.mark.parametrize("include", ["/etc/keepalived/conf.d/*.conf", "/srv/vrrp.conf", "/etc/keepalived/$FILE"])
def test_an_instance_in_an_included_file_that_was_not_read_is_not_gone(include: str):
    own = seen("iam-a")
    text = own.tree.files[KEEPALIVED].content
    head = text[: text.index("vrrp_instance")] + f"include {include}\n"
    listed = listing({KEEPALIVED: 1100.0, "/etc/keepalived/conf.d/vi.conf": 900.0})
    split = other_files(own, {KEEPALIVED: ConfFile(KEEPALIVED, head, changed_at=1100.0)}, listed)
    found = keepalived_unloaded(split, [seen("iam-b")], "keepalived")
    assert found.differences == found.conflicts == ()
    closed = replace(listed, files={KEEPALIVED: 1100.0}, listed=frozenset())
    found = keepalived_unloaded(
        other_files(own, split.tree.files, closed), [seen("iam-b", dump=None)], "keepalived"
    )
    assert found.unknown[0] == f"{include} was not read"


@pytest.mark.parametrize("word", ["include", "includer", "includem"])
def test_an_included_instance_that_was_read_is_compared(word: str):
    own, part = seen("iam-a"), "/etc/keepalived/conf.d/vi.conf"
    text = own.tree.files[KEEPALIVED].content
    at = text.index("vrrp_instance")
    files = {
        KEEPALIVED: ConfFile(KEEPALIVED, f"{text[:at]}{word} conf.d/*.conf\n", changed_at=900.0),
        part: ConfFile(part, text[at:].replace("priority 100", "priority 150"), changed_at=1100.0),
    }
    found = keepalived_unloaded(other_files(own, files), [seen("iam-b")], "keepalived")
    assert (found.differences, found.conflicts) == (("VI_1: priority 150 instead of 100",), ())
    (said,) = found.unknown
    assert f"not compared are state ({part}:2), " in said


@pytest.mark.parametrize("spelling", ["2001:DB8:0:0::99", "2001:db8::99/128", "2001:db8:0::99 dev eth0"])
def test_an_address_is_the_same_in_every_spelling(spelling: str):
    dumps = {node: (CAPTURES / DUMPS[node]).read_text().replace("10.0.4.99", "2001:db8::99") for node in DUMPS}
    own = seen("iam-a", "10.0.4.99", spelling, dump=dumps["iam-a"])
    assert keepalived_unloaded(own, [seen("iam-b", dump=dumps["iam-b"])], "keepalived") == Unloaded()


def test_a_removed_file_takes_its_server_with_it_though_nothing_that_is_left_is_newer():
    own, gone = seen("iam-b"), "/etc/nginx/conf.d/iam-apiserver.conf"
    left = {path: file.changed_at for path, file in own.tree.files.items() if path != gone}
    removed = without(own, gone, listed=listing(left, conf_d=1100.0))
    found = nginx_unloaded(removed, PROFILE)
    assert found.conflicts == ("no server of nginx would answer for iam.api.marmotedu.com",)
    assert found.pending == ("/etc/nginx/conf.d was changed after nginx had read it",)


def test_a_file_that_was_replaced_by_an_older_one_is_newer_all_the_same():
    own = seen("iam-b", "127.0.0.1:8080", "127.0.0.1:8081", changed_at=500.0)
    times = {path: file.changed_at for path, file in own.tree.files.items()}
    moved = other_files(own, own.tree.files, listing({**times, "/etc/nginx/nginx.conf": 1100.0}))
    assert "iam.api.marmotedu.com would be sent to 127.0.0.1:8081" in " ".join(
        nginx_unloaded(moved, PROFILE).conflicts
    )
    untimed = other_files(own, own.tree.files, FileListing())
    assert "127.0.0.1:8081" in " ".join(nginx_unloaded(untimed, PROFILE).conflicts)


def test_a_link_that_leads_elsewhere_since_is_a_change():
    own = seen("iam-b", "127.0.0.1:8080", "127.0.0.1:8081", changed_at=500.0)
    linked = replace(own.tree.conf.listing, links={"/etc/nginx": 1100.0})
    found = nginx_unloaded(other_files(own, own.tree.files, linked), PROFILE)
    assert "127.0.0.1:8081" in " ".join(found.conflicts)


SITE = "/etc/nginx/sites-enabled/iam"
PROCESS = "user www-data; worker_processes auto; pid /run/nginx.pid; events { worker_connections 1024; }"
BY_SITES = f"{PROCESS}\nhttp {{ include /etc/nginx/sites-enabled/*; }}\n"


def test_a_site_that_nobody_read_is_not_known_once_it_is_newer():
    untouched = one_nginx_conf(BY_SITES, 900.0, listed={SITE: 900.0})
    assert nginx_unloaded(untouched, PROFILE) == Unloaded()
    found = nginx_unloaded(one_nginx_conf(BY_SITES, 900.0, listed={SITE: 1100.0}), PROFILE)
    assert (found.conflicts, found.unknown) == ((), (f"{SITE} was not read",))


def test_a_directory_that_nobody_may_look_into_may_hold_anything():
    own = one_nginx_conf(BY_SITES, 900.0, listed={SITE: 900.0})
    closed = replace(own.tree.conf.listing, files={NGINX: 900.0}, listed=frozenset({"/etc/nginx"}))
    found = nginx_unloaded(other_files(own, own.tree.files, closed), PROFILE)
    assert found == Unloaded(unknown=("/etc/nginx/sites-enabled/* was not read",))


def test_what_is_in_an_unread_site_of_a_newer_nginx_conf_is_no_conflict_and_may_be_included_only_now():
    found = nginx_unloaded(one_nginx_conf(BY_SITES, listed={SITE: 900.0}), PROFILE)
    news = (f"{NGINX} was changed after nginx had read it",)
    assert found == Unloaded(pending=news, unknown=(f"{SITE} was not read",))
    newer = one_nginx_conf(BY_SITES)
    unlisted = other_files(newer, newer.tree.files, FileListing())
    found = nginx_unloaded(unlisted, PROFILE)
    assert (found.conflicts, found.unknown) == ((), ("/etc/nginx/sites-enabled/* was not read",))


def test_a_directory_that_is_not_there_includes_nothing():
    found = nginx_unloaded(one_nginx_conf(BY_SITES), PROFILE)
    assert found.unknown == ()
    assert len(found.conflicts) == 2


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
