"""A preempting pair: a VIP that comes to a node where keepalived or nginx starts is planned and guarded."""

from __future__ import annotations

import pytest

from iamops.judge.guards.guards import denials
from iamops.model.events import AddressesListed, Event, LinkChanged, UnitReported, VrrpReported
from iamops.model.facts import Link, LinkState, UnitReport, VrrpReport, VrrpState
from iamops.model.state import ClusterState
from iamops.plan.action import Action, RollingRestart, ServiceAction, UnitVerb
from iamops.plan.build import plan_for
from iamops.plan.denial import GuardContext
from iamops.plan.expectation import VipOn, VipSomewhere
from iamops.plan.steps import Handover, confirmation
from tests.support.cluster_states import NOW, VIP, fed, healthy, silent, tells
from tests.support.profiles import pair

AT = NOW + 1
START_KEEPALIVED = ServiceAction(UnitVerb.START, "keepalived", "iam-a")
START_NGINX = ServiceAction(UnitVerb.START, "nginx", "iam-a")
COMES = (Handover(("VI_1",), "iam-b", "iam-a", comes=True),)


def stopped(unit: str) -> Event:
    return UnitReported(NOW, "iam-a", unit, UnitReport("inactive", "dead"))


def vrrp(node: str, state: VrrpState, priority: int, counted: int | None = None) -> Event:
    report = VrrpReport(state, "json", priority, priority if counted is None else counted, NOW - 3600)
    return VrrpReported(NOW, node, "VI_1", report)


def on_b(*events: Event, nopreempt: bool = False, anti_flap_s: int = 0) -> ClusterState:
    """iam-b (50) has the VIP; iam-a (100) would take it back where it may."""
    own = {"virtual_router_id": 51, "vip": VIP, "nopreempt": nopreempt}
    there = [
        AddressesListed(NOW, "iam-a", frozenset({"10.0.4.20"})),
        AddressesListed(NOW, "iam-b", frozenset({"10.0.4.21", VIP})),
        vrrp("iam-a", VrrpState.FAULT, 100),
        vrrp("iam-b", VrrpState.MASTER, 50),
    ]
    profile = pair(vrrp={"VI_1": own}, safety={"dead_man_s": 60, "anti_flap_s": anti_flap_s})
    return fed(healthy(NOW, profile), [*there, *events])


def codes(action: Action, state: ClusterState) -> dict[str, bool]:
    said = denials(GuardContext(plan_for(action, state, AT), state, AT))
    return {denial.code: denial.overridable for denial in said}


def test_a_keepalived_that_preempts_takes_its_vip_back_and_the_plan_says_so():
    state = on_b(stopped("keepalived"))
    plan = plan_for(START_KEEPALIVED, state, AT)
    assert plan.impact.handovers == COMES
    assert plan.prediction == (
        "keepalived starts on iam-a; VIP 10.0.4.99 comes iam-b -> iam-a: iam-a preempts, "
        "within 3.6 s of its check's success"
    )
    starting = next(step for step in plan.steps if step.title.startswith("start"))
    assert VipOn("VI_1", "iam-a") in starting.expect
    assert plan.steady_state == (VipOn("VI_1", "iam-a"),)
    assert confirmation(plan, state, AT).why == "the VIP comes to iam-a"
    assert codes(START_KEEPALIVED, state) == {}


def test_without_preemption_no_vip_moves_when_keepalived_starts():
    plan = plan_for(START_KEEPALIVED, on_b(stopped("keepalived"), nopreempt=True), AT)
    assert plan.impact.handovers == ()
    assert plan.prediction == "keepalived starts on iam-a; no VIP moves"
    assert plan.steady_state == (VipOn("VI_1", "iam-b"),)


def test_a_standby_with_the_lower_priority_takes_nothing():
    state = fed(on_b(), [UnitReported(NOW, "iam-b", "keepalived", UnitReport("inactive", "dead"))])
    on_a = fed(
        state,
        [
            AddressesListed(NOW, "iam-a", frozenset({"10.0.4.20", VIP})),
            AddressesListed(NOW, "iam-b", frozenset({"10.0.4.21"})),
        ],
    )
    action = ServiceAction(UnitVerb.START, "keepalived", "iam-b")
    assert plan_for(action, on_a, AT).prediction.endswith("no VIP moves")


def test_a_keepalived_that_would_take_the_vip_to_a_dead_nginx_is_refused():
    assert codes(START_KEEPALIVED, on_b(stopped("keepalived"), stopped("nginx"))) == {"standby-unhealthy": True}


def test_a_vip_that_came_a_moment_ago_is_not_taken_back_by_a_start():
    state = on_b(stopped("keepalived"), anti_flap_s=300)
    assert codes(START_KEEPALIVED, state) == {"anti-flap": True}


def test_a_node_that_cannot_be_reached_is_no_node_to_start_on():
    down = LinkChanged(NOW, "iam-a", Link(LinkState.DOWN, NOW, "timeout", "no answer within 5 s", "ping it"))
    assert codes(START_KEEPALIVED, on_b(stopped("keepalived"), down))["node-unreachable"] is False


@pytest.mark.parametrize(
    "held_back",
    [vrrp("iam-a", VrrpState.FAULT, 100), vrrp("iam-a", VrrpState.BACKUP, 100, 40)],
    ids=["FAULT", "weight"],
)
def test_an_nginx_that_starts_brings_the_vip_back_to_a_preempting_node(held_back: Event):
    state = on_b(stopped("nginx"), held_back)
    plan = plan_for(START_NGINX, state, AT)
    assert plan.impact.handovers == COMES
    assert "VIP 10.0.4.99 comes iam-b -> iam-a" in plan.prediction
    starting = next(step for step in plan.steps if step.title.startswith("start"))
    assert VipOn("VI_1", "iam-a") in starting.expect
    check = state.profile.instance.check
    assert starting.within_s > check.rise * check.interval_s + 3.6
    assert codes(START_NGINX, state) == {}


