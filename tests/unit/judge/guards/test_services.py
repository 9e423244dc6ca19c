"""Guards on services: what would not come up, who would serve nobody, and files that nobody pushed."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest

from iamops.judge.guards.guards import denials
from iamops.model.config import ConfFile, ConfTree
from iamops.model.drill import Drill
from iamops.model.events import DatastoreProbed, Event, FilesExamined, HttpProbed, PortProbed, Target, UnitReported
from iamops.model.facts import ProbeOutcome, ProbeReport, UnitReport
from iamops.model.observed import Known, Observed, Unknown
from iamops.model.running import Unloaded
from iamops.model.state import ClusterState
from iamops.parse.drill.loader import parse_drill
from iamops.plan.action import (
    Action,
    ConfigPush,
    Drain,
    DrainedRestart,
    DrillAction,
    RollingRestart,
    ServiceAction,
    Switchover,
    UnitVerb,
)
from iamops.plan.build import plan_for
from iamops.plan.config.change import FileChange, NodeFilesChange, node_change
from iamops.plan.denial import Denial, GuardContext
from iamops.render.nodefiles import NodeFile
from iamops.session.drills.files import load_drill
from tests.support.cluster_states import NOW, fed, files, healthy
from tests.support.denials import codes
from tests.support.profiles import FENCING, pair

AT = NOW + 1
BAD = ProbeReport(ProbeOutcome.BAD_ANSWER, 3.0, 502, "status 502")
RESTART_API = ServiceAction(UnitVerb.RESTART, "iam-apiserver", "iam-a")


def test_the_only_node_of_a_datastore_is_not_stopped_lightly():
    stores = {"mariadb": {"node": "iam-a", "unit": "mariadb"}}
    profile = pair(datastores=stores)
    assert codes(ServiceAction(UnitVerb.RESTART, "mariadb", "iam-a"), profile=profile) == {"datastore-spof": True}


def test_the_last_healthy_backend_is_not_stopped_lightly():
    bad = HttpProbed(NOW, "iam-b", "iam-b", Target.SERVICE, "iam-apiserver", BAD)
    assert codes(RESTART_API, bad) == {"last-backend": True}


DOWN = ProbeReport(ProbeOutcome.REFUSED, detail="connection refused")
NEEDED = {
    "iam-apiserver": ("mariadb", "redis"),
    "iam-authz-server": ("redis", "8081"),
    "iam-pump": (),
}


def judged(action: Action, state: ClusterState, now: float = AT) -> list[Denial]:
    denied = denials(GuardContext(plan_for(action, state, now), state, now))
    return [each for each in denied if each.code in ("dependency-down", "last-backend", "stale-evidence")]


def lost(need: str, node: str) -> Event:
    if need.isdigit():
        return PortProbed(NOW, node, int(need), DOWN)
    return DatastoreProbed(NOW, node, need, DOWN)


def blind(state: ClusterState, need: str, node: str) -> ClusterState:
    """The need is not known, as seen from the node."""
    unseen: Observed[Any] = Unknown("no answer from the link", NOW)
    if need.isdigit():
        ports = {**state.nodes[node].ports, int(need): unseen}
        return replace(state, nodes={**state.nodes, node: replace(state.nodes[node], ports=ports)})
    return replace(state, datastores={**state.datastores, need: {**state.datastores[need], node: unseen}})


def stopped(unit: str, node: str) -> Event:
    return UnitReported(NOW, node, unit, UnitReport("inactive", "dead"))


CASES = list(
    itertools.product(NEEDED, ("mariadb", "redis", "mongodb", "8081"), (UnitVerb.START, UnitVerb.RESTART))
)


@pytest.mark.parametrize(("service", "need", "verb"), CASES)
def test_down_or_unknown_is_refused_where_it_is_needed_and_only_there(service: str, need: str, verb: UnitVerb):
    action = ServiceAction(verb, service, "iam-b")
    state = fed(healthy(), [stopped(service, "iam-b")] if verb is UnitVerb.START else [])
    for worse in (fed(state, [lost(need, "iam-b")]), blind(state, need, "iam-b")):
        codes = {(each.code, each.overridable, each.node) for each in judged(action, worse)}
        assert codes == ({("dependency-down", True, "iam-b")} if need in NEEDED[service] else set())
    assert judged(action, fed(state, [lost(need, "iam-a")])) == [], "as seen from its own node"


def test_the_reason_says_what_is_needed_and_what_is_wrong_with_it():
    (denial,) = judged(
        ServiceAction(UnitVerb.RESTART, "iam-apiserver", "iam-b"), fed(healthy(), [lost("mariadb", "iam-b")])
    )
    assert denial.reason == (
        "iam-apiserver needs mariadb at start, and mariadb does not answer iam-b: connection refused; "
        "it would not come up on iam-b"
    )
    (denial,) = judged(
        ServiceAction(UnitVerb.RESTART, "iam-authz-server", "iam-b"), blind(healthy(), "8081", "iam-b")
    )
    assert "whether port 8081 answers on iam-b is not known: no answer from the link" in denial.reason


def test_what_was_seen_long_ago_is_not_known():
    later = NOW + 30
    state = replace(healthy(later), datastores=healthy(NOW).datastores)
    reasons = [
        each.reason for each in judged(ServiceAction(UnitVerb.RESTART, "iam-apiserver", "iam-b"), state, later)
    ]
    assert [reason.count("last seen 30 s ago") for reason in reasons] == [1, 1]


def test_a_rolling_restart_asks_for_every_node():
    state = fed(healthy(), [lost("mariadb", "iam-a")])
    assert [each.node for each in judged(RollingRestart("iam-apiserver"), state)] == ["iam-a"]


def test_a_stop_is_not_refused_for_what_is_down_already():
    assert (
        judged(ServiceAction(UnitVerb.STOP, "iam-apiserver", "iam-b"), fed(healthy(), [lost("redis", "iam-b")]))
        == []
    )


def test_the_last_backend_of_what_needs_it_is_kept():
    bad = HttpProbed(NOW, "iam-b", "iam-b", Target.SERVICE, "iam-authz-server", DOWN)
    for verb in (UnitVerb.STOP, UnitVerb.RESTART):
        (denial,) = judged(ServiceAction(verb, "iam-apiserver", "iam-a"), fed(healthy(), [bad]))
        assert (denial.code, denial.overridable) == ("last-backend", True)
        assert "iam-authz-server on iam-a needs iam-apiserver:8081" in denial.reason
    assert judged(ServiceAction(UnitVerb.STOP, "iam-apiserver", "iam-b"), fed(healthy(), [bad])) == []


def test_a_drained_backend_of_what_needs_it_does_not_serve_meanwhile():
    authz = {"port": 9090, "domain": "iam.authz.marmotedu.com", "drained": ["iam-b"]}
    profile = pair(services={"iam-apiserver": {"port": 8080}, "iam-authz-server": authz})
    state = healthy(NOW, profile)
    state = replace(state, nodes={n: replace(each, files=Unknown("no")) for n, each in state.nodes.items()})
    (denial,) = judged(ServiceAction(UnitVerb.STOP, "iam-apiserver", "iam-a"), state)
    assert denial.code == "last-backend"
    assert "iam-b (drained or missing in nginx on iam-a and iam-b)" in denial.reason
    assert judged(ServiceAction(UnitVerb.STOP, "iam-apiserver", "iam-b"), state) == []


def test_a_drill_that_restarts_what_cannot_come_up_is_refused():
    drill = DrillAction(drill_of("restart"))
    assert judged(drill, healthy()) == []
    assert [each.code for each in judged(drill, fed(healthy(), [lost("redis", "iam-a")]))] == ["dependency-down"]


def test_a_drill_that_stops_what_it_restarts_next_is_refused():
    profile = pair(
        services={"first": {"port": 1, "needs": []}, "iam-authz-server": {"port": 2, "needs": ["first"]}}
    )
    state = healthy(profile=profile)
    reasons = [each.reason for each in judged(DrillAction(drill_of("restart", "stop first")), state)]
    assert any("this plan stops first on iam-a first" in reason for reason in reasons)


def drill_of(verb: str, *before: str) -> Drill:
    steps = [*(each.split() for each in before), [verb, "iam-authz-server"]]
    method = "".join(f"  - {what}: {unit}\n    node: owner\n" for what, unit in steps)
    undo = "".join(f"  - start: {unit}\n    node: owner\n" for _, unit in steps[:-1])
    restore = f"restore:\n{undo}" if undo else ""
    return parse_drill(f"name: needs\ntitle: needs\nmethod:\n{method}{restore}", "needs.yaml")


RELOAD = ServiceAction(UnitVerb.RELOAD, "keepalived", "iam-a")
READING = (RELOAD, ServiceAction(UnitVerb.RESTART, "keepalived", "iam-a"), Switchover())
NOT_READING = (
    ServiceAction(UnitVerb.STOP, "keepalived", "iam-a"),
    ServiceAction(UnitVerb.RELOAD, "nginx", "iam-a"),
    ServiceAction(UnitVerb.RESTART, "keepalived", "iam-b"),
)


def asked(action: Action, unloaded: Unloaded) -> tuple[tuple[Denial, ...], str]:
    """The guard's denials and the plan's notes, with that much to load for iam-a's keepalived."""
    report = replace(files(pair(), "iam-a"), unloaded={"keepalived": unloaded})
    state = fed(healthy(), [FilesExamined(NOW, "iam-a", report)])
    plan = plan_for(action, state, AT)
    said = denials(GuardContext(plan, state, AT))
    return tuple(each for each in said if each.code == "unloaded-changes"), " ".join(plan.notes)


