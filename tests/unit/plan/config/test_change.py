"""What a push changes on one node, and what of it may be shown."""

from __future__ import annotations

import base64
import io
import tarfile
from dataclasses import replace

import pytest

from iamops.model.config import ConfFile
from iamops.plan.config.change import diff_lines, may_be_shown, node_change, payload, same_settings, side_by_side
from iamops.plan.config.meaning import change_summary
from tests.support.config_changes import authed, changes, tree, wanted
from tests.support.profiles import pair

SECRETS = {"VI_1": "sesame12"}
KEEPALIVED = "/etc/keepalived/keepalived.conf"


def test_the_same_files_are_no_change():
    change = node_change(tree(), wanted(authed()))
    assert (change.files, change.daemons) == ((), ())
    assert set(change.seen) == set(tree().files)


def test_another_name_of_the_profile_is_no_change_and_no_reload():
    """It stands in the comment that heads the files, and in nothing that a daemon reads."""
    live = tree()
    renamed = wanted(authed().model_copy(update={"name": "mine"}))
    assert {f.path for f in renamed if f.content != live.files[f.path].content} >= {
        KEEPALIVED,
        "/etc/nginx/nginx.conf",
    }
    assert node_change(live, renamed).files == ()


@pytest.mark.parametrize(
    ("live", "same"),
    [
        ("# lab: VRRP on iam-a. Written by iamops from the profile.\nx\n", True),
        ("# anything else. Written by iamops from the profile.\nx\n", True),
        ("# lab: VRRP on iam-a. Written by iamops from the profile.\ny\n", False),
        ("# lab: VRRP on iam-a.\nx\n", False),
        ("x\n# lab: VRRP on iam-a. Written by iamops from the profile.\n", False),
        ("#include /etc/evil # Written by iamops from the profile.\nx\n", False),
        ("# lab. Written by iamops from the profile.\ry\nx\n", False),
        ("# lab. Written by iamops from the profile. y\nx\n", False),
    ],
)
def test_only_the_comment_that_heads_a_file_may_say_something_else(live: str, same: bool):
    assert same_settings(live, "# mine: VRRP on iam-a. Written by iamops from the profile.\nx\n") is same


def test_rights_stay_as_somebody_set_them_unless_the_file_could_not_work():
    base = tree()
    files = dict(base.files)
    files[KEEPALIVED] = replace(files[KEEPALIVED], mode=0o640, group="adm", content="old")
    script = "/etc/keepalived/check_nginx.sh"
    files[script] = replace(files[script], mode=0o644)
    found = {each.path: each for each in node_change(replace(base, files=files), wanted(authed())).files}
    assert (found[KEEPALIVED].mode, found[KEEPALIVED].group) == (0o640, "adm")
    assert found[script].mode == 0o755


def test_a_file_of_ours_that_is_wanted_no_more_goes_and_a_stranger_s_stays():
    base = tree()
    stranger = ConfFile("/etc/nginx/conf.d/other.conf", "server { }\n", 0o644, "root", "root")
    fewer = pair(services={"iam-pump": {"port": 7070}}, vrrp={"VI_1": authed().vrrp["VI_1"].model_dump()})
    live = replace(base, files={**base.files, stranger.path: stranger})
    gone = {each.path for each in node_change(live, wanted(fewer)).files if each.new is None}
    assert gone == {"/etc/nginx/conf.d/iam-apiserver.conf", "/etc/nginx/conf.d/iam-authz-server.conf"}
    exact = {each.path for each in node_change(live, wanted(fewer), exact=True).files if each.new is None}
    assert stranger.path in exact


def test_the_payload_is_deterministic_and_names_what_was_seen():
    change = node_change(tree(), wanted(pair()))
    sent = payload(change, "ID-1", '{"who": "ada"}', 60)
    assert sent == payload(change, "ID-1", '{"who": "ada"}', 60)
    with tarfile.open(fileobj=io.BytesIO(base64.b64decode(sent))) as tar:
        reader = tar.extractfile("manifest")
        assert reader is not None
        lines = reader.read().decode().splitlines()
        assert f"files{KEEPALIVED}" in tar.getnames()
    assert {"id ID-1", "rollback_s 60", 'meta {"who": "ada"}', "daemon keepalived"} <= set(lines)
    assert f"put 600 root:root {KEEPALIVED}" in lines
    assert any(line.startswith("seen ") and line.endswith(KEEPALIVED) for line in lines)


def test_a_secret_is_only_ever_changed_or_unchanged():
    changed = changes(authed(), {"VI_1": "othersec"})["iam-a"].files[0]
    lines = "\n".join(diff_lines(changed, "iam-a"))
    assert "-        auth_pass (secret, old)\n+        auth_pass (secret, new)" in lines
    kept = changes(authed(advert_interval_s=2))["iam-a"].files[0]
    assert "auth_pass (secret, unchanged)" in "\n".join(diff_lines(kept, "iam-a"))
    shown = repr(list(side_by_side(changed))) + lines + repr(changed) + may_be_shown(changed.new or "")
    assert "sesame" not in shown
    assert "othersec" not in shown
    assert "sesame" not in repr(change_summary({"iam-a": changes(authed(), {"VI_1": "othersec"})["iam-a"]}))


def test_a_diff_shows_no_control_characters():
    base = tree()
    path = "/etc/nginx/nginx.conf"
    files = {**base.files, path: replace(base.files[path], content="x\x1b[31m\n")}
    (change,) = node_change(replace(base, files=files), wanted(authed())).files
    assert "\x1b" not in "\n".join(diff_lines(change, "iam-a"))


@pytest.mark.parametrize(
    "line", ["authentication { auth_type PASS auth_pass sesame12 }", "# auth_pass sesame12", "$PW=sesame12"]
)
def test_a_secret_is_hidden_wherever_it_stands_in_a_line(line: str):
    base = tree()
    by_hand = replace(base.files[KEEPALIVED], content=f"{line}\n")
    (change,) = node_change(replace(base, files={**base.files, KEEPALIVED: by_hand}), wanted(authed())).files
    assert "sesame" not in "\n".join(diff_lines(change, "iam-a")) + may_be_shown(by_hand.content)
