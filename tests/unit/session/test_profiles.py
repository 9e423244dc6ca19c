"""The profile on disk: an edit is noticed, and what cannot be read any more is said."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from iamops.session.profiles import ProfileOnDisk, asked_name, load_profile
from tests.support.profile_file import SHIPPED, edit


def test_an_edit_is_noticed_and_so_is_its_undoing(profile_file: Path):
    seen = ProfileOnDisk(profile_file, load_profile(str(profile_file)))
    assert seen.changed() == ""
    before = profile_file.read_text()
    edit(profile_file)
    assert seen.changed() == "mine.yaml was edited on disk"
    profile_file.write_text(before)
    os.utime(profile_file, ns=(1, 1))
    assert seen.changed() == ""


def test_a_file_that_was_only_touched_is_no_edit(profile_file: Path):
    seen = ProfileOnDisk(profile_file, load_profile(str(profile_file)))
    os.utime(profile_file, ns=(1, 1))
    assert seen.changed() == ""


def test_a_file_that_is_gone_or_not_valid_any_more_is_said(profile_file: Path):
    seen = ProfileOnDisk(profile_file, load_profile(str(profile_file)))
    profile_file.write_text("nodes: {}\n")
    assert "is not valid now" in seen.changed()
    profile_file.unlink()
    assert "cannot be read any more" in seen.changed()


def test_a_profile_is_asked_for_again_as_it_was_chosen(monkeypatch: pytest.MonkeyPatch):
    profile = load_profile(str(SHIPPED))
    assert asked_name("./mine.yaml", profile) == "./mine.yaml"
    assert asked_name(None, profile) == profile.name
    monkeypatch.setenv("IAMOPS_PROFILE", "/etc/iamops/mine.yaml")
    assert asked_name(None, profile) == "/etc/iamops/mine.yaml"
