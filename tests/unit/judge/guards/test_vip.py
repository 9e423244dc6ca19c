"""Guards on VIPs: who has one, who would take it, and whether it would stay there."""

from __future__ import annotations

from dataclasses import replace

import pytest

from iamops.judge.guards.guards import denials
from iamops.model.events import (
    AddressesListed,
    Event,
    FilesExamined,
    HostReported,
    HttpProbed,
    KeepalivedAsked,
    LinkChanged,
    Source,
    SourceLost,
    Target,
    UnitReported,
    VrrpReported,
)
from iamops.model.facts import (
    HostReport,
    Link,
    LinkState,
    ProbeOutcome,
    ProbeReport,
    UnitReport,
    VrrpReport,
    VrrpState,
)
from iamops.model.profile import Profile
from iamops.model.state import ClusterState, VipMove
from iamops.plan.action import Action, DrillAction, RollingRestart, ServiceAction, Switchover, UnitVerb
from iamops.plan.build import plan_for
from iamops.plan.denial import Denial, GuardContext
from iamops.session.drills.files import load_drill
from tests.support.cluster_states import NOW, VIP, fed, healthy, seen_on, silent, tells
from tests.support.denials import codes, vrrp
from tests.support.handovers import both_on_a
from tests.support.profiles import pair

AT = NOW + 1
BAD = ProbeReport(ProbeOutcome.BAD_ANSWER, 3.0, 502, "status 502")
STOP_KEEPALIVED = ServiceAction(UnitVerb.STOP, "keepalived", "iam-a")
RESTART_API = ServiceAction(UnitVerb.RESTART, "iam-apiserver", "iam-a")


def test_a_standby_in_fault_cannot_be_switched_to_but_a_stop_may_be_insisted_on():
    fault = vrrp("iam-b", VrrpState.FAULT)
    assert codes(Switchover(), fault) == {"standby-fault": False}
    assert codes(STOP_KEEPALIVED, fault) == {"standby-fault": True}


def test_a_standby_whose_keepalived_does_not_answer_cannot_be_switched_to_but_a_stop_may_be_insisted_on():
    hung = KeepalivedAsked(NOW, "iam-b", "its process 46 is in state T (stopped)")
    assert codes(Switchover(), hung) == {"standby-silent": False}
    assert codes(STOP_KEEPALIVED, hung) == {"standby-silent": True}
    stopped = UnitReported(NOW, "iam-b", "keepalived", UnitReport("inactive", "dead"))
    assert "standby-silent" not in codes(Switchover(), hung, stopped), "what does not run cannot hang"


def test_a_standby_whose_nginx_answers_badly_is_unhealthy():
    bad = HttpProbed(NOW, "iam-b", "iam-b", Target.DOMAIN, "iam.api.marmotedu.com", BAD)
    assert codes(Switchover(), bad) == {"standby-unhealthy": True}


def test_a_standby_without_nginx_that_stays_backup_has_a_blind_check_too():
    stopped = UnitReported(NOW, "iam-b", "nginx", UnitReport("inactive", "dead"))
    assert codes(Switchover(), stopped) == {"standby-unhealthy": True, "check-blind": True}


def test_a_standby_that_cannot_be_reached_is_no_standby():
    down = LinkChanged(NOW, "iam-b", Link(LinkState.DOWN, NOW, "timeout", "no answer within 5 s", "ping it"))
    assert codes(Switchover(), down) == {"standby-unreachable": False}
    assert codes(STOP_KEEPALIVED, down) == {"standby-unreachable": True}


def test_two_owners_are_looked_at_before_anything_moves():
    both = AddressesListed(NOW, "iam-b", frozenset({"10.0.4.21", VIP}))
    assert codes(Switchover(), both)["split-brain"] is False
    assert codes(STOP_KEEPALIVED, both)["split-brain"] is True
    assert "split-brain" not in codes(RESTART_API, both)