@pytest.mark.parametrize("action", READING, ids=lambda a: a.sentence)
def test_what_may_be_loaded_and_is_not_known_is_refused_and_may_be_insisted_on(action: Action):
    (said,), _ = asked(action, Unloaded(unknown=("keepalived.conf was not read",)))
    assert said.overridable
    assert said.reason == (
        "whether keepalived on iam-a would load other files than it runs with is not known: "
        "keepalived.conf was not read"
    )


@pytest.mark.parametrize("action", READING, ids=lambda a: a.sentence)
def test_what_would_make_two_masters_is_refused_and_nobody_can_insist(action: Action):
    (said,), _ = asked(action, Unloaded(conflicts=("VI_1: virtual_router_id would differ from iam-b (52, 51)",)))
    assert not said.overridable
    assert "would load other files than it runs with: VI_1: virtual_router_id would differ" in said.reason


def test_what_is_known_to_change_comes_before_what_is_not_known():
    (said,), _ = asked(RELOAD, Unloaded(differences=("priority 40",), unknown=("x was not read",)))
    assert "would load other files than it runs with: priority 40; x was not read; " in said.reason


@pytest.mark.parametrize("action", READING, ids=lambda a: a.sentence)
def test_a_peer_that_cannot_be_compared_with_is_a_note_and_refuses_nothing(action: Action):
    assert asked(action, Unloaded(unseen=("iam-b is not compared with",)))[0] == ()
    assert "iam-b is not compared with" in asked(action, Unloaded(unseen=("iam-b is not compared with",)))[1]


