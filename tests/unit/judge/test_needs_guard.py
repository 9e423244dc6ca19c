"""The guards on needs: what would not come up is not touched, and no last backend falls with another."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest

from iamops.judge.guards.guards import denials
from iamops.model.drill import Drill
from iamops.model.events import DatastoreProbed, Event, HttpProbed, PortProbed, Target, UnitReported
from iamops.model.facts import ProbeOutcome, ProbeReport, UnitReport
from iamops.model.observed import Observed, Unknown
from iamops.model.state import ClusterState
from iamops.parse.drill.loader import parse_drill
from iamops.plan.action import Action, DrillAction, RollingRestart, ServiceAction, UnitVerb
from iamops.plan.build import plan_for
from iamops.plan.denial import Denial, GuardContext
from tests.support.cluster_states import NOW, fed, healthy
from tests.support.profiles import pair

AT = NOW + 1
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
