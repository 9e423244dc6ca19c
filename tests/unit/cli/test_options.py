"""What a person types wrong is told as what it is: file, value, and what was expected."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from iamops.plan.overridable import OVERRIDABLE
from tests.support.command_line import refused


@pytest.mark.parametrize("value", ["nan", "inf", "-1", "x", "1e400", "0x10"])
@pytest.mark.parametrize("command", ["status", "triage"])
def test_a_time_limit_is_a_number_of_seconds(command: str, value: str, capsys: pytest.CaptureFixture[str]):
    assert "expected 0 to" in refused(capsys, "--profile", "lab", command, f"--timeout={value}")


DOCS = Path(__file__).parents[3] / "docs" / "acting.md"


def iamops(*argv: str) -> subprocess.CompletedProcess[str]:
    """Nobody can be asked."""
    command = [sys.executable, "-m", "iamops", "--profile", "lab", *argv]
    nobody = subprocess.DEVNULL
    return subprocess.run(command, stdin=nobody, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    ("argv", "named"),
    [
        ("stop nginx iam-z", "no node 'iam-z'; there are: iam-a, iam-b"),
        ("restart nginxx iam-a", "no unit 'nginxx' on iam-a"),
        ("restart nginxx --rolling", "no node of lab has the unit 'nginxx'"),
        ("restart nginxx --rolling --drain", "no node of lab has the unit 'nginxx'"),
        ("switchover --to iam-z", "no node 'iam-z'"),
        ("switchover --instance VI_9", "no VRRP instance 'VI_9'; there are: VI_1"),
    ],
)
def test_a_name_that_the_profile_does_not_have_is_told_first(argv: str, named: str):
    """Before anybody is asked to agree, and without a look at the nodes."""
    done = iamops(*argv.split())
    assert done.returncode == 2
    assert named in done.stderr


@pytest.mark.parametrize("code", ["lokced", "locked", "not-armed@iam-a/nginx"])
def test_what_cannot_be_overridden_is_told_with_what_can(code: str):
    done = iamops("switchover", "--yes", "--reason", "x", "--override", code)
    assert done.returncode == 2
    assert f"--override {code.partition('@')[0]}: not among" in done.stderr
    assert "last-backend" in done.stderr


def test_the_documentation_names_exactly_the_codes_that_can_be_overridden():
    rows = [
        line.strip("|\n").split("|") for line in DOCS.read_text(encoding="utf-8").splitlines() if "| `" in line
    ]
    told = {code for row in rows if "yes" in row[-1] for code in re.findall(r"`([a-z-]+)`", row[0])}
    assert told == OVERRIDABLE
