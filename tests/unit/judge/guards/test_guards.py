"""All guards: silent on a healthy pair, and only what may be overridden gives way."""

from __future__ import annotations

import pytest

from iamops.judge.guards.guards import denials
from iamops.model.facts import VrrpState
from iamops.plan.action import Action, RollingRestart, ServiceAction, Switchover, UnitVerb
from iamops.plan.build import plan_for
from iamops.plan.denial import GuardContext, remaining_denials
from tests.support.cluster_states import NOW, fed, healthy
from tests.support.denials import codes, vrrp
from tests.support.every_action import every_action
from tests.support.observed_values import PROFILE

AT = NOW + 1
STOP_KEEPALIVED = ServiceAction(UnitVerb.STOP, "keepalived", "iam-a")
RESTART_API = ServiceAction(UnitVerb.RESTART, "iam-apiserver", "iam-a")
ORDINARY: tuple[Action, ...] = (
    Switchover(),
    STOP_KEEPALIVED,
    RESTART_API,
    ServiceAction(UnitVerb.RESTART, "nginx", "iam-a"),
    ServiceAction(UnitVerb.RELOAD, "nginx", "iam-b"),
    RollingRestart("iam-apiserver"),
)


@pytest.mark.parametrize("action", ORDINARY)
def test_a_healthy_pair_refuses_nothing(action: Action):
    assert codes(action) == {}


@pytest.mark.parametrize("action", every_action(PROFILE), ids=lambda action: action.sentence)
def test_nothing_is_done_while_read_only(action: Action):
    assert codes(action, profile=PROFILE, armed=False)["not-armed"] is False, "and nobody can insist"


def test_only_what_may_be_overridden_gives_way():
    state = fed(healthy(), [vrrp("iam-b", VrrpState.FAULT)])
    said = denials(GuardContext(plan_for(Switchover(), state, AT), state, AT))
    assert remaining_denials(said, ["standby-fault"]) == said
    said = denials(GuardContext(plan_for(STOP_KEEPALIVED, state, AT), state, AT))
    assert remaining_denials(said, ["standby-fault"]) == ()
