"""Where a bundle may be written, and that nothing is left of one that breaks off."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from iamops.session.bundle.archive import BundleRefused, check_path, write_archive
from tests.support.bundles import NOW


def test_another_suffix_is_refused_with_the_ones_that_work(tmp_path: Path):
    with pytest.raises(BundleRefused, match=r"b\.zip: the name must end in \.tar\.zst, \.tar\.gz or \.tgz"):
        check_path(tmp_path / "b.zip")


def test_a_file_that_is_there_is_not_overwritten(tmp_path: Path):
    (tmp_path / "b.tgz").write_text("mine")
    with pytest.raises(BundleRefused, match="already there"):
        check_path(tmp_path / "b.tgz")


def test_a_link_that_leads_nowhere_is_not_followed(tmp_path: Path):
    (tmp_path / "b.tgz").symlink_to(tmp_path / "elsewhere.tgz")
    with pytest.raises(BundleRefused, match="already there"):
        check_path(tmp_path / "b.tgz")


def test_a_directory_that_is_not_there_is_refused(tmp_path: Path):
    with pytest.raises(BundleRefused, match="no such directory"):
        check_path(tmp_path / "missing" / "b.tgz")


def test_without_zstandard_the_other_suffix_and_the_way_to_install_it_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(sys.modules, "zstandard", None)
    with pytest.raises(BundleRefused, match=r"name it \.tar\.gz, or: pip install 'iamops\[zstd\]'"):
        check_path(tmp_path / "b.tar.zst")
    check_path(tmp_path / "b.tar.gz")


def test_a_write_that_breaks_off_leaves_nothing(tmp_path: Path):
    def breaking() -> Any:
        yield "one", b"1"
        raise OSError(28, "No space left on device")

    with pytest.raises(BundleRefused, match="No space left on device; nothing was written"):
        write_archive(tmp_path / "b.tar.zst", breaking(), NOW)
    assert list(tmp_path.iterdir()) == []
