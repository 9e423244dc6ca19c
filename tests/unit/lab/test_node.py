"""A node of the lab: its mounts are taken away before its files are."""

from __future__ import annotations

from pathlib import Path

import pytest

from iamops.lab.node import delete, mounts_below
from iamops.lab.processes import ToolFailed

MOUNTS = """\
/dev/vda / ext4 rw 0 0
/dev/loop0 /lab/nodes/iam-a/disk ext4 rw 0 0
overlay /lab/nodes/iam-a/root overlay rw 0 0
proc /lab/nodes/iam-a/root/proc proc rw 0 0
tmpfs /lab/nodes/iam-ab/with\\040space tmpfs rw 0 0
"""


def test_mounts_are_taken_away_from_the_inside_out_and_never_a_neighbours():
    below = mounts_below(Path("/lab/nodes/iam-a"), MOUNTS)
    assert [str(point) for point in below] == [
        "/lab/nodes/iam-a/root/proc",
        "/lab/nodes/iam-a/root",
        "/lab/nodes/iam-a/disk",
    ]
    assert mounts_below(Path("/lab/nodes/iam-ab"), MOUNTS) == (Path("/lab/nodes/iam-ab/with space"),)


def test_what_is_still_mounted_is_not_deleted(tmp_path, monkeypatch):
    tree = tmp_path / "tree"
    (tree / "proc").mkdir(parents=True)
    monkeypatch.setattr("iamops.lab.node._mounts", lambda: f"proc {tree}/proc proc rw 0 0\n")
    monkeypatch.setattr("iamops.lab.node.run", lambda argv: "")
    with pytest.raises(ToolFailed, match="still mounted"):
        delete(tree)
    assert tree.is_dir()
