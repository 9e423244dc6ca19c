"""What a command that changes something refuses before it looks at the cluster."""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from pathlib import Path

import pytest

from iamops.cli.acting import GuardedSession
from iamops.model.profile import Environment
from iamops.plan.action import Switchover
from iamops.plan.overridable import OVERRIDABLE
from tests.support.profiles import pair

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


@pytest.mark.parametrize(
    ("environment", "armed_for", "armed"),
    [
        (Environment.LAB, None, True),
        (Environment.STAGING, "lab", True),
        (Environment.STAGING, "other", False),
        (Environment.PRODUCTION, None, False),
        (Environment.PRODUCTION, "other", False),
        (Environment.PRODUCTION, "lab", True),
    ],
)
def test_a_cluster_is_armed_by_its_own_name_or_by_none_where_none_is_needed(
    environment: Environment, armed_for: str | None, armed: bool
):
    profile = pair().model_copy(update={"name": "lab", "environment": environment})
    args = argparse.Namespace(profile="lab", arm=armed_for, override=[], reason="", yes=True)
    session = GuardedSession(profile, args)
    session.order(Switchover())
    assert (session.operator.armed_s > 0) is armed