DRILLS = {
    "power-off": True,
    "keepalived-stop": True,
    "switchover": True,
    "node-freeze": False,
    "nginx-stop": False,
    "backend-loss": False,
}


@pytest.mark.parametrize("name", DRILLS)
def test_a_drill_that_makes_a_node_boot_loads_files_as_one_that_starts_keepalived_does(name: str):
    report = replace(files(pair(), "iam-a"), unloaded={"keepalived": Unloaded(unknown=("x changed",))})
    state = fed(healthy(NOW, pair(fencing=FENCING)), [FilesExamined(NOW, "iam-a", report)])
    plan = plan_for(DrillAction(load_drill(name), disruptive=True), state, AT)
    assert plan.steps
    codes = [each.code for each in denials(GuardContext(plan, state, AT))]
    assert ("unloaded-changes" in codes) is DRILLS[name]


@pytest.mark.parametrize("action", NOT_READING, ids=lambda a: a.sentence)
def test_an_action_that_does_not_make_it_read_its_files_says_nothing(action: Action):
    denied, notes = asked(action, Unloaded(unknown=("x was not read",), unseen=("nobody was seen",)))
    assert denied == ()
    assert "nobody was seen" not in notes


AT_PUSH, MAIN, API = NOW + 1, "/etc/nginx/nginx.conf", "/etc/nginx/conf.d/iam-apiserver.conf"
STRAY, VRRP = "/etc/nginx/conf.d/00-stray.conf", "/etc/keepalived/keepalived.conf"


