"""Other commands are another plan, and what touches the owner needs its name typed."""

from __future__ import annotations

from iamops.model.events import SafetyReported
from iamops.model.facts import SafetyReport
from iamops.plan.action import RollingRestart, ServiceAction, Switchover, UnitVerb
from iamops.plan.build import plan_for
from iamops.plan.steps import confirmation
from tests.support.cluster_states import NOW, fed, healthy

WITH_TRACK_FILE = [SafetyReported(NOW, node, SafetyReport((), None, ("VI_1",))) for node in ("iam-a", "iam-b")]


def test_other_commands_are_another_plan():
    tracked = fed(healthy(), WITH_TRACK_FILE)
    shown = plan_for(Switchover(), tracked, NOW).fingerprint
    for node in ("iam-a", "iam-b"):
        untracked = fed(tracked, [SafetyReported(NOW, node, SafetyReport((), None, ()))])
        same = plan_for(Switchover(), untracked, NOW).fingerprint == shown
        assert same is (node == "iam-a"), "only the taker's priority would be raised"


def test_what_touches_the_owner_needs_its_name_typed():
    state = healthy()

    def typed(action):
        return confirmation(plan_for(action, state, NOW), state, NOW).typed

    assert typed(ServiceAction(UnitVerb.RESTART, "nginx", "iam-a")) == "iam-a"
    assert typed(ServiceAction(UnitVerb.RESTART, "nginx", "iam-b")) is None
    assert typed(ServiceAction(UnitVerb.RELOAD, "nginx", "iam-a")) is None
    assert typed(Switchover()) == "lab"
    assert typed(RollingRestart("nginx")) == "lab"
