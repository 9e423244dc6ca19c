"""What is asked of a unit, and of what hangs on it, once it was started: as much as answered before."""

from __future__ import annotations

from iamops.model.events import DatastoreProbed, Event, HttpProbed, Target, UnitReported, VrrpReported
from iamops.model.facts import ProbeOutcome, ProbeReport, UnitReport, VrrpReport, VrrpState
from iamops.model.observed import Unknown
from iamops.model.state import ClusterState
from iamops.plan.action import RollingRestart, ServiceAction, UnitVerb
from iamops.plan.build import plan_for
from iamops.plan.expectation import DatastoreAnswers, DomainsAnswer, ServiceHealthy, VrrpIn
from iamops.plan.steps import Plan
from tests.support.cluster_states import NOW, fed, healthy
from tests.support.observed_values import put
from tests.support.profiles import pair

DOMAINS = ("iam.api.marmotedu.com", "iam.authz.marmotedu.com")
BAD = ProbeReport(ProbeOutcome.REFUSED, detail="connection refused")
MARIADB = pair(datastores={"mariadb": {"node": "iam-a", "unit": "mariadb"}})
START_NGINX = ServiceAction(UnitVerb.START, "nginx", "iam-b")


def asked(plan: Plan, kind: type) -> list[object]:
    return [each for step in plan.steps for each in step.expect if isinstance(each, kind)]


def answers_badly(node: str, domain: str) -> Event:
    return HttpProbed(NOW, node, node, Target.DOMAIN, domain, BAD)


def nginx_down(*events: Event) -> ClusterState:
    stopped = UnitReported(NOW, "iam-b", "nginx", UnitReport("inactive", "dead"))
    return fed(healthy(), [stopped, *(answers_badly("iam-b", domain) for domain in DOMAINS), *events])


def test_a_datastore_must_greet_every_node_that_it_greeted_before():
    restart = ServiceAction(UnitVerb.RESTART, "mariadb", "iam-a")
    plan = plan_for(restart, healthy(NOW, MARIADB), NOW + 1)
    assert asked(plan, DatastoreAnswers) == [DatastoreAnswers("mariadb", ("iam-a", "iam-b"))]
    deaf = fed(healthy(NOW, MARIADB), [DatastoreProbed(NOW, "iam-b", "mariadb", BAD)])
    assert asked(plan_for(restart, deaf, NOW + 1), DatastoreAnswers) == [DatastoreAnswers("mariadb", ("iam-a",))]


def test_a_node_that_nobody_knows_to_be_greeted_is_not_asked_and_named():
    state = put(healthy(NOW, MARIADB), ("datastores", "mariadb", "iam-b"), Unknown("no answer yet", NOW))
    plan = plan_for(ServiceAction(UnitVerb.RESTART, "mariadb", "iam-a"), state, NOW + 1)
    assert any(note.startswith("whether mariadb seen from iam-b answers is not known") for note in plan.notes)


def test_an_nginx_that_starts_must_answer_for_what_another_one_answers():
    plan = plan_for(START_NGINX, nginx_down(), NOW + 1)
    assert asked(plan, DomainsAnswer) == [DomainsAnswer("iam-b", DOMAINS)]
    assert not any("asked" in note for note in plan.notes if "answer for" in note)


def test_a_domain_that_no_nginx_answers_is_not_asked_for_and_named():
    plan = plan_for(START_NGINX, nginx_down(answers_badly("iam-a", DOMAINS[0])), NOW + 1)
    assert asked(plan, DomainsAnswer) == [DomainsAnswer("iam-b", DOMAINS[1:])]
    assert f"no nginx is known to answer for {DOMAINS[0]}, so iam-b is not asked for it" in plan.notes


def test_what_falls_with_a_restarted_service_is_healthy_before_the_next_node_is_touched():
    plan = plan_for(RollingRestart("iam-apiserver"), healthy(), NOW + 1)
    restarts = [n for n, step in enumerate(plan.steps) if step.title.startswith("restart")]
    well = ServiceHealthy("iam-b", "iam-authz-server", ("iam-a",))
    (waited,) = (n for n, step in enumerate(plan.steps) if well in step.expect)
    assert restarts[0] < waited < restarts[1]


def test_what_was_not_healthy_before_is_not_waited_for():
    sick = HttpProbed(NOW, "iam-b", "iam-b", Target.SERVICE, "iam-authz-server", BAD)
    plan = plan_for(RollingRestart("iam-apiserver"), fed(healthy(), [sick]), NOW + 1)
    waited = [each for each in asked(plan, ServiceHealthy) if each.service == "iam-authz-server"]  # type: ignore[attr-defined]
    assert [each.node for each in waited] == ["iam-a"]  # type: ignore[attr-defined]


def test_the_standby_has_left_fault_before_the_owners_nginx_is_restarted():
    once = {"VI_1": {"virtual_router_id": 51, "vip": "10.0.4.99", "check": {"interval_s": 5, "fall": 1}}}
    plan = plan_for(RollingRestart("nginx"), healthy(NOW, pair(vrrp=once)), NOW + 1)
    stands_by = VrrpIn("iam-b", "VI_1", (VrrpState.BACKUP, VrrpState.MASTER))
    (waited,) = (n for n, step in enumerate(plan.steps) if stands_by in step.expect)
    restarts = [n for n, step in enumerate(plan.steps) if step.title.startswith("restart")]
    assert restarts[0] < waited < restarts[1]
    assert plan.steps[waited].within_s > 5


def test_a_standby_that_was_in_fault_before_is_not_waited_for():
    fault = VrrpReported(NOW, "iam-b", "VI_1", VrrpReport(VrrpState.FAULT, "json", 50, 50, NOW - 9))
    assert asked(plan_for(RollingRestart("nginx"), fed(healthy(), [fault]), NOW + 1), VrrpIn) == []