def change(node: str, path: str = MAIN) -> NodeFilesChange:
    return NodeFilesChange(node, (FileChange(path, "old\n", "new\n"),), {path: "1" * 64}, frozenset({path, API}))


def push(path: str = MAIN) -> ConfigPush:
    return ConfigPush("20261128T120000Z-abcdef", ("config", "push"), {n: change(n, path) for n in pair().nodes})


def drained() -> DrainedRestart:
    drains = (Drain("iam-a", "10.0.4.20:8080"),)
    each = {node: {n: change(n) for n in pair().nodes} for node in pair().nodes}
    return DrainedRestart("iam-apiserver", "iam-apiserver", "push", each, dict.fromkeys(each, drains))


def asked_to_push(action: Action, unit: str = "nginx", **unloaded: tuple[str, ...]) -> tuple[Denial, ...]:
    report = replace(files(pair(), "iam-a"), unloaded={unit: Unloaded(**unloaded)})
    state: ClusterState = fed(healthy(), [FilesExamined(NOW, "iam-a", report)])
    nodes = {
        name: replace(node, units=dict.fromkeys(node.units, Known(UnitReport("active", "running", 0, 4000), NOW)))
        for name, node in state.nodes.items()
    }
    state = replace(state, nodes=nodes)
    plan = plan_for(action, state, AT_PUSH)
    return tuple(each for each in denials(GuardContext(plan, state, AT_PUSH)) if each.code == "unloaded-changes")


@pytest.mark.parametrize("action", [push(), drained()], ids=lambda a: type(a).__name__)
def test_a_file_that_nobody_brought_and_nginx_has_not_loaded_is_refused(action: Action):
    (said,) = asked_to_push(action, files=(STRAY, MAIN, API))
    assert (said.node, said.overridable) == ("iam-a", True)
    assert said.reason == (
        "nginx on iam-a would load files that this does not replace, and that it may not have loaded: "
        f"{STRAY}; remove them, or load them first"
    )


@pytest.mark.parametrize("action", [push(), drained()], ids=lambda a: type(a).__name__)
def test_files_that_it_replaces_or_finds_as_it_wants_them_do_not_count(action: Action):
    assert asked_to_push(action, files=(MAIN, API), conflicts=("iam.api would be answered by nobody",)) == ()


def test_a_daemon_that_a_push_leaves_alone_may_have_anything_to_load():
    assert asked_to_push(push(), "keepalived", files=("/etc/keepalived/stray.conf",)) == ()
    (said,) = asked_to_push(push(VRRP), "keepalived", files=("/etc/keepalived/stray.conf", VRRP))
    assert said.reason.startswith("keepalived on iam-a would load files that this does not replace")


def test_a_push_knows_which_files_are_as_it_wants_them():
    live = {path: ConfFile(path, text) for path, text in ((MAIN, "old"), (API, "same"), (STRAY, "by hand"))}
    found = node_change(ConfTree("iam-a", live), (NodeFile(MAIN, "new"), NodeFile(API, "same")))
    assert found.settled == {MAIN, API}
    back = node_change(ConfTree("iam-a", live), (NodeFile(MAIN, "new"),), exact=True)
    assert back.settled == {MAIN, API, STRAY}
