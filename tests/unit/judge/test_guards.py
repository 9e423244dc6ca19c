"""Each guard: silent on a healthy pair, and with a reason where it must refuse."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from iamops.judge.guards.guards import denials
from iamops.model.events import (
    AddressesListed,
    Event,
    HostReported,
    HttpProbed,
    KeepalivedAsked,
    LinkChanged,
    SafetyReported,
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
    LockHolder,
    ProbeOutcome,
    ProbeReport,
    SafetyReport,
    UnitReport,
    VrrpReport,
    VrrpState,
)
from iamops.model.state import VipMove
from iamops.plan.action import Action, RollingRestart, ServiceAction, Switchover, UnitVerb
from iamops.plan.build import plan_for
from iamops.plan.denial import GuardContext, remaining_denials
from tests.support.cluster_states import NOW, VIP, fed, healthy, seen_on
from tests.support.profiles import pair

AT = NOW + 1
BAD = ProbeReport(ProbeOutcome.BAD_ANSWER, 3.0, 502, "status 502")
STOP_KEEPALIVED = ServiceAction(UnitVerb.STOP, "keepalived", "iam-a")
RESTART_API = ServiceAction(UnitVerb.RESTART, "iam-apiserver", "iam-a")
EVERYTHING: tuple[Action, ...] = (
    Switchover(),
    STOP_KEEPALIVED,
    RESTART_API,
    ServiceAction(UnitVerb.RESTART, "nginx", "iam-a"),
    ServiceAction(UnitVerb.RELOAD, "nginx", "iam-b"),
    RollingRestart("iam-apiserver"),
)


def codes(action: Action, *events: Event, now: float = AT, **changes: Any) -> dict[str, bool]:
    """Code -> overridable."""
    profile = changes.pop("profile", None)
    state = fed(healthy(profile=profile), events)
    said = denials(GuardContext(plan_for(action, state, now), state, now, **changes))
    return {denial.code: denial.overridable for denial in said}


def vrrp(node: str, state: VrrpState, since: float = NOW - 3600, at: float = NOW) -> VrrpReported:
    priority = 100 if node == "iam-a" else 50
    return VrrpReported(at, node, "VI_1", VrrpReport(state, "json", priority, priority, since))


@pytest.mark.parametrize("action", EVERYTHING)
def test_a_healthy_pair_refuses_nothing(action: Action):
    assert codes(action) == {}


@pytest.mark.parametrize("action", EVERYTHING)
def test_nothing_is_done_while_read_only(action: Action):
    assert codes(action, armed=False) == {"not-armed": False}


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


def test_a_node_that_cannot_be_reached_cannot_be_acted_on():
    down = LinkChanged(NOW, "iam-a", Link(LinkState.DOWN, NOW, "timeout", "no answer within 5 s", "ping it"))
    assert codes(RESTART_API, down)["node-unreachable"] is False


def test_what_was_true_a_while_ago_is_no_ground_to_act_on():
    state, now = healthy(), NOW + 6
    said = denials(GuardContext(plan_for(RESTART_API, state, now), state, now))
    assert [(each.code, each.node, each.overridable) for each in said] == [
        ("stale-evidence", "iam-a", False),
        ("stale-evidence", "iam-b", True),
    ]


def test_two_owners_are_looked_at_before_anything_moves():
    both = AddressesListed(NOW, "iam-b", frozenset({"10.0.4.21", VIP}))
    assert codes(Switchover(), both)["split-brain"] is False
    assert codes(STOP_KEEPALIVED, both)["split-brain"] is True
    assert "split-brain" not in codes(RESTART_API, both)


def test_without_an_owner_there_is_nothing_to_switch_over():
    gone = AddressesListed(NOW, "iam-a", frozenset({"10.0.4.20"}))
    assert codes(Switchover(), gone) == {"no-owner": False}
    assert codes(ServiceAction(UnitVerb.START, "keepalived", "iam-a"), gone) == {}, "starting may be the cure"


def test_the_lock_of_another_operator_refuses_and_our_own_does_not():
    holder = LockHolder("bob@desk", "10.0.4.1", NOW - 12, "switchover", "run-1")
    locked = SafetyReported(NOW, "iam-b", SafetyReport((), holder))
    assert codes(RESTART_API, locked) == {"locked": False}
    assert codes(RESTART_API, locked, run="run-1") == {}


def reasons(action: Action, *events: Event, **case: Any) -> list[str]:
    state = fed(healthy(), events)
    return [denial.reason for denial in denials(GuardContext(plan_for(action, state, NOW), state, NOW, **case))]


def test_one_s_own_lock_is_told_as_one_s_own():
    holder = LockHolder("bob@desk", "10.0.4.1", NOW - 12, "switchover", "run-1")
    locked = SafetyReported(NOW, "iam-b", SafetyReport((), holder))
    (ending,) = reasons(RESTART_API, locked, own=frozenset({"run-1"}))
    assert ending == "your own switchover is just ending on iam-b: try again in a moment"
    (elsewhere,) = reasons(RESTART_API, locked, who="bob@desk")
    assert elsewhere.startswith("you hold iam-b for 12 s: switchover (another console or shell of bob@desk")
    (other,) = reasons(RESTART_API, locked, who="alice@laptop")
    assert other.startswith("bob@desk from 10.0.4.1 holds iam-b for 12 s")


def test_an_undo_of_a_run_under_way_is_told_as_that_and_with_its_own_time():
    holder = LockHolder("bob@desk", "10.0.4.1", NOW - 12, "backend drain", "run-1")
    draining = SafetyReported(NOW, "iam-a", SafetyReport(("config",), holder))
    armed = next(reason for reason in reasons(RESTART_API, draining) if "armed" in reason)
    assert armed.startswith("an undo of the running backend drain by bob@desk is armed on iam-a (config)")
    assert armed.endswith(f"fires within {healthy().profile.safety.rollback_s} s of being armed")
    left = SafetyReported(NOW, "iam-a", SafetyReport(("keepalived",)))
    (earlier,) = reasons(RESTART_API, left)
    assert earlier.startswith("an undo of an earlier run is still armed on iam-a (keepalived)")
    assert earlier.endswith(f"fires within {healthy().profile.safety.dead_man_s} s of being armed")


def test_an_armed_undo_of_an_earlier_run_refuses():
    armed = SafetyReported(NOW, "iam-a", SafetyReport(("keepalived",)))
    assert codes(RESTART_API, armed) == {"dead-man-armed": False}


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


def test_the_only_node_of_a_datastore_is_not_stopped_lightly():
    stores = {"mariadb": {"node": "iam-a", "unit": "mariadb"}}
    profile = pair(datastores=stores)
    assert codes(ServiceAction(UnitVerb.RESTART, "mariadb", "iam-a"), profile=profile) == {"datastore-spof": True}


def test_the_last_healthy_backend_is_not_stopped_lightly():
    bad = HttpProbed(NOW, "iam-b", "iam-b", Target.SERVICE, "iam-apiserver", BAD)
    assert codes(RESTART_API, bad) == {"last-backend": True}


def test_what_does_not_run_cannot_be_reloaded():
    stopped = UnitReported(NOW, "iam-b", "nginx", UnitReport("inactive", "dead"))
    assert codes(ServiceAction(UnitVerb.RELOAD, "nginx", "iam-b"), stopped) == {"not-running": False}


def test_an_undo_that_would_fire_too_early_refuses():
    profile = pair(safety={"dead_man_s": 10, "anti_flap_s": 0})
    assert "dead-man-too-short" in codes(ServiceAction(UnitVerb.STOP, "nginx", "iam-a"), profile=profile)


def test_only_what_may_be_overridden_gives_way():
    state = fed(healthy(), [vrrp("iam-b", VrrpState.FAULT)])
    said = denials(GuardContext(plan_for(Switchover(), state, AT), state, AT))
    assert remaining_denials(said, ["standby-fault"]) == said
    said = denials(GuardContext(plan_for(STOP_KEEPALIVED, state, AT), state, AT))
    assert remaining_denials(said, ["standby-fault"]) == ()
