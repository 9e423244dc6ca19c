"""Before a backend stops another one must answer; after it is back every nginx must have taken it back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from iamops.judge.guards.guards import denials
from iamops.model.facts import ProbeOutcome, ProbeReport
from iamops.model.observed import Known, Unknown
from iamops.model.running import FilesReport, Upstream, UpstreamServer
from iamops.plan.action import RollingRestart, ServiceAction, UnitVerb
from iamops.plan.build import plan_for
from iamops.plan.denial import GuardContext, without_looks
from iamops.plan.steps import StepKind
from iamops.plan.through_nginx import OthersServe, TakenBack
from tests.support.cluster_states import NOW, files, healthy
from tests.support.profiles import pair

RESTART = ServiceAction(UnitVerb.RESTART, "iam-apiserver", "iam-b")
B_AT_HOME = ("127.0.0.1:8080", "[::1]:8080", "localhost:8080", "10.0.4.21:8080")
A_AT_HOME = ("127.0.0.1:8080", "[::1]:8080", "localhost:8080", "10.0.4.20:8080")
DOMAIN = "iam.api.marmotedu.com"


def asked(plan, kind):
    return [each for step in plan.steps for each in step.expect if isinstance(each, kind)]


def with_files(report: FilesReport | Unknown):
    state = healthy()
    seen = report if isinstance(report, Unknown) else Known(report, NOW)
    return replace(state, nodes={name: replace(node, files=seen) for name, node in state.nodes.items()})


def test_a_restart_asks_every_nginx_first_and_waits_for_every_nginx_last():
    plan = plan_for(RESTART, healthy(), NOW)
    assert asked(plan, OthersServe) == [
        OthersServe("iam-a", "iam-apiserver", ("10.0.4.21:8080",), A_AT_HOME, 3.0, shared=True),
        OthersServe("iam-b", "iam-apiserver", B_AT_HOME, ("10.0.4.20:8080",), 3.0, shared=True),
    ]
    assert [each.names for each in asked(plan, TakenBack)] == [("10.0.4.21:8080",), B_AT_HOME]
    assert plan.steps[0].refuses == "last-backend"
    assert plan.steps[-1].kind is StepKind.LOOK


def test_a_rolling_restart_waits_between_its_nodes():
    plan = plan_for(RollingRestart("iam-apiserver"), healthy(), NOW)
    restarts = [n for n, step in enumerate(plan.steps) if step.title.startswith("restart")]
    waits = [
        n
        for n, step in enumerate(plan.steps)
        if any(isinstance(e, TakenBack) and e.service == "iam-apiserver" for e in step.expect)
    ]
    assert restarts[0] < waits[0] < restarts[1] < waits[1]


def test_each_service_of_a_unit_is_asked_for_by_itself_as_guards_speak_of_each():
    profile = pair()
    authz = profile.services["iam-authz-server"].model_copy(update={"unit": "iam-apiserver"})
    services = {**profile.services, authz.name: authz}
    plan = plan_for(RESTART, healthy(NOW, profile.model_copy(update={"services": services})), NOW)
    looks = [step for step in plan.steps if step.refuses == "last-backend"]
    assert [step.subject for step in looks] == ["iam-apiserver", "iam-authz-server"]
    for step in looks:
        assert {each.service for each in step.expect if isinstance(each, OthersServe)} == {step.subject}


def test_who_insists_on_the_last_backend_is_not_refused_by_the_look():
    plan = without_looks(plan_for(RESTART, healthy(), NOW), ["last-backend"], ())
    assert asked(plan, OthersServe) == []
    assert asked(plan, TakenBack) != []


def test_a_service_that_nginx_does_not_publish_is_restarted_without_asking():
    plan = plan_for(ServiceAction(UnitVerb.RESTART, "iam-pump", "iam-b"), healthy(), NOW)
    assert asked(plan, OthersServe) == asked(plan, TakenBack) == []


def test_a_start_waits_and_a_stop_asks():
    stopped = plan_for(ServiceAction(UnitVerb.STOP, "iam-apiserver", "iam-b"), healthy(), NOW)
    assert (len(asked(stopped, OthersServe)), asked(stopped, TakenBack)) == (2, [])


def sick_nginx(name: str):
    state, bad = healthy(), Known(ProbeReport(ProbeOutcome.BAD_ANSWER, detail="HTTP 502"), NOW)
    sick = replace(state.nodes[name], domains={**state.nodes[name].domains, DOMAIN: bad})
    return replace(state, nodes={**state.nodes, name: sick})


def test_an_nginx_that_did_not_answer_before_is_not_asked_and_the_plan_says_so():
    plan = plan_for(RESTART, sick_nginx("iam-b"), NOW)
    assert [each.node for each in asked(plan, TakenBack)] == ["iam-a"]
    assert any("nginx on iam-b is not asked about iam-apiserver" in note for note in plan.notes)


def test_one_bad_answer_is_no_reason_to_leave_out_the_nginx_that_may_have_the_vip():
    state = sick_nginx("iam-a")
    plan = plan_for(RESTART, state, NOW)
    assert [each.node for each in asked(plan, OthersServe)] == ["iam-a", "iam-b"]
    assert not any("is not asked" in note for note in plan.notes)
    blind = replace(sick_nginx("iam-b").nodes["iam-b"], addresses=Unknown("ip: not found"))
    plan = plan_for(RESTART, replace(state, nodes={**state.nodes, "iam-b": blind}), NOW)
    assert [each.node for each in asked(plan, OthersServe)] == ["iam-a", "iam-b"]


def passed_to(*servers: UpstreamServer, shared: bool = True, even: bool = True):
    state, found = healthy(), {DOMAIN: Upstream(servers, shared, even)}
    seen = {name: FilesReport({**files(pair(), name).upstreams, **found}) for name in state.nodes}
    nodes = {name: replace(node, files=Known(seen[name], NOW)) for name, node in state.nodes.items()}
    return replace(state, nodes=nodes)


@pytest.mark.parametrize(
    ("server", "shared", "settles_s", "within_s"),
    [
        (UpstreamServer("10.0.4.21:8080", 1, 2.0), True, 3.0, 12.0),
        (UpstreamServer("10.0.4.21:8080", 1, 10.0), False, 11.0, 28.0),
        (UpstreamServer("10.0.4.21:8080", 0, 10.0), False, 0.0, 26.0),
    ],
)
def test_how_long_is_waited_follows_from_nginxs_own_files(server, shared, settles_s, within_s):
    plan = plan_for(RESTART, passed_to(server, replace(server, endpoint="127.0.0.1:8080"), shared=shared), NOW)
    assert {(each.settles_s, each.shared) for each in asked(plan, TakenBack)} == {(settles_s, shared)}
    assert plan.steps[-1].within_s == within_s


def test_a_server_by_host_name_is_given_up_for_as_long_as_the_worst_of_its_upstream():
    state = passed_to(
        UpstreamServer("iam-a:8080", fail_timeout_s=60.0), UpstreamServer("iam-b:8080", fail_timeout_s=30.0)
    )
    plan = plan_for(RESTART, state, NOW)
    assert {each.settles_s for each in (*asked(plan, OthersServe), *asked(plan, TakenBack))} == {61.0}


def test_whether_a_backend_by_host_name_is_drained_is_not_known_where_one_of_them_is():
    state = passed_to(UpstreamServer("one:8080", down=True), UpstreamServer("two:8080"))
    plan = plan_for(RESTART, state, NOW)
    assert {each.even for each in asked(plan, TakenBack)} == {False}
    assert any("whether iam-apiserver on iam-b is drained" in note for note in plan.notes)
    (denial,) = denials(GuardContext(plan, state, NOW, armed=True))
    assert denial.code == "last-backend"
    assert "whether nginx on iam-a and iam-b sends it requests is not known" in denial.reason
    assert (
        denials(
            GuardContext(
                plan_for(RESTART, by_name := passed_to(UpstreamServer("a:1"), UpstreamServer("b:1")), NOW),
                by_name,
                NOW,
            )
        )
        == ()
    )


@pytest.mark.parametrize(
    ("servers", "even", "before", "after"),
    [
        ((UpstreamServer("10.0.4.20:8080"), UpstreamServer("10.0.4.21:8080")), True, True, True),
        ((UpstreamServer("10.0.4.20:8080"), UpstreamServer("10.0.4.21:8080")), False, False, False),
        ((UpstreamServer("10.0.4.20:8080", backup=True), UpstreamServer("10.0.4.21:8080")), True, False, True),
        ((UpstreamServer("10.0.4.20:8080"), UpstreamServer("10.0.4.21:8080", backup=True)), True, True, False),
    ],
)
def test_who_answered_proves_nothing_where_requests_are_not_spread_evenly(servers, even, before, after):
    plan = plan_for(RESTART, passed_to(*servers, even=even), NOW)
    assert [each.even for each in asked(plan, OthersServe) if each.node == "iam-a"] == [before]
    assert [each.even for each in asked(plan, TakenBack) if each.node == "iam-a"] == [after]


def test_an_nginx_whose_files_send_the_backend_nothing_is_not_asked():
    plan = plan_for(RESTART, passed_to(UpstreamServer("10.0.4.20:8080"), UpstreamServer("127.0.0.1:8080")), NOW)
    assert {each.node for each in asked(plan, TakenBack)} == {"iam-b"}


def test_files_that_cannot_be_read_mean_nginxs_defaults_and_the_plan_says_so():
    plan = plan_for(RESTART, with_files(Unknown("permission denied")), NOW)
    assert {each.settles_s for each in asked(plan, TakenBack)} == {11.0}
    assert any("permission denied" in note and "10 s" in note for note in plan.notes)


def test_a_drained_backend_is_not_waited_for():
    drained = Upstream(
        (UpstreamServer("10.0.4.21:8080", down=True), UpstreamServer("127.0.0.1:8080", down=True)), True
    )
    plan = plan_for(RESTART, with_files(FilesReport({DOMAIN: drained})), NOW)
    assert asked(plan, TakenBack) == []


def of_three(*drained: str):
    """Three nodes whose nginxes share nothing between their workers; these backends get nothing."""
    names = ("iam-a", "iam-b", "iam-c")
    profile = pair(nodes={n: {"address": f"10.0.4.2{i}", "priority": 100 - i} for i, n in enumerate(names)})
    state = healthy(profile=profile)
    for name, node in state.nodes.items():
        report = files(profile, name)
        every = zip(names, report.upstreams[DOMAIN].servers, strict=True)
        found = Upstream(tuple(replace(each, down=backend in drained) for backend, each in every))
        seen = Known(replace(report, upstreams={**report.upstreams, DOMAIN: found}), NOW)
        state = replace(state, nodes={**state.nodes, name: replace(node, files=seen)})
    return state


def waited_for(state) -> dict[str, set[str | None]]:
    """The node whose backend stops -> for whom the looks before that have been waited for."""
    found: dict[str, set[str | None]] = {}
    for each in asked(plan_for(RollingRestart("iam-apiserver"), state, NOW), OthersServe):
        found.setdefault(each.names[-1], set()).add(each.waited_for)
    return found


def test_a_look_counts_on_the_backend_that_the_step_before_has_waited_for_and_on_no_other():
    a, b, c = ("10.0.4.20:8080", "10.0.4.21:8080", "10.0.4.22:8080")
    assert waited_for(of_three()) == {b: {None}, c: {b}, a: {c}}
    # Nobody waits for a drained one, so nothing was waited for.
    assert waited_for(of_three("iam-b")) == {c: {None}, a: {c}}


def test_what_fell_is_waited_for_first_so_that_nothing_comes_between_a_wait_and_what_counts_on_it():
    plan = plan_for(RollingRestart("iam-apiserver"), healthy(), NOW)
    second = next(n for n, s in enumerate(plan.steps) if any(getattr(e, "waited_for", None) for e in s.expect))
    assert [e.service for e in plan.steps[second - 1].expect] == ["iam-apiserver"] * 2
    assert any("iam-authz-server on iam-b is healthy" in step.title for step in plan.steps[: second - 1])
