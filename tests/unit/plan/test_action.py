"""What may be asked for, and the command line that asks for the same."""

from __future__ import annotations

import pytest

from iamops.plan.action import NoSuchTarget, RollingRestart, ServiceAction, Switchover, UnitVerb, command_line
from iamops.plan.build import plan_for
from tests.support.cluster_states import NOW, healthy


@pytest.mark.parametrize(
    ("action", "named"),
    [
        (ServiceAction(UnitVerb.STOP, "ngnix", "iam-a"), "its units: keepalived, nginx"),
        (ServiceAction(UnitVerb.STOP, "nginx", "iam-c"), "there are: iam-a, iam-b"),
        (RollingRestart("ngnix"), "its units"),
        (Switchover(to="iam-c"), "there are: iam-a, iam-b"),
        (Switchover(instance="VI_2"), "there are: VI_1"),
    ],
)
def test_what_the_profile_does_not_have_is_said_with_what_it_has(action, named):
    with pytest.raises(NoSuchTarget, match=named):
        plan_for(action, healthy(), NOW)


def test_the_command_line_asks_for_the_same():
    line = command_line(Switchover("iam-b"), "lab", "kernel update", ("anti-flap",))
    assert line == "iamops --profile lab switchover --to iam-b --override anti-flap --reason 'kernel update'"
