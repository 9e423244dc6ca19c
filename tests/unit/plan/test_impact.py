"""Who takes a VIP over, and where what a client loses is measured."""

from __future__ import annotations

import dataclasses

import pytest

from iamops.model.events import FilesExamined
from iamops.model.facts import VrrpState
from iamops.model.observed import Known, Unknown
from iamops.model.state import ClusterState
from iamops.plan.action import Action, RollingRestart, ServiceAction, Switchover, UnitVerb
from iamops.plan.build import plan_for
from iamops.plan.expectation import VipOn
from iamops.plan.steps import Plan
from iamops.render.nodefiles import ALIVE_HOST
from tests.support.cluster_states import NOW, fed, healthy
from tests.support.handovers import vrrp
from tests.support.observed_values import put
from tests.support.profiles import pair

AT = NOW + 1
THREE = {
    "iam-a": {"address": "10.0.4.20", "priority": 100},
    "iam-b": {"address": "10.0.4.21", "priority": 50},
    "iam-c": {"address": "10.0.4.22", "priority": 40},
}


def test_of_three_nodes_the_one_with_the_highest_counted_priority_takes_over():
    raised = vrrp("iam-c", "VI_1", VrrpState.BACKUP, 90)
    state = fed(healthy(NOW, pair(nodes=THREE)), [raised])
    plan = plan_for(ServiceAction(UnitVerb.RESTART, "keepalived", "iam-a"), state, AT)
    assert plan.impact.taker == "iam-c"
    assert any(VipOn("VI_1", "iam-c") in step.expect for step in plan.steps)


def test_of_three_nodes_one_that_does_not_tell_is_named():
    state = put(healthy(NOW, pair(nodes=THREE)), ("nodes", "iam-c", "vrrp", "VI_1"), Unknown("no dump", NOW))
    plan = plan_for(ServiceAction(UnitVerb.RESTART, "keepalived", "iam-a"), state, AT)
    assert plan.impact.taker == "iam-b"
    assert "whether iam-c would take VI_1 is not known: no dump" in plan.notes


def with_hosts(node: str, *hosts: str) -> ClusterState:
    state = healthy()
    seen = state.nodes[node].files
    assert isinstance(seen, Known)
    return fed(state, [FilesExamined(NOW, node, dataclasses.replace(seen.value, answers_itself=hosts))])


def told(plan: Plan) -> bool:
    return any("measured at nginx itself" in note for note in plan.notes)


@pytest.mark.parametrize(
    "action",
    [
        Switchover(),
        ServiceAction(UnitVerb.RESTART, "keepalived", "iam-a"),
        ServiceAction(UnitVerb.RELOAD, "nginx", "iam-b"),
        ServiceAction(UnitVerb.STOP, "nginx", "iam-a"),
    ],
    ids=str,
)
def test_what_touches_no_service_is_measured_at_nginx_itself(action: Action):
    plan = plan_for(action, healthy(), NOW)
    assert plan.asked_host == ALIVE_HOST
    assert told(plan)


@pytest.mark.parametrize(
    "action",
    [ServiceAction(UnitVerb.RESTART, "iam-apiserver", "iam-b"), RollingRestart("iam-pump")],
    ids=str,
)
def test_what_touches_a_service_is_measured_through_it(action: Action):
    plan = plan_for(action, healthy(), NOW)
    assert plan.asked_host is None
    assert not told(plan)


@pytest.mark.parametrize("hosts", [(), ("elsewhere.example",)])
def test_every_nginx_must_answer_for_the_same_host(hosts: tuple[str, ...]):
    assert plan_for(Switchover(), with_hosts("iam-b", *hosts), NOW).asked_host is None


def test_files_that_were_not_read_answer_nothing():
    state = fed(healthy(), [FilesExamined(NOW, "iam-b", None, "no sudo")])
    assert plan_for(Switchover(), state, NOW).asked_host is None
