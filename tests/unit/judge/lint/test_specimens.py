"""Lint says of every specimen what is right to say, and nothing else."""

from __future__ import annotations

import pytest

from iamops.judge.lint.lint import lint
from tests.support.specimens import findings, specimens


@pytest.mark.parametrize(
    ("daemon", "name"), [(daemon, name) for daemon in ("keepalived", "nginx") for name in specimens(daemon)]
)
def test_lint_says_what_is_right(daemon: str, name: str):
    specimen = specimens(daemon)[name]
    assert findings(lint(list(specimen.trees))) == specimen.expect, specimen.what


# The daemon does not take such a file.
REFUSED = {"N001", "N002", "N003", "K001", "K003", "K019"}


@pytest.mark.parametrize("daemon", ["keepalived", "nginx"])
def test_what_a_daemon_refuses_is_found_and_what_is_told_as_refused_is(daemon: str):
    """`tests/lab/test_referees.py` asks the daemons themselves; where lint says otherwise, the reason is given."""
    for name, specimen in specimens(daemon).items():
        node = f" {specimen.trees[0].name}:"
        codes = {each.split()[0] for each in specimen.expect if node in each} - {"K002"}
        if not specimen.reason:
            assert codes or specimen.daemon == "accepts", name
            assert not codes & REFUSED or specimen.daemon == "refuses", name


def test_there_are_specimens_of_every_kind():
    assert len(specimens("keepalived")) >= 150
    assert len(specimens("nginx")) >= 100
