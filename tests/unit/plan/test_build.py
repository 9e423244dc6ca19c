"""The plan of an action: what it rests on is in its fingerprint, and nothing that changes by itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import pytest

from iamops.model.events import AddressChanged, SafetyReported, UnitReported, VrrpReported
from iamops.model.facts import (
    ConfigReport,
    HostReport,
    Link,
    LinkState,
    ProbeOutcome,
    ProbeReport,
    RequestCount,
    SafetyReport,
    UnitReport,
    VrrpReport,
    VrrpState,
)
from iamops.model.observed import Known, Unknown
from iamops.model.state import ClusterState, Contest, Flooded, NodeState, Notice, PartFailure, Split, VipMove
from iamops.plan import action as actions
from iamops.plan.action import Action, DrillAction, RollingRestart, ServiceAction, Switchover, UnitVerb
from iamops.plan.build import PLANNERS, plan_for
from iamops.session.drills.files import load_drill
from tests.support.cluster_states import NOW, VIP, fed, healthy
from tests.support.every_action import every_action
from tests.support.observed_values import PROFILE

A, B = "iam-a", "iam-b"
PUMP, API = "iam-pump", "iam-apiserver"
STOP_PUMP = ServiceAction(UnitVerb.STOP, PUMP, B)
RESTART_NGINX, RELOAD_NGINX = (
    ServiceAction(UnitVerb.RESTART, "nginx", B),
    ServiceAction(UnitVerb.RELOAD, "nginx", B),
)
STOP_KEEPALIVED, RESTART_API = (
    ServiceAction(UnitVerb.STOP, "keepalived", A),
    ServiceAction(UnitVerb.RESTART, API, B),
)
DRILL = DrillAction(load_drill("switchover"))
STATE = healthy(NOW, PROFILE)
ACTIONS = every_action(PROFILE)
by_action = pytest.mark.parametrize("action", ACTIONS, ids=[each.sentence for each in ACTIONS])
Change = Callable[[ClusterState], ClusterState]


def mark(action: Action, state: ClusterState, now: float = NOW + 1) -> str:
    return plan_for(action, state, now).fingerprint


def on(node: str, **parts: Any) -> Change:
    def changed(state: ClusterState) -> ClusterState:
        return replace(state, nodes={**state.nodes, node: replace(state.nodes[node], **parts)})

    return changed


def unit(node: str, name: str, report: UnitReport) -> Change:
    return lambda state: fed(state, [UnitReported(NOW + 1, node, name, report)])


def vrrp(node: str, state: VrrpState, effective: int, base: int = 50) -> Change:
    report = VrrpReport(state, "json", base, effective, NOW - 3600)
    return lambda before: fed(before, [VrrpReported(NOW + 1, node, "VI_1", report)])


def both(change: Callable[[str], Change]) -> Change:
    return lambda state: change(B)(change(A)(state))


def same(state: ClusterState) -> ClusterState:
    return state


SICK = Known(ProbeReport(ProbeOutcome.BAD_ANSWER, 900.0, 502, "HTTP 502"), NOW)


def all_of(part: str, value: Any) -> Change:
    """Everything in a mapping of both nodes, nested ones included."""

    def filled(old: Any) -> Any:
        return {key: filled(each) for key, each in old.items()} if isinstance(old, dict) else value

    return lambda state: both(lambda node: on(node, **{part: filled(getattr(state.nodes[node], part))}))(state)


def older(state: ClusterState) -> ClusterState:
    """The same addresses, seen at other times."""

    def later(node: str) -> Change:
        held = state.nodes[node].addresses
        assert isinstance(held, Known)
        return on(node, addresses=Known(dict.fromkeys(held.value, NOW - 5), NOW + 1))

    return both(later)(state)


# Every part of a node's state, with a change that it may see at any moment. None: see WHAT_COUNTS.
NODE: dict[str, Change | None] = {
    "name": same,
    "link": both(lambda node: on(node, link=Link(LinkState.UP, NOW + 7))),
    "last_event_at": both(lambda node: on(node, last_event_at=NOW + 0.9)),
    "addresses": older,
    "listed_at": both(lambda node: on(node, listed_at=NOW - 9)),
    "vrrp": None,
    "keepalived_silence": both(lambda node: on(node, keepalived_silence=Known("its process is stopped", NOW))),
    "units": None,
    "domains": all_of("domains", SICK),
    "services": all_of("services", SICK),
    "from_peers": all_of("from_peers", SICK),
    "renewed": both(lambda node: on(node, renewed={PUMP: NOW})),
    "ports": all_of("ports", SICK),
    "certificates": both(lambda node: on(node, certificates={8443: Unknown("no answer")})),
    "requests": both(lambda node: on(node, requests=Known(RequestCount(9, {"5xx": 9}), NOW))),
    "samples": both(lambda node: on(node, samples=((NOW, 7),))),
    "errors": both(lambda node: on(node, errors=((NOW, 7),))),
    "host": both(lambda node: on(node, host=Known(HostReport(9.0, 99.0, 99.0, 900.0, 1.0), NOW))),
    "safety": both(lambda node: on(node, safety=Known(SafetyReport(("config",)), NOW))),
    "config": both(lambda node: on(node, config=Known(ConfigReport(("/etc/nginx/nginx.conf",)), NOW))),
    "files": both(lambda node: on(node, files=Unknown("not read"))),
    "floods": both(lambda node: on(node, floods={"units": Flooded(NOW, "flooding")})),
}
CLUSTER: dict[str, Change | None] = {
    "profile": same,
    "nodes": None,
    "datastores": lambda s: replace(s, datastores={n: dict.fromkeys(v, SICK) for n, v in s.datastores.items()}),
    "client": lambda s: replace(s, client=dict.fromkeys(s.client, SICK)),
    "moved_at": lambda s: replace(s, moved_at={"VI_1": NOW}),
    "lost_at": lambda s: replace(s, lost_at={"VI_1": NOW}),
    "last_owner": lambda s: replace(s, last_owner={"VI_1": B}),
    "moves": lambda s: replace(s, moves=(VipMove(NOW, "VI_1", B, A),)),
    "move_counts": lambda s: replace(s, move_counts={"VI_1": 3}),
    "contests": lambda s: replace(s, contests={"VI_1": Contest("VI_1", (A, B), NOW, A)}),
    "splits": lambda s: replace(s, splits=(Split("VI_1", (A, B), NOW),)),
    "notices": lambda s: replace(s, notices=(Notice(NOW, A, s.notices[0].severity, "x"),)),
    "faults": lambda s: replace(s, faults={"x": PartFailure("x", A, NOW, NOW, "why")}),
}


def test_every_part_of_the_state_is_thought_of():
    assert list(NODE) == [field.name for field in fields(NodeState)]
    assert list(CLUSTER) == [field.name for field in fields(ClusterState)]


@by_action
def test_what_may_change_by_itself_voids_no_plan(action: Action):
    shown = mark(action, STATE)
    for name, change in {**NODE, **CLUSTER}.items():
        if change is not None:
            assert mark(action, change(STATE)) == shown, name
    assert mark(action, STATE, NOW + 3) == shown, "time"


@by_action
def test_other_units_may_crash_and_come_back_as_they_like(action: Action):
    shown, own = mark(action, STATE), action.units(PROFILE)
    for node in (A, B):
        for name in STATE.nodes[node].units.keys() - own:
            for report in (UnitReport("active", "running", 8, 4711), UnitReport("activating", "auto", 8, 0)):
                assert mark(action, unit(node, name, report)(STATE)) == shown, (node, name, report)


@pytest.mark.parametrize("action", [STOP_PUMP, STOP_KEEPALIVED, ServiceAction(UnitVerb.STOP, "nginx", A)])
def test_what_is_only_stopped_may_have_another_process_by_then(action: ServiceAction):
    shown = mark(action, healthy())
    for report in (UnitReport("active", "running", 0, 4711), UnitReport("activating", "auto-restart", 3, 0)):
        assert mark(action, unit(action.node, action.unit, report)(healthy())) == shown


def test_what_systemd_starts_again_and_again_may_be_restarted_at_any_moment():
    action = ServiceAction(UnitVerb.RESTART, PUMP, B)
    often = [unit(B, PUMP, UnitReport("active", "running", count, 4000 + count)) for count in (3, 4)]
    assert len({mark(action, change(healthy())) for change in often}) == 1


@pytest.mark.parametrize("action", [STOP_PUMP, RESTART_API, RollingRestart(API)])
def test_a_backend_comes_and_goes_without_vrrp(action: Action):
    shown = mark(action, healthy())
    assert mark(action, vrrp(B, VrrpState.FAULT, 40)(healthy())) == shown


def vip_on_b(state: ClusterState) -> ClusterState:
    moved = [AddressChanged(NOW + 1, A, VIP, present=False), AddressChanged(NOW + 1, B, VIP, present=True)]
    return fed(state, moved)


def replaced(node: str, name: str) -> Change:
    """Somebody else was quicker."""
    return unit(node, name, UnitReport("active", "running", 0, 4711))


DOWN = Link(LinkState.DOWN, NOW + 1, "timeout", "no answer")
STOPPED = UnitReport("inactive", "dead", 0, 0)
TRACKED = both(lambda node: on(node, safety=Known(SafetyReport((), None, ("VI_1",)), NOW)))
WHAT_COUNTS: list[tuple[str, Action, Change]] = [
    ("the owner", STOP_PUMP, vip_on_b),
    ("the owner", Switchover(), vip_on_b),
    ("a link", STOP_PUMP, on(B, link=DOWN)),
    ("a VRRP state", Switchover(), vrrp(B, VrrpState.FAULT, 50)),
    ("a VRRP state", RESTART_NGINX, vrrp(B, VrrpState.FAULT, 50)),
    ("a VRRP state", DRILL, vrrp(B, VrrpState.FAULT, 50)),
    ("a priority", Switchover(), vrrp(B, VrrpState.BACKUP, 40)),
    ("a VRRP state that is not told any more", Switchover(), on(B, vrrp={"VI_1": Unknown("no answer")})),
    ("a process to be replaced", RESTART_NGINX, replaced(B, "nginx")),
    ("a process to be replaced", RESTART_API, replaced(B, API)),
    ("a process to be replaced", RollingRestart(API), replaced(A, API)),
    ("a process that is to read its files", RELOAD_NGINX, replaced(B, "nginx")),
    ("a process after systemd's own restarts", RESTART_API, unit(B, API, UnitReport("active", "running", 3, 400))),
    ("the commands: nothing is left to be stopped", STOP_PUMP, unit(B, PUMP, STOPPED)),
    ("the commands: there is nothing to go back to", RESTART_API, unit(B, API, STOPPED)),
    ("the commands: a priority can be raised first", Switchover(), TRACKED),
]


@pytest.mark.parametrize(("what", "action", "change"), WHAT_COUNTS)
def test_what_the_plan_rests_on_voids_it(what: str, action: Action, change: Change):
    assert mark(action, change(healthy())) != mark(action, healthy()), what


def test_every_action_is_another_plan():
    assert len({mark(action, STATE) for action in ACTIONS}) == len(ACTIONS)


def test_every_action_that_can_be_asked_for_has_a_planner_and_is_tried_here():
    kinds = {each for each in vars(actions).values() if isinstance(each, type) and issubclass(each, Action)}
    assert kinds - {Action} == set(PLANNERS) == {type(action) for action in ACTIONS}


WITH_TRACK_FILE = [SafetyReported(NOW, node, SafetyReport((), None, ("VI_1",))) for node in ("iam-a", "iam-b")]


def test_nothing_stops_before_its_undo_was_armed():
    for action in (
        ServiceAction(UnitVerb.STOP, "nginx", "iam-a"),
        ServiceAction(UnitVerb.RESTART, "iam-pump", "iam-b"),
        RollingRestart("keepalived"),
        Switchover(),
    ):
        armed: set[str] = set()
        for step in plan_for(action, fed(healthy(), WITH_TRACK_FILE), NOW).steps:
            armed |= {step.undo.name} if step.undo else set()
            assert step.requires_undo is None or step.requires_undo in armed
