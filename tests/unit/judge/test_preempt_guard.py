"""A move that a node of a higher priority would undo is refused, by what keepalived tells."""

from __future__ import annotations

import pytest

from iamops.judge.guards.guards import denials
from iamops.model.events import FilesExamined, VrrpReported
from iamops.model.facts import VrrpReport, VrrpState
from iamops.model.profile import Profile
from iamops.plan.action import Action, DrillAction, Switchover
from iamops.plan.build import plan_for
from iamops.plan.denial import Denial, GuardContext
from iamops.session.drills.files import load_drill
from tests.support.cluster_states import NOW, VIP, fed, healthy, silent, tells
from tests.support.profiles import pair

AT = NOW + 1
STAYS = pair()
PREEMPTS = pair(vrrp={"VI_1": {"virtual_router_id": 51, "vip": VIP, "nopreempt": False}})
THREE = pair(
    nodes={
        "iam-a": {"address": "10.0.4.20", "priority": 100},
        "iam-b": {"address": "10.0.4.21", "priority": 50},
        "iam-c": {"address": "10.0.4.22", "priority": 40},
    }
)


def denied(profile: Profile, *seen: FilesExamined | VrrpReported, action: Action | None = None) -> list[Denial]:
    state = fed(healthy(NOW, profile), seen)
    said = denials(GuardContext(plan_for(action or Switchover(), state, AT), state, AT))
    return [each for each in said if each.code == "preempts"]


def test_a_keepalived_that_preempts_takes_the_vip_back_whatever_the_profile_says():
    (denial,) = denied(STAYS, tells(STAYS, "iam-a", nopreempt=False))
    assert (denial.node, denial.overridable) == ("iam-a", False)
    assert denial.reason.startswith("VI_1 preempts: iam-a (priority 100) would take the VIP back at once; set")


def test_a_delay_only_puts_it_off():
    (denial,) = denied(STAYS, tells(STAYS, "iam-a", nopreempt=False, preempt_delay_s=30.0))
    assert "take the VIP back after its preempt_delay of 30 s; it may take up to 35 s" in denial.reason


def test_a_keepalived_that_does_not_preempt_is_not_in_the_way_whatever_the_profile_says():
    assert denied(PREEMPTS, tells(PREEMPTS, "iam-a", nopreempt=True)) == []


def test_where_only_the_profile_says_so_one_may_insist():
    (denial,) = denied(PREEMPTS, silent(PREEMPTS, "iam-a"))
    assert denial.overridable
    assert denial.reason.startswith("by the profile, for keepalived does not tell, VI_1 preempts")


def test_where_nobody_tells_the_plan_says_that_it_is_not_known():
    state = fed(healthy(), [silent(STAYS, "iam-a")])
    plan = plan_for(Switchover(), state, AT)
    why = "keepalived on iam-a does not tell whether it preempts"
    assert f"whether iam-a takes VIP 10.0.4.99 back is not known: {why}" in plan.notes
    assert not any("takes VIP" in note for note in plan_for(Switchover(), healthy(), AT).notes)


def test_a_third_node_that_preempts_would_take_it_too():
    to_c = Switchover(to="iam-c")
    (denial,) = denied(THREE, tells(THREE, "iam-b", nopreempt=False), action=to_c)
    assert "iam-b (priority 50) would take the VIP at once" in denial.reason
    fault = VrrpReported(NOW, "iam-b", "VI_1", VrrpReport(VrrpState.FAULT, "json", 50, 50, NOW - 3600))
    assert denied(THREE, tells(THREE, "iam-b", nopreempt=False), fault, action=to_c) == []


@pytest.mark.parametrize(("profile", "refused"), [(STAYS, 0), (PREEMPTS, 1)], ids=["found-out", "known"])
def test_a_drill_finds_out_who_preempts_where_the_profile_does_not_want_it(profile: Profile, refused: int):
    drill = DrillAction(load_drill("keepalived-stop"))
    assert len(denied(profile, tells(profile, "iam-a", nopreempt=False), action=drill)) == refused
