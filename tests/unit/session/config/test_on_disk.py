"""What the look at the nodes' files puts into the state, from nodes that answer as real ones do."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

import iamops
from iamops.model.events import LinkChanged
from iamops.model.facts import Link, LinkState
from iamops.model.observed import Known, Unknown
from iamops.model.profile import Profile
from iamops.model.running import FilesReport, Unloaded
from iamops.nodes.config import NAMED
from iamops.render.nodefiles import render_node
from iamops.session.config.on_disk import examine_files
from iamops.session.store import Store
from tests.support.cluster_states import NOW, healthy
from tests.support.files_node import KEEPALIVED, LOADED_SAID, PROFILE, FilesNode, tar


async def looked(*nodes: FilesNode, profile: Profile = PROFILE) -> Store:
    """The state after a look, where only these nodes are connected."""
    store = Store(healthy(NOW, profile))
    by_name = {each.node: each for each in nodes}
    for name in profile.nodes.keys() - by_name.keys():
        store.apply(LinkChanged(NOW + 1, name, Link(LinkState.DOWN, NOW + 1)))
    await examine_files(profile, by_name.get, store, lambda: NOW + 60)
    return store


def report(store: Store, node: str) -> FilesReport:
    seen = store.state.nodes[node].files
    assert isinstance(seen, Known)
    return seen.value


async def test_a_healthy_pair_has_nothing_to_load_and_nothing_unknown():
    store = await looked(FilesNode.rendered("iam-a"), FilesNode.rendered("iam-b"))
    for node in PROFILE.nodes:
        assert report(store, node).unloaded == {"keepalived": Unloaded(), "nginx": Unloaded()}


async def test_a_daemon_that_runs_with_its_files_is_known_to_and_so_is_keepalived_s_check():
    store = await looked(FilesNode.rendered("iam-a"), FilesNode.rendered("iam-b"))
    for node in PROFILE.nodes:
        seen = report(store, node)
        assert seen.current == {"nginx", "keepalived"}
        ((*shell, script, path, argument),) = seen.checks
        assert (shell, path, argument) == (["bash", "-c"], "/etc/keepalived/check_nginx.sh", "2")
        assert script == FilesNode.rendered(node).files[path]
        assert seen.decides_s == 2 * 5 + 3
        assert [each.weight for each in seen.live["VI_1"].checks or ()] == [0]


NGINX = "/etc/nginx/nginx.conf"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("return       204", "return 503", "keepalived's check would be answered badly"),
        ("nginx-alive.localhost", "nginx-dead.localhost", "no server of nginx would answer keepalived's check"),
    ],
)
async def test_nginx_is_not_made_to_read_what_fails_keepalived_s_check(old: str, new: str, told: str):
    edited = FilesNode.rendered("iam-b")
    edited.files[NGINX] = edited.files[NGINX].replace(old, new)
    # Read as it is, it is what runs.
    assert report(await looked(edited), "iam-b").unloaded["nginx"].conflicts == ()
    edited.times[NGINX] = 9990.0
    (said,) = report(await looked(edited), "iam-b").unloaded["nginx"].conflicts
    assert said.startswith(told)


@pytest.mark.parametrize(("old", "new"), [("keepalive_timeout   65", "keepalive_timeout 30"), ("# ", "#  ")])
async def test_what_leaves_the_check_s_host_alone_is_read(old: str, new: str):
    edited = replace(FilesNode.rendered("iam-b"), times={NGINX: 9990.0})
    edited.files[NGINX] = edited.files[NGINX].replace(old, new)
    assert report(await looked(edited), "iam-b").unloaded["nginx"].conflicts == ()


@pytest.mark.parametrize(
    ("file", "old", "new", "in_dump"),
    [
        ("/etc/keepalived/check_nginx.sh", "exec ", "systemctl restart nginx; exec ", False),
        (KEEPALIVED, "/etc/keepalived/check_nginx.sh", "/usr/local/bin/restart_nginx.sh", True),
    ],
)
async def test_a_check_that_is_not_the_known_script_is_never_run_by_us(
    file: str, old: str, new: str, in_dump: bool
):
    node = FilesNode.rendered("iam-b")
    node.files[file] = node.files[file].replace(old, new)
    node.dump = (node.dump or "").replace(old, new) if in_dump else node.dump
    assert report(await looked(node), "iam-b").checks == ()


async def test_files_that_are_newer_or_of_a_silent_keepalived_tell_no_check():
    node = replace(FilesNode.rendered("iam-b"), times={KEEPALIVED: 9990.0}, dump=None)
    seen = report(await looked(node), "iam-b")
    assert (seen.current, seen.checks) == ({"nginx"}, ())


async def test_so_has_one_without_script_and_dumps_whose_files_are_as_they_were_loaded():
    nodes = [replace(FilesNode.rendered(node), has_script=False, dump=None) for node in PROFILE.nodes]
    store = await looked(*nodes)
    for node in PROFILE.nodes:
        assert report(store, node).unloaded == {"keepalived": Unloaded(), "nginx": Unloaded()}


STOPPED = LOADED_SAID.replace(
    "keepalived.service ActiveState=active MainPID=7", "keepalived.service ActiveState=inactive MainPID=0"
)


@pytest.mark.parametrize(
    ("changes", "tells"),
    [
        ({}, True),
        ({"dump": None}, True),
        ({"dump": None, "times": {KEEPALIVED: 9990.0}}, False),
        ({"dump": None, "times": {KEEPALIVED: 9990.0}, "loaded": STOPPED}, True),
    ],
    ids=["dump", "files-as-loaded", "files-newer", "stopped"],
)
async def test_what_keepalived_runs_with_is_its_own_word_or_that_of_the_files_it_reads(
    changes: dict[str, Any], tells: bool
):
    node = replace(FilesNode.rendered("iam-b"), **changes)
    live = report(await looked(node), "iam-b").live
    assert [each.nopreempt for each in live.values()] == ([True] if tells else [])


async def test_a_stopped_keepalived_whose_include_was_not_read_tells_nothing():
    node = replace(FilesNode.rendered("iam-b"), dump=None, loaded=STOPPED)
    node.files[KEEPALIVED] += "include /etc/keepalived/secret.conf\n"
    assert report(await looked(node), "iam-b").live == {}


async def test_a_node_that_is_not_connected_has_no_old_report_and_is_not_heard_by_that():
    store = await looked(FilesNode.rendered("iam-a"))
    there = store.state.nodes["iam-b"]
    assert there.files == Unknown("iam-b is not connected", NOW)
    assert there.last_event_at == NOW
    (said,) = report(store, "iam-a").unloaded["keepalived"].unseen
    assert said.startswith("what keepalived on iam-b runs with is not known (iam-b is not connected)")


async def test_an_edited_file_under_a_keepalived_that_does_not_tell_is_not_known_and_says_why():
    own = replace(FilesNode.rendered("iam-a"), dump=None, times={KEEPALIVED: 9950.0})
    store = await looked(own, FilesNode.rendered("iam-b"))
    (said,) = report(store, "iam-a").unloaded["keepalived"].unknown
    why = "no dump: sudo: a password is required"
    assert said.startswith(f"what it runs with is not known ({why}), and {KEEPALIVED} changed after")
    assert report(store, "iam-b").unloaded["keepalived"].unknown == ()


async def test_what_the_nodes_script_leaves_out_is_read_by_the_login_user():
    own, site = FilesNode.rendered("iam-b"), "/etc/nginx/sites-enabled/iam"
    api = own.files.pop("/etc/nginx/conf.d/iam-apiserver.conf")
    own.files["/etc/nginx/nginx.conf"] = own.files["/etc/nginx/nginx.conf"].replace("conf.d/*.conf", "*/*")
    own.files[site], own.times = api, {site: 9950.0}
    store = await looked(own, FilesNode.rendered("iam-a"))
    news = (f"{site} was changed after nginx had read it",)
    assert report(store, "iam-b").unloaded["nginx"] == Unloaded(pending=news)


async def test_a_site_that_the_login_user_may_not_read_is_not_known():
    own, site = FilesNode.rendered("iam-b"), "/etc/nginx/sites-enabled/iam"
    main = "/etc/nginx/nginx.conf"
    own.files[main] = own.files[main].replace("include /etc/nginx/conf.d/*.conf;", "include sites-enabled/*;")
    listed, own.times = {**own.files, site: ""}, {site: 9950.0}
    hidden = Hidden(own.node, listed, own.times, own.dump, hides=site)
    store = await looked(hidden, FilesNode.rendered("iam-a"))
    found = report(store, "iam-b").unloaded["nginx"]
    assert (found.conflicts, found.unknown) == ((), (f"{site} was not read",))
    assert sum(argv[2] == NAMED for argv in hidden.calls if argv[0] == "sh") == 1


@dataclass
class Hidden(FilesNode):
    """One of its files is root's alone."""

    hides: str = ""

    def _answer(self, argv: tuple[str, ...]) -> tuple[int, bytes]:
        if "sh" in argv and NAMED in argv and self.hides in argv:
            return 0, tar({})
        return super()._answer(argv)


