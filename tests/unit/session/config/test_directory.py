"""What is read of a directory of configuration files."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from iamops.session.config.directory import MAX_FILE, read_directory
from tests.support.command_line import refused


def big(path: Path) -> None:
    path.write_bytes(b"#" * (MAX_FILE + 1))


def test_what_is_no_configuration_is_left_out_whatever_it_is(tmp_path: Path):
    nginx = tmp_path / "etc" / "nginx"
    nginx.mkdir(parents=True)
    (nginx / "nginx.conf").write_text("events { }")
    big(nginx / "addresses.dat")
    (nginx / "modules.conf").symlink_to("/usr/share/nothing.conf")
    assert set(read_directory(tmp_path).files) == {"/etc/nginx/nginx.conf"}


@pytest.mark.parametrize(("made", "why"), [(big, "more than 1024 KiB"), (os.mkfifo, "not a regular file")])
@pytest.mark.parametrize("name", ["etc/nginx/nginx.conf", "nginx.conf"])
def test_a_configuration_that_cannot_be_read_is_not_told_as_missing(
    name: str, made: Callable[[Path], None], why: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    file = tmp_path / name
    file.parent.mkdir(parents=True, exist_ok=True)
    made(file)
    assert f"{file}: {why}" in refused(capsys, "--profile", "lab", "config", "lint", str(tmp_path))
