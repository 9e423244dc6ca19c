"""What a push changes on one node, and which of its files the node has."""

from __future__ import annotations

import base64
import io
import tarfile
from dataclasses import replace

import pytest

from iamops.model.config import ConfFile
from iamops.plan.config.change import (
    ABSENT,
    CONFIRMED,
    PENDING,
    FileChange,
    FilesSeen,
    NodeFilesChange,
    PushedFiles,
    PushOutcome,
    Side,
    node_change,
    payload,
    pushed_files,
    same_settings,
    text_digest,
)
from tests.support.config_changes import authed, tree, wanted
from tests.support.profiles import pair

KEEPALIVED = "/etc/keepalived/keepalived.conf"
OLD, NEW = {"/a": "1", "/b": ABSENT}, {"/a": "2", "/b": "3"}
PUSH = PushedFiles("iam-a", "p1", OLD, NEW)
HAS_OLD, HAS_NEW = {"/a": "1"}, {"/a": "2", "/b": "3"}


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


@pytest.mark.parametrize(
    ("digests", "side"),
    [
        (HAS_OLD, Side.OLD),
        (HAS_NEW, Side.NEW),
        ({"/a": "2"}, Side.NEITHER),
        ({"/a": "9", "/b": "3"}, Side.NEITHER),
    ],
)
def test_digests_decide_which_files_are_there(digests: dict[str, str], side: Side):
    assert PUSH.side(FilesSeen(CONFIRMED, digests)) is side


def test_what_was_not_looked_at_is_on_no_side():
    assert PUSH.side(None) is Side.UNSEEN
    assert PUSH.outcome(None) is PushOutcome.UNSEEN


@pytest.mark.parametrize(
    ("word", "digests", "outcome"),
    [
        (CONFIRMED, HAS_NEW, PushOutcome.KEPT),
        (PENDING, HAS_NEW, PushOutcome.WAITING),
        ("taken back timer", HAS_OLD, PushOutcome.BACK),
        ("", HAS_OLD, PushOutcome.BACK),
        (CONFIRMED, HAS_OLD, PushOutcome.UNSEEN),
        ("taken back timer", HAS_NEW, PushOutcome.UNSEEN),
    ],
)
def test_the_nodes_word_counts_only_where_its_files_agree(
    word: str, digests: dict[str, str], outcome: PushOutcome
):
    assert PUSH.outcome(FilesSeen(word, digests)) is outcome


def test_where_only_rights_change_the_nodes_word_decides():
    same = PushedFiles("iam-a", "p1", {"/a": "1"}, {"/a": "1"})
    assert same.side(FilesSeen(PENDING, {"/a": "1"})) is Side.NEW
    assert same.side(FilesSeen("taken back hand", {"/a": "1"})) is Side.OLD


def test_a_file_of_another_hand_is_named():
    said = PUSH.has_answer(FilesSeen(CONFIRMED, {"/a": "9", "/b": "3"}))
    assert said == "iam-a has neither all old nor all new files (confirmed); changed by another hand: /a"
    assert PUSH.has_answer(FilesSeen("", HAS_OLD)) == "iam-a has the old files"


def test_a_push_is_made_of_the_files_that_differ():
    change = NodeFilesChange("iam-a", (FileChange("/a", "x", "y"), FileChange("/b", None, "z")))
    made = pushed_files(change, "p1")
    assert made.old == {"/a": text_digest("x"), "/b": ABSENT}
    assert made.new == {"/a": text_digest("y"), "/b": text_digest("z")}
