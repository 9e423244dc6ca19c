"""What a person types wrong is told as what it is: file, value, and what was expected."""

from __future__ import annotations

from pathlib import Path

import pytest

from iamops.render.templating import RenderError, Templates
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


def test_a_template_that_includes_what_is_not_built_in_says_so():
    with pytest.raises(RenderError, match="line 1: there is no built-in template '/etc/passwd'"):
        Templates({"nginx.conf.j2": "{% include '/etc/passwd' %}"}).fill("nginx.conf.j2")