EDITED = {"/etc/nginx/nginx.conf": 9950.0, "/etc/nginx/conf.d/iam-apiserver.conf": 9950.0}


async def test_keepalived_s_check_is_read_by_the_login_user_where_the_nodes_script_is_not_there():
    own = replace(FilesNode.rendered("iam-a"), has_script=False, times=EDITED)
    found = report(await looked(own), "iam-a").unloaded["nginx"]
    assert (found.conflicts, found.unknown, len(found.pending)) == ((), (), 2)
    check = "/etc/keepalived/check_nginx.sh"
    odd = replace(own, files={**own.files, check: "#!/bin/sh\nexec curl -f http://127.0.0.1/health\n"})
    (said,) = report(await looked(odd), "iam-a").unloaded["nginx"].unknown
    assert said.endswith(f"it is not the profile's ({check})")


async def test_what_a_push_writes_by_the_operators_templates_is_what_the_profile_renders(tmp_path: Path):
    built_in = Path(iamops.__file__).parent / "render" / "templates" / "server.conf.j2"
    mine = built_in.read_text().replace("location / {", "location / {\n        proxy_set_header Host $host;")
    (tmp_path / "server.conf.j2").write_text(mine)
    profile = PROFILE.model_copy(update={"templates": str(tmp_path)})
    rendered = render_node(profile, "iam-a", {"VI_1": "sesame12"}, {"server.conf.j2": mine})
    own = FilesNode.rendered("iam-a")
    own = replace(own, files={each.path: each.content for each in rendered}, times=EDITED)
    for known, expected in ((profile, 0), (PROFILE, 1)):
        found = report(await looked(own, profile=known), "iam-a").unloaded["nginx"]
        assert (found.conflicts, len(found.unknown)) == ((), expected)


@pytest.mark.parametrize(
    "text", [b"{% if %}", b"{{ nobody }}", b"{{ profile.nginx.port + 'x' }}", b"{{ 1 / 0 }}", b"\xff"]
)
async def test_a_template_that_cannot_be_filled_has_written_nothing(tmp_path: Path, text: bytes):
    (tmp_path / "server.conf.j2").write_bytes(text)
    profile = PROFILE.model_copy(update={"templates": str(tmp_path)})
    found = report(await looked(replace(FilesNode.rendered("iam-a"), times=EDITED), profile=profile), "iam-a")
    assert found.unloaded["nginx"].unknown == ()
