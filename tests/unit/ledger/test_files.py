"""Files that must be regular ones, private directories, and what stands for a path without naming it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from iamops.ledger import files
from iamops.ledger.files import ledger_token, make_private, place_token, regular, sync_directory


def test_a_regular_file_is_read_and_a_fifo_is_not_waited_for(tmp_path: Path):
    plain, fifo = tmp_path / "plain", tmp_path / "fifo"
    plain.write_bytes(b"text")
    os.mkfifo(fifo)
    with regular(plain) as file:
        assert file.read() == b"text"
    with pytest.raises(OSError, match="not a regular file"):
        regular(fifo)


def test_a_file_that_is_no_regular_one_leaves_no_descriptor(tmp_path: Path):
    os.mkfifo(tmp_path / "fifo")
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        with pytest.raises(OSError, match="not a regular file"):
            regular(tmp_path / "fifo")
    assert len(os.listdir("/proc/self/fd")) == before


def test_every_directory_that_is_made_is_for_its_owner_alone_whatever_the_umask(tmp_path: Path):
    before = os.umask(0)
    try:
        made = make_private(tmp_path / "a" / "b" / "c")
    finally:
        os.umask(before)
    assert set(made) == {tmp_path / "a", tmp_path / "a" / "b", tmp_path / "a" / "b" / "c"}
    assert [path.stat().st_mode & 0o777 for path in made] == [0o700] * 3
    assert make_private(tmp_path / "a" / "b" / "c") == []


def test_what_is_there_keeps_its_rights_and_a_file_is_no_directory(tmp_path: Path):
    tmp_path.chmod(0o755)
    make_private(tmp_path)
    assert tmp_path.stat().st_mode & 0o777 == 0o755
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError):
        make_private(tmp_path / "file")


def test_only_a_directory_has_names_to_sync(tmp_path: Path):
    sync_directory(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError):
        sync_directory(tmp_path / "file")


def test_a_token_names_no_path_and_is_of_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = "/home/alice/secret-place"
    token = place_token(path)
    assert token == place_token(path)
    assert "alice" not in token
    assert token != place_token(f"{path}2")
    (tmp_path / "id").write_text("another machine\n")
    monkeypatch.setattr(files, "MACHINE", tmp_path / "id")
    assert place_token(path) != token


def test_a_machine_without_an_id_is_told_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(files, "MACHINE", tmp_path / "nothing")
    here = place_token("/x")
    monkeypatch.setattr(files.socket, "gethostname", lambda: "elsewhere")
    assert place_token("/x") != here


def test_a_ledger_behind_a_link_is_the_one_it_leads_to(tmp_path: Path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert ledger_token(tmp_path / "link" / "audit.jsonl") == ledger_token(tmp_path / "real" / "audit.jsonl")
