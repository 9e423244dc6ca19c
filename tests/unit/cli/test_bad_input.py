"""What a person types wrong is told as what it is: file, value, and what was expected."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from iamops.cli.main import main
from iamops.render.templating import RenderError, Templates
from iamops.session.config.directory import MAX_FILE
from tests.support.command_line import refused


def test_a_directory_or_file_of_the_wrong_kind_is_not_told_as_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    file = tmp_path / "file"
    file.touch()
    kinds = {
        ("profile", "check", str(tmp_path)): f"{tmp_path}: a directory, not a profile",
        ("drill", "show", str(tmp_path)): f"{tmp_path}: a directory, not a drill",
        ("--profile", "lab", "config", "lint", str(file)): f"{file}: not a directory",
        ("--profile", "lab", "watch", "--json", "--state-dir", str(file)): f"{file}: is not a directory",
    }
    for argv, words in kinds.items():
        assert words in refused(capsys, *argv)


def big(path: Path) -> None:
    path.write_bytes(b"#" * (MAX_FILE + 1))


@pytest.mark.parametrize(("made", "why"), [(big, "more than 1024 KiB"), (os.mkfifo, "not a regular file")])
@pytest.mark.parametrize("name", ["etc/nginx/nginx.conf", "nginx.conf"])
def test_a_configuration_that_cannot_be_read_is_not_told_as_missing(
    name: str, made: Callable[[Path], None], why: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    file = tmp_path / name
    file.parent.mkdir(parents=True, exist_ok=True)
    made(file)
    assert f"{file}: {why}" in refused(capsys, "--profile", "lab", "config", "lint", str(tmp_path))


def test_a_rollback_is_described_as_one(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        main(["config", "rollback", "--help"])
    assert "Puts back what was in place before a push" in capsys.readouterr().out


def test_a_template_that_includes_what_is_not_built_in_says_so():
    with pytest.raises(RenderError, match="line 1: there is no built-in template '/etc/passwd'"):
        Templates({"nginx.conf.j2": "{% include '/etc/passwd' %}"}).fill("nginx.conf.j2")