def test_an_nginx_that_starts_beside_a_stopped_keepalived_moves_nothing():
    plan = plan_for(START_NGINX, on_b(stopped("nginx"), stopped("keepalived")), AT)
    assert plan.impact.handovers == ()


@pytest.mark.parametrize("unit", ["keepalived", "nginx"])
def test_a_restart_of_what_does_not_run_is_a_start(unit: str):
    plan = plan_for(ServiceAction(UnitVerb.RESTART, unit, "iam-a"), on_b(stopped(unit)), AT)
    assert plan.impact.handovers == COMES
    assert "VIP 10.0.4.99 comes iam-b -> iam-a" in plan.prediction
    assert not any("switchover" in note for note in plan.notes)


@pytest.mark.parametrize("unit", ["keepalived", "nginx"])
def test_a_rolling_restart_counts_the_vip_that_comes_to_its_first_node(unit: str):
    plan = plan_for(RollingRestart(unit), on_b(stopped(unit)), AT)
    assert plan.impact.handovers[0] in COMES
    assert "VIP 10.0.4.99 comes iam-b -> iam-a" in plan.prediction


def test_where_nobody_has_the_vip_a_start_does_not_say_that_none_moves():
    state = fed(
        on_b(stopped("keepalived"), nopreempt=True), [AddressesListed(NOW, "iam-b", frozenset({"10.0.4.21"}))]
    )
    assert plan_for(START_KEEPALIVED, state, AT).prediction == (
        "keepalived starts on iam-a; VIP 10.0.4.99 is on no node, so iam-a may take it"
    )


def told(node: str, **changes: object) -> Event:
    return tells(pair(), node, **changes)


@pytest.mark.parametrize(
    ("event", "comes"), [(told("iam-a", nopreempt=False), True), (told("iam-a"), False)], ids=["told", "told-not"]
)
@pytest.mark.parametrize("nopreempt", [True, False], ids=["profile-stays", "profile-preempts"])
def test_whether_it_preempts_is_what_keepalived_tells(event: Event, comes: bool, nopreempt: bool):
    plan = plan_for(START_KEEPALIVED, on_b(stopped("keepalived"), event, nopreempt=nopreempt), AT)
    assert plan.impact.handovers == (COMES if comes else ())
    assert plan.steady_state == (VipOn("VI_1", "iam-a" if comes else "iam-b"),)


def test_where_nobody_tells_a_start_does_not_say_that_no_vip_moves():
    plan = plan_for(START_KEEPALIVED, on_b(stopped("keepalived"), silent(pair(), "iam-a"), nopreempt=True), AT)
    assert plan.prediction == (
        "keepalived starts on iam-a; whether VIP 10.0.4.99 comes to iam-a is not known: "
        "keepalived on iam-a does not tell whether it preempts"
    )
    assert plan.steady_state == (VipSomewhere("VI_1"),)


def test_where_only_the_profile_says_so_a_vip_comes_by_the_profiles_word():
    plan = plan_for(START_KEEPALIVED, on_b(stopped("keepalived"), silent(pair(), "iam-a")), AT)
    assert plan.prediction.endswith("if it does as the profile says: keepalived on iam-a does not tell")
    assert plan.steady_state == (VipSomewhere("VI_1"),)


@pytest.mark.parametrize(
    ("action", "unit"), [(START_KEEPALIVED, "keepalived"), (START_NGINX, "nginx")], ids=["keepalived", "nginx"]
)
def test_a_vip_that_comes_after_a_delay_is_awaited_for_that_long(action: Action, unit: str):
    slow = told("iam-a", nopreempt=False, preempt_delay_s=30.0)
    plan = plan_for(action, on_b(stopped(unit), slow, nopreempt=True), AT)
    assert "within 34.6 s of its check's success (preempt_delay 30 s)" in plan.prediction
    starting = next(step for step in plan.steps if step.title.startswith("start"))
    assert VipOn("VI_1", "iam-a") in starting.expect
    assert starting.within_s > 12 + 34.6


@pytest.mark.parametrize("delay_s", [0.0, 30.0])
def test_a_restart_of_an_owner_that_preempts_ends_when_it_has_its_vip_again(delay_s: float):
    state = fed(healthy(), [told("iam-a", nopreempt=False, preempt_delay_s=delay_s)])
    plan = plan_for(ServiceAction(UnitVerb.RESTART, "keepalived", "iam-a"), state, AT)
    assert plan.impact.handovers == (Handover(("VI_1",), "iam-a", "iam-b"), *COMES)
    restart = next(step for step in plan.steps if step.title.startswith("restart"))
    assert VipOn("VI_1", "iam-a") in restart.expect
    assert restart.within_s > 12 + delay_s + 3.6
    assert restart.needs_s > delay_s + 3.6
    assert plan.steady_state == (VipOn("VI_1", "iam-a"),)
    assert not any("switchover" in note for note in plan.notes)
    assert confirmation(plan, state, AT).why == "iam-a owns the VIP"


def test_where_an_owner_does_not_tell_its_vip_may_be_on_either_after_its_restart():
    state = fed(healthy(), [silent(pair(), "iam-a")])
    plan = plan_for(ServiceAction(UnitVerb.RESTART, "keepalived", "iam-a"), state, AT)
    assert plan.steady_state == (VipSomewhere("VI_1"),)
    assert any(note.startswith("whether iam-a takes VIP 10.0.4.99 back is not known") for note in plan.notes)
