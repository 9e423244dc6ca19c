"""A backend that is no node of the profile is not watched: whether it serves meanwhile is not known."""

from __future__ import annotations

from typing import Any

from iamops.judge.guards.guards import denials
from iamops.model.events import FilesExamined
from iamops.model.running import FilesReport, Upstream, UpstreamServer
from iamops.model.state import ClusterState
from iamops.plan.action import Action, RollingRestart, ServiceAction, UnitVerb
from iamops.plan.build import plan_for
from iamops.plan.denial import GuardContext
from tests.support.cluster_states import NOW, fed, healthy
from tests.support.profiles import pair

AT = NOW + 1
OUT = "10.0.4.77:8080"
RESTART = ServiceAction(UnitVerb.RESTART, "x", "iam-a")
NOT_KNOWN = f"whether {OUT} serves it meanwhile is not known"


def on_a_alone(**changes: Any) -> ClusterState:
    service = {"port": 8080, "domain": "x.y", "nodes": ["iam-a"], **changes}
    return healthy(NOW, pair(services={"x": service}))


def reasons(action: Action, state: ClusterState) -> list[tuple[str, str]]:
    return [(each.code, each.reason) for each in denials(GuardContext(plan_for(action, state, AT), state, AT))]


def test_a_backend_beside_the_nodes_may_serve_and_nobody_knows():
    state = on_a_alone(backends=[OUT])
    assert NOT_KNOWN in plan_for(RESTART, state, AT).prediction
    assert NOT_KNOWN in plan_for(RollingRestart("x"), state, AT).prediction
    told = "x is not known to be healthy on any other node"
    would = f"whether {OUT} would serve it meanwhile is not known"
    assert reasons(RESTART, state) == [("last-backend", f"{told}: {would}")]


def test_without_one_nothing_else_serves():
    state = on_a_alone()
    assert "nothing else serves it" in plan_for(RESTART, state, AT).prediction
    assert reasons(RESTART, state)[0][1].endswith("nothing would serve it meanwhile")


def test_a_drained_one_serves_nobody():
    unread = [FilesExamined(NOW, each, None, "not read") for each in ("iam-a", "iam-b")]
    state = fed(on_a_alone(backends=[OUT], drained=[OUT]), unread)
    assert "nothing else serves it" in plan_for(RESTART, state, AT).prediction


def test_one_that_only_nginx_s_files_name_is_not_known_either():
    servers = (UpstreamServer("127.0.0.1:8080"), UpstreamServer(OUT))
    state = fed(on_a_alone(), [FilesExamined(NOW, "iam-a", FilesReport({"x.y": Upstream(servers)}))])
    assert NOT_KNOWN in plan_for(RESTART, state, AT).prediction


def test_one_that_nginx_s_files_have_down_serves_nobody():
    servers = (UpstreamServer("10.0.4.20:8080"), UpstreamServer(OUT, down=True))
    files = FilesReport({"x.y": Upstream(servers)})
    state = fed(on_a_alone(backends=[OUT]), [FilesExamined(NOW, each, files) for each in ("iam-a", "iam-b")])
    assert "nothing else serves it" in plan_for(RESTART, state, AT).prediction
