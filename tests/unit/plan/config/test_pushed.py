"""Which files of a push a node has: its digests alone decide, and its word counts only where they agree."""

from __future__ import annotations

import pytest

from iamops.plan.config.change import ABSENT, FileChange, NodeFilesChange, text_digest
from iamops.plan.config.pushed import CONFIRMED, PENDING, FilesSeen, PushedFiles, PushOutcome, Side, pushed_files

OLD, NEW = {"/a": "1", "/b": ABSENT}, {"/a": "2", "/b": "3"}
PUSH = PushedFiles("iam-a", "p1", OLD, NEW)
HAS_OLD, HAS_NEW = {"/a": "1"}, {"/a": "2", "/b": "3"}


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
