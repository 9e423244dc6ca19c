"""What a command that changes something refuses before it looks at the cluster."""

from __future__ import annotations

import argparse

import pytest

from iamops.cli.acting import GuardedSession
from iamops.model.profile import Environment
from iamops.plan.action import Switchover
from tests.support.profiles import pair


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
