"""A drill moves every VIP that its owner holds, and is no plan where one of them is not seen."""

from __future__ import annotations

import pytest

from iamops.model.events import AddressesListed
from iamops.model.facts import VrrpState
from iamops.model.observed import Unknown
from iamops.plan.action import DrillAction, Switchover
from iamops.plan.build import plan_for
from iamops.plan.expectation import VipOn
from iamops.session.drills.files import load_drill
from tests.support.cluster_states import NOW, fed
from tests.support.handovers import both_on_a, codes, vrrp
from tests.support.observed_values import put

AT = NOW + 1


@pytest.mark.parametrize("name", ["keepalived-stop", "switchover", "nginx-stop"])
def test_a_drill_moves_everything_that_its_owner_holds(name: str):
    fault = vrrp("iam-b", "VI_2", VrrpState.FAULT, 50)
    drill = DrillAction(load_drill(name))
    plan = plan_for(drill, both_on_a(fault), AT)
    assert plan.impact.moves == ("VI_1", "VI_2")
    assert "VIP 10.0.4.98 moves too" in plan.prediction
    assert codes(drill, both_on_a(fault)) == codes(Switchover(), both_on_a(fault)) == {"standby-fault": False}
    assert codes(drill, both_on_a()) == {}
    stopping = next(step for step in plan.steps if step.title.startswith("stop"))
    assert VipOn("VI_2", "iam-b") in stopping.expect


def test_a_drill_of_the_second_instance_is_measured_at_its_own_vip():
    plan = plan_for(DrillAction(load_drill("keepalived-stop"), instance="VI_2"), both_on_a(), AT)
    assert plan.impact.moves == ("VI_2", "VI_1")


def test_an_unseen_vip_on_a_node_that_a_drill_stops_is_no_plan():
    state = put(both_on_a(), ("nodes", "iam-b", "addresses"), Unknown("permission denied", NOW))
    state = fed(state, [AddressesListed(NOW, "iam-a", frozenset({"10.0.4.20", "10.0.4.99"}))])
    plan = plan_for(DrillAction(load_drill("switchover")), state, AT)
    assert plan.unknown is not None
    assert "whether iam-b has VIP 10.0.4.98 is not known" in plan.unknown
