"""`iamops restart|switchover`: what the profile does not have is refused first."""

from __future__ import annotations

import pytest

from tests.support.command_line import iamops


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
