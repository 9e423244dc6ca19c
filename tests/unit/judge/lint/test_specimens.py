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
