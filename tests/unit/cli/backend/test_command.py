"""`iamops backend` as a command line: what it lists, and what it refuses before it looks at any node."""

from __future__ import annotations

import json

import pytest

from iamops.cli.main import main
from iamops.model.exit_code import ExitCode
from tests.support.command_line import iamops, refused

LIST = ("--profile", "lab", "backend", "list")


def test_a_list_has_every_service_s_backends_and_says_which_are_drained(capsys: pytest.CaptureFixture[str]):
    assert main(LIST) == ExitCode.OK
    lines = capsys.readouterr().out.splitlines()
    assert main([*LIST, "--json"]) == ExitCode.OK
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "iamops.backends/1"
    assert len(lines) == len(document["backends"]) > 0
    for line, row in zip(lines, document["backends"], strict=True):
        assert line.split()[:3] == [row["service"], row["backend"], row["endpoint"]]
        assert line.endswith("drained" if row["drained"] else "in use")


def test_an_edit_that_nobody_can_agree_to_is_refused():
    done = iamops("backend", "drain", "iam-apiserver", "iam-a")
    assert done.returncode == ExitCode.REFUSED
    assert "not-confirmed" in done.stderr


def test_a_verb_that_there_is_not_is_a_usage_error(capsys: pytest.CaptureFixture[str]):
    assert "invalid choice" in refused(capsys, "--profile", "lab", "backend", "destroy", "iam-apiserver", "iam-a")
