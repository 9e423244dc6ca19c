"""What a node's disk was made from, what lies beneath it, and what of a lab is deleted."""

from __future__ import annotations

from pathlib import Path

import pytest

from iamops.lab.assembly import BuildInputs, clear_state, image_of, is_current
from iamops.lab.node import LabNode
from iamops.lab.place import LabPaths
from iamops.lab.processes import LabNotUp
from iamops.model.profile import Profile
from tests.support.profiles import pair

INPUTS = BuildInputs(Path("/cache/bookworm-1"), "ssh-ed25519 AAAA operator\n", {"VI_1": "12345678"})


def node(state: Path, profile: Profile | None = None) -> LabNode:
    profile = profile or pair()
    made = LabNode(profile, profile.nodes["iam-a"], LabPaths(state=state))
    made.own.directory.mkdir(parents=True, exist_ok=True)
    return made


def test_a_node_that_was_never_made_has_no_image(tmp_path: Path):
    with pytest.raises(LabNotUp, match="iam-a was never made"):
        image_of(node(tmp_path), tmp_path)


def test_an_image_that_is_gone_is_said_to_be(tmp_path: Path):
    made, cache = node(tmp_path), tmp_path / "cache"
    made.own.build_digest.write_text("bookworm-1 abcdef")
    with pytest.raises(LabNotUp, match="image of iam-a is gone"):
        image_of(made, cache)
    (cache / "bookworm-1").mkdir(parents=True)
    assert image_of(made, cache) == cache / "bookworm-1"


def test_a_disk_that_was_never_made_or_made_from_something_else_is_not_current(tmp_path: Path):
    made = node(tmp_path)
    assert not is_current(made, INPUTS)
    made.own.build_digest.write_text("bookworm-1 abcdef")
    assert not is_current(made, INPUTS)


def test_all_that_is_kept_of_a_lab_is_deleted_but_the_lock_on_it(tmp_path: Path):
    paths = LabPaths(state=tmp_path)
    node(tmp_path)
    paths.key.write_text("secret")
    paths.lock.touch()
    clear_state(paths)
    assert list(tmp_path.iterdir()) == [paths.lock]
