"""Before a backend stops another one must answer; after it is back every nginx must have taken it back."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from iamops.judge.guards.guards import denials
from iamops.model.facts import ProbeOutcome, ProbeReport
from iamops.model.observed import Known, Unknown
from iamops.model.running import FilesReport, Upstream, UpstreamServer
from iamops.parse.nginx.conf import nginx_conf
from iamops.parse.nginx.routing import upstreams_by_domain
from iamops.plan.action import RollingRestart, ServiceAction, UnitVerb
from iamops.plan.build import plan_for
from iamops.plan.denial import GuardContext, without_looks
from iamops.plan.observation import Judgement
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


def answer(backends: dict[str, int] | None, failed: int = 0, **more: object) -> str:
    said = {"sent": 6, "failed": failed, "complaint": "HTTP 502", "backends": backends, **more}
    return json.dumps({"unavailable": "no $upstream_addr", **said})


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


OTHERS = OthersServe("iam-a", "iam-apiserver", ("10.0.4.21:8080",), A_AT_HOME, 3.0, shared=True)
BACK = TakenBack("iam-a", "iam-apiserver", ("10.0.4.21:8080",), A_AT_HOME, 3.0, shared=True)
BOTH = {"127.0.0.1:8080": 3, "10.0.4.21:8080": 3}
HOLDS, NOT_YET = Judgement.HOLDS, Judgement.NOT_YET
STRANGE = ("127.0.1.1:8080", "192.168.7.20:8080", "unix:/run/iam.sock", "[::ffff:10.0.4.20]:8080")


@pytest.mark.parametrize(
    ("text", "at_once", "later"),
    [
        (answer(BOTH), HOLDS, HOLDS),
        (answer({"127.0.0.1:8080": 1}, failed=5), NOT_YET, NOT_YET),
        (answer({"-": 6}), NOT_YET, NOT_YET),
        (answer({"-": 3, "10.0.4.21:8080": 3}), NOT_YET, NOT_YET),
        (answer({"-": 3, **BOTH}), HOLDS, HOLDS),
        (answer({"10.0.4.21:8080": 6}), NOT_YET, NOT_YET),
        (answer({}, failed=6), NOT_YET, NOT_YET),
        (answer(None), NOT_YET, HOLDS),
        (answer({}), NOT_YET, HOLDS),
        (answer(None, failed=1), NOT_YET, NOT_YET),
        *((answer({each: 6}), NOT_YET, HOLDS) for each in STRANGE),
        *((answer({each: 3, "10.0.4.21:8080": 3}), NOT_YET, HOLDS) for each in STRANGE),
    ],
)
def test_another_backend_serves_when_it_was_seen_to_or_nginxs_time_was_waited_out(text, at_once, later):
    assert OTHERS.judge_output(0, text, 0.0).verdict is at_once
    assert OTHERS.judge_output(0, text, 2.9).verdict is at_once
    assert OTHERS.judge_output(0, text, 3.0).verdict is later


def test_without_a_zone_other_workers_may_still_have_the_other_backend_given_up():
    alone = replace(OTHERS, shared=False)
    reading = alone.judge_output(0, answer(BOTH), 0.5)
    assert reading.verdict is NOT_YET
    assert "2 s more" in reading.text
    assert "each of its workers counts for itself" in reading.text
    assert alone.judge_output(0, answer(BOTH), 3.0).verdict is HOLDS
    assert alone.judge_output(0, answer({"10.0.4.21:8080": 6}), 30.0).verdict is NOT_YET
    assert replace(alone, settles_s=0.0).judge_output(0, answer(BOTH), 0.0).verdict is HOLDS


def test_only_ever_answered_by_one_backend_is_no_sign_where_requests_are_not_spread_evenly():
    hashed, back = replace(OTHERS, even=False), replace(BACK, even=False)
    assert hashed.judge_output(0, answer({"10.0.4.21:8080": 6}), 1.0).verdict is NOT_YET
    assert hashed.judge_output(0, answer({"10.0.4.21:8080": 6}), 3.0).verdict is HOLDS
    assert back.judge_output(0, answer({"127.0.0.1:8080": 6}), 1.0).verdict is NOT_YET
    assert back.judge_output(0, answer({"127.0.0.1:8080": 6}), 3.0).verdict is HOLDS
    assert back.judge_output(0, answer(BOTH), 0.0).verdict is HOLDS


@pytest.mark.parametrize(
    ("text", "shared", "at_once", "later"),
    [
        (answer(BOTH), True, HOLDS, HOLDS),
        (answer(BOTH), False, NOT_YET, HOLDS),
        (answer({"127.0.0.1:8080": 6}), True, NOT_YET, NOT_YET),
        (answer({"127.0.0.1:8080": 3, "10.0.4.21:8080": 2}, failed=1), True, NOT_YET, NOT_YET),
        (answer(None), True, NOT_YET, HOLDS),
        (answer(None), False, NOT_YET, HOLDS),
        (answer({"-": 6}), True, NOT_YET, HOLDS),
        (answer({"-": 3, "127.0.0.1:8080": 3}), True, NOT_YET, NOT_YET),
        (answer(BOTH, in_vain={"10.0.4.21:8080": 1}), True, NOT_YET, NOT_YET),
        (answer(BOTH, in_vain={"127.0.0.1:8080": 1}), True, HOLDS, HOLDS),
        *((answer({each: 3, "127.0.0.1:8080": 3}), True, NOT_YET, HOLDS) for each in STRANGE),
    ],
)
def test_a_backend_is_back_when_it_is_seen_and_no_worker_may_still_have_given_it_up(text, shared, at_once, later):
    look = replace(BACK, shared=shared)
    assert look.judge_output(0, text, 0.0).verdict is at_once
    assert look.judge_output(0, text, 2.9).verdict is at_once
    assert look.judge_output(0, text, 3.0).verdict is later


def test_what_is_waited_for_begins_anew_with_a_request_that_fails():
    """It may have failed because a backend was given up just then."""
    failed = json.dumps({**json.loads(answer(None)), "failed_ago_s": 1.0})
    for look in (OTHERS, BACK):
        assert look.judge_output(0, failed, 20.0).verdict is NOT_YET
        assert "2 s" in look.judge_output(0, failed, 20.0).text


STOPPED, OTHER = "10.0.4.21:8080", "127.0.0.1:8080"
PARTLY = {OTHER: 1, STOPPED: 3}


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        # Who failed is not known, was another one, or was nobody that the profile knows.
        (answer(PARTLY, failed=2), NOT_YET),
        (answer(PARTLY, failed=2, nameless=0, in_vain={OTHER: 2}), NOT_YET),
        (answer(PARTLY, failed=2, nameless=0, in_vain={"api": 2}), NOT_YET),
        (answer(PARTLY, failed=2, nameless=1, in_vain={STOPPED: 1}), NOT_YET),
        # Another one was asked in vain, though nginx then got its answer elsewhere.
        (answer({OTHER: 3, STOPPED: 3}, in_vain={OTHER: 2}), NOT_YET),
        # What the backend that is to be stopped has failed is no reason to leave it as it is.
        (answer({OTHER: 4}, failed=2, nameless=0, in_vain={STOPPED: 2}), HOLDS),
        (answer({OTHER: 6}, in_vain={STOPPED: 1}), HOLDS),
    ],
)
def test_every_answer_is_good_but_for_what_the_backend_itself_has_failed(text: str, verdict: Judgement):
    assert OTHERS.judge_output(0, text, 0.1).verdict is verdict


def test_a_backend_that_was_asked_in_vain_is_waited_for_anew_unless_it_is_the_one_that_stops():
    alone = replace(OTHERS, shared=False)
    for name, verdict in ((OTHER, NOT_YET), (STOPPED, HOLDS)):
        lately = answer(BOTH, in_vain_ago_s={name: 1.0})
        assert alone.judge_output(0, lately, 20.0).verdict is verdict


def test_an_answer_that_nginx_gives_by_itself_proves_no_backend():
    reading = OTHERS.judge_output(0, answer({"-": 6}), 600.0)
    assert (reading.verdict, "asks no backend" in reading.text) == (NOT_YET, True)
    assert replace(OTHERS, even=False).judge_output(0, answer({"-": 6}), 600.0).verdict is NOT_YET


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


def test_what_was_waited_for_counts_until_an_answer_is_not_good():
    look = replace(OTHERS, shared=False, waited_for="10.0.4.20:8080")
    assert look.judge_output(0, answer(None), 0.0).verdict is HOLDS
    assert "since 10.0.4.20:8080 was waited for" in look.judge_output(0, answer(None), 0.0).text
    assert look.judge_output(0, answer(BOTH, failed_ago_s=5.0), 0.5).verdict is HOLDS
    for lately in ({"failed_ago_s": 0.4}, {"in_vain_ago_s": {OTHER: 0.4}}):
        for backends in (None, BOTH):
            assert look.judge_output(0, answer(backends, **lately), 0.5).verdict is NOT_YET
    assert look.judge_output(0, answer(None, failed_ago_s=3.0), 3.5).verdict is HOLDS
    assert look.waits_s() == 3.0


def test_the_reading_names_a_stranger_that_answered():
    for look in (OTHERS, BACK):
        for elapsed_s in (0.0, 3.0):
            assert "127.0.1.1:8080" in look.judge_output(0, answer({"127.0.1.1:8080": 6}), elapsed_s).text


def test_an_nginx_that_cannot_be_asked_is_unknown():
    assert OTHERS.judge_output(1, "{}", 0.0).verdict is Judgement.UNKNOWN
    assert BACK.judge_output(1, "{}", 0.0).verdict is Judgement.UNKNOWN


def test_the_policy_is_read_from_the_upstream_that_the_domain_is_passed_to():
    text = (
        "http { upstream one { zone one 64k; server 10.0.4.20:8080 max_fails=3 fail_timeout=1m;"
        " server b:80 down; }"
        " upstream two { server 10.0.4.20:9090; }"
        " server { server_name api.example.com www.example.com; location / { proxy_pass http://one; } }"
        " server { server_name authz.example.com; location /x { location /x/y { proxy_pass http://two/z; } } }"
        " server { server_name none.example.com; return 204; } }"
    )
    found = upstreams_by_domain(nginx_conf({"/etc/nginx/nginx.conf": text}))
    one = Upstream((UpstreamServer("10.0.4.20:8080", 3, 60.0), UpstreamServer("b:80", down=True)), True)
    assert found == {
        "api.example.com": one,
        "www.example.com": one,
        "authz.example.com": Upstream((UpstreamServer("10.0.4.20:9090", 1, 10.0),), False),
    }


@pytest.mark.parametrize(
    ("body", "even", "backups"),
    [
        ("server a:1; server b:1; zone z 64k; keepalive 8; keepalive_timeout 5s;", True, [False, False]),
        ("server a:1 weight=2; server b:1 weight=2;", True, [False, False]),
        ("server a:1 weight=9; server b:1;", False, [False, False]),
        ("server a:1; server b:1 backup;", True, [False, True]),
        ("ip_hash; server a:1; server b:1;", False, [False, False]),
        ("hash $request_uri consistent; server a:1; server b:1;", False, [False, False]),
        ("random two least_conn; server a:1; server b:1;", False, [False, False]),
        ("least_conn; server a:1; server b:1;", False, [False, False]),
    ],
)
def test_how_an_upstream_spreads_requests_is_read(body, even, backups):
    server = "server { server_name x.example.com; location / { proxy_pass http://up; } }"
    text = f"http {{ upstream up {{ {body} }} {server} }}"
    found = upstreams_by_domain(nginx_conf({"/etc/nginx/nginx.conf": text}))["x.example.com"]
    assert (found.even, [each.backup for each in found.servers]) == (even, backups)
