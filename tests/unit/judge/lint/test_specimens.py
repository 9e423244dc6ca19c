"""Every specimen is told what is right of it, and nothing else."""

from __future__ import annotations

import pytest

from iamops.judge.lint.lint import lint
from tests.support.specimens import findings, specimens


@pytest.mark.parametrize("name", specimens("keepalived"))
def test_a_specimen_of_keepalived_is_told_what_is_right_of_it(name: str):
    specimen = specimens("keepalived")[name]
    assert findings(lint(list(specimen.trees))) == specimen.expect, specimen.what
