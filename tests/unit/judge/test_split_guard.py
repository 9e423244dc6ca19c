"""Two owners are looked at first: by every plan that takes keepalived, nginx or a machine from one of them."""

from __future__ import annotations

import pytest

from iamops.judge.guards.guards import denials
from iamops.model.events import AddressesListed, Event
from iamops.model.state import ClusterState
from iamops.plan.action import Action, DrillAction, RollingRestart, ServiceAction, Switchover, UnitVerb
from iamops.plan.build import plan_for
from iamops.plan.denial import GuardContext
from iamops.session.drills.files import load_drill
from tests.support.cluster_states import NOW, VIP, fed, healthy
from tests.unit.plan.test_handovers import both_on_a

AT = NOW + 1
ON_B_TOO = AddressesListed(NOW, "iam-b", frozenset({"10.0.4.21", VIP}))
SECOND_ON_B_TOO = AddressesListed(NOW, "iam-b", frozenset({"10.0.4.21", "10.0.4.98"}))


def split(action: Action, state: ClusterState) -> list[tuple[str, bool]]:
    """The reasons of split-brain, and whether someone may insist."""
    said = denials(GuardContext(plan_for(action, state, AT), state, AT))
    return [(each.reason, each.overridable) for each in said if each.code == "split-brain"]


def one_vip(*events: Event) -> ClusterState:
    return fed(healthy(), [ON_B_TOO, *events])


@pytest.mark.parametrize("unit", ["keepalived", "nginx"])
def test_a_rolling_restart_of_what_carries_a_contested_vip_is_refused(unit: str):
    reason = "VIP 10.0.4.99 is on iam-a and iam-b at once"
    assert split(RollingRestart(unit), one_vip()) == [(reason, True)]
    assert split(RollingRestart(unit), healthy()) == []


def test_a_backend_may_restart_while_two_nodes_have_the_vip():
    assert split(RollingRestart("iam-apiserver"), one_vip()) == []


@pytest.mark.parametrize(
    ("action", "overridable"),
    [
        (Switchover("iam-b"), False),
        (RollingRestart("keepalived"), True),
        (RollingRestart("nginx"), True),
        (ServiceAction(UnitVerb.STOP, "keepalived", "iam-a"), True),
        (ServiceAction(UnitVerb.RESTART, "nginx", "iam-b"), True),
        (DrillAction(load_drill("keepalived-stop")), False),
        (DrillAction(load_drill("nginx-stop")), False),
    ],
    ids=lambda value: value.sentence if not isinstance(value, bool) else "",
)
def test_another_vip_that_is_contested_refuses_as_the_own_one_would(action: Action, overridable: bool):
    state = both_on_a(SECOND_ON_B_TOO)
    assert split(action, state) == [("VIP 10.0.4.98 is on iam-a and iam-b at once", overridable)]


@pytest.mark.parametrize("verb", [UnitVerb.START, UnitVerb.RELOAD])
def test_what_takes_nothing_away_may_be_the_cure(verb: UnitVerb):
    assert split(ServiceAction(verb, "keepalived", "iam-a"), one_vip()) == []