def test_without_an_owner_there_is_nothing_to_switch_over():
    gone = AddressesListed(NOW, "iam-a", frozenset({"10.0.4.20"}))
    assert codes(Switchover(), gone) == {"no-owner": False}
    assert codes(ServiceAction(UnitVerb.START, "keepalived", "iam-a"), gone) == {}, "starting may be the cure"


def test_a_priority_that_is_still_raised_refuses_a_move():
    raised = VrrpReported(NOW, "iam-b", "VI_1", VrrpReport(VrrpState.BACKUP, "json", 50, 254, NOW - 3600))
    assert codes(Switchover(), raised) == {"priority-raised": True}
    assert codes(RESTART_API, raised) == {}


def test_a_vip_that_has_just_moved_stays_and_the_time_left_is_said():
    state = fed(healthy(), [vrrp("iam-a", VrrpState.MASTER, since=NOW - 60)])
    (denial,) = denials(GuardContext(plan_for(Switchover(), state, AT), state, AT))
    assert (denial.code, denial.overridable) == ("anti-flap", True)
    assert "61 s ago; wait 239 s more" in denial.reason


def moved_by(node_clock: HostReported, ago_s: float) -> list[str]:
    """What anti-flap says of a VIP that came to iam-a so long ago, which only keepalived there knows."""
    ahead_s = (node_clock.report.clock_offset_ms or 0.0) / 1000
    state = fed(healthy(), [vrrp("iam-a", VrrpState.MASTER, since=AT - ago_s + ahead_s), node_clock])
    said = denials(GuardContext(plan_for(Switchover(), state, AT), state, AT))
    assert all(denial.code == "anti-flap" for denial in said)
    return [denial.reason for denial in said]


@pytest.mark.parametrize("ahead_s", [-86400.0, -400.0, -60.0, -0.5, 0.0, 0.5, 60.0, 400.0, 86400.0])
def test_a_nodes_clock_that_is_off_neither_lifts_anti_flap_nor_makes_it(ahead_s: float):
    off = HostReported(NOW, "iam-a", HostReport(clock_offset_ms=ahead_s * 1000, clock_uncertainty_ms=2.0))
    (refused,) = moved_by(off, 60.0)
    assert "60 s ago; wait 240 s more" in refused
    assert moved_by(off, 301.0) == []


@pytest.mark.parametrize(
    "blind",
    [HostReported(NOW, "iam-a", HostReport()), SourceLost(NOW, "iam-a", Source.HOST, "cat: /proc/loadavg: no")],
)
def test_a_move_dated_by_a_clock_that_cannot_be_compared_is_unknown_until_we_have_watched(blind: Event):
    events = [vrrp("iam-a", VrrpState.MASTER, since=AT - 3600), blind]
    state = fed(healthy(), events)
    (denial,) = denials(GuardContext(plan_for(Switchover(), state, AT), state, AT))
    assert (denial.code, denial.known, denial.overridable) == ("anti-flap", False, True)
    assert "the clock of iam-a cannot be compared with ours" in denial.reason
    again = [event for name in ("iam-a", "iam-b") for event in seen_on(pair(), name, NOW, owner=name == "iam-a")]
    watched = fed(healthy(NOW - 400), [*again, *events])
    assert "anti-flap" not in {
        each.code for each in denials(GuardContext(plan_for(Switchover(), watched, AT), watched, AT))
    }
    seen = replace(state, moves=(VipMove(AT - 40, "VI_1", "iam-b", "iam-a"),))
    (denial,) = denials(GuardContext(plan_for(Switchover(), seen, AT), seen, AT))
    assert "40 s ago; wait 260 s more" in denial.reason


def test_a_move_dated_in_the_future_is_of_a_clock_that_was_set_back():
    (said,) = moved_by(HostReported(NOW, "iam-a", HostReport(clock_offset_ms=0.0)), -500.0)
    assert said.endswith("keepalived dates it 500 s from now: the clock of iam-a was set back since")


def test_a_move_against_preemption_does_not_last():
    raw = {"VI_1": {"virtual_router_id": 51, "vip": VIP, "nopreempt": False}}
    assert codes(Switchover(), profile=pair(vrrp=raw)) == {"preempts": False}


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
