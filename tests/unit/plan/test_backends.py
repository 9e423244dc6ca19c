"""Before a backend stops another one must answer; after it is back every nginx must have taken it back."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from console.judge.denial import Case
from console.judge.guards import denials
from console.judge.insisting import without_looks
from console.model.facts import ProbeOutcome, ProbeReport
from console.model.observed import Known, Unknown
from console.model.proxy import FilesReport, Server, Upstream
from console.parse.nginx_conf import nginx_conf
from console.parse.nginx_proxy import upstreams_by_domain
from console.plan.action import RollingRestart, ServiceAction, Verb
from console.plan.build import plan_for
from console.plan.reading import Verdict
from console.plan.steps import Kind
from console.plan.through_nginx import OthersServe, TakenBack
from tests.profiles import pair
from tests.scenes import NOW, files, healthy

RESTART = ServiceAction(Verb.RESTART, "iam-apiserver", "iam-b")
B_AT_HOME = ("127.0.0.1:8080", "[::1]:8080", "localhost:8080", "10.0.4.21:8080")
A_AT_HOME = ("127.0.0.1:8080", "[::1]:8080", "localhost:8080", "10.0.4.20:8080")
DOMAIN = "iam.api.marmotedu.com"


def asked(plan, kind):
    return [each for step in plan.steps for each in step.expect if isinstance(each, kind)]


def answer(backends: dict[str, int] | None, failed: int = 0) -> str:
    return json.dumps(
        {"sent": 6, "failed": failed, "complaint": "HTTP 502", "backends": backends, "untold": "no $upstream_addr"}
    )


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
    assert plan.steps[-1].kind is Kind.LOOK


def test_a_rolling_restart_waits_between_its_nodes():
    plan = plan_for(RollingRestart("iam-apiserver"), healthy(), NOW)
    restarts = [n for n, step in enumerate(plan.steps) if step.title.startswith("restart")]
    waits = [
        n
        for n, step in enumerate(plan.steps)
        if any(isinstance(e, TakenBack) and e.service == "iam-apiserver" for e in step.expect)
    ]
    assert restarts[0] < waits[0] < restarts[1] < waits[1]


def test_who_insists_on_the_last_backend_is_not_refused_by_the_look():
    plan = without_looks(plan_for(RESTART, healthy(), NOW), ["last-backend"], ())
    assert asked(plan, OthersServe) == []
    assert asked(plan, TakenBack) != []


def test_a_service_that_nginx_does_not_publish_is_restarted_without_asking():
    plan = plan_for(ServiceAction(Verb.RESTART, "iam-pump", "iam-b"), healthy(), NOW)
    assert asked(plan, OthersServe) == asked(plan, TakenBack) == []


def test_a_start_waits_and_a_stop_asks():
    stopped = plan_for(ServiceAction(Verb.STOP, "iam-apiserver", "iam-b"), healthy(), NOW)
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


def passed_to(*servers: Server, shared: bool = True, even: bool = True):
    state, found = healthy(), {DOMAIN: Upstream(servers, shared, even)}
    seen = {name: FilesReport({**files(pair(), name).upstreams, **found}) for name in state.nodes}
    nodes = {name: replace(node, files=Known(seen[name], NOW)) for name, node in state.nodes.items()}
    return replace(state, nodes=nodes)


@pytest.mark.parametrize(
    ("server", "shared", "settles_s", "within_s"),
    [
        (Server("10.0.4.21:8080", 1, 2.0), True, 3.0, 12.0),
        (Server("10.0.4.21:8080", 1, 10.0), False, 11.0, 28.0),
        (Server("10.0.4.21:8080", 0, 10.0), False, 0.0, 26.0),
    ],
)
def test_how_long_is_waited_follows_from_nginxs_own_files(server, shared, settles_s, within_s):
    plan = plan_for(RESTART, passed_to(server, replace(server, endpoint="127.0.0.1:8080"), shared=shared), NOW)
    assert {(each.settles_s, each.shared) for each in asked(plan, TakenBack)} == {(settles_s, shared)}
    assert plan.steps[-1].within_s == within_s


def test_a_server_by_host_name_is_given_up_for_as_long_as_the_worst_of_its_upstream():
    state = passed_to(Server("iam-a:8080", fail_timeout_s=60.0), Server("iam-b:8080", fail_timeout_s=30.0))
    plan = plan_for(RESTART, state, NOW)
    assert {each.settles_s for each in (*asked(plan, OthersServe), *asked(plan, TakenBack))} == {61.0}


def test_whether_a_backend_by_host_name_is_drained_is_not_known_where_one_of_them_is():
    state = passed_to(Server("one:8080", down=True), Server("two:8080"))
    plan = plan_for(RESTART, state, NOW)
    assert {each.even for each in asked(plan, TakenBack)} == {False}
    assert any("whether iam-apiserver on iam-b is drained" in note for note in plan.notes)
    (denial,) = denials(Case(plan, state, NOW, armed=True))
    assert denial.code == "last-backend"
    assert "whether nginx on iam-a and iam-b sends it requests is not known" in denial.reason
    assert (
        denials(Case(plan_for(RESTART, by_name := passed_to(Server("a:1"), Server("b:1")), NOW), by_name, NOW))
        == ()
    )


@pytest.mark.parametrize(
    ("servers", "even", "before", "after"),
    [
        ((Server("10.0.4.20:8080"), Server("10.0.4.21:8080")), True, True, True),
        ((Server("10.0.4.20:8080"), Server("10.0.4.21:8080")), False, False, False),
        ((Server("10.0.4.20:8080", backup=True), Server("10.0.4.21:8080")), True, False, True),
        ((Server("10.0.4.20:8080"), Server("10.0.4.21:8080", backup=True)), True, True, False),
    ],
)
def test_who_answered_proves_nothing_where_requests_are_not_spread_evenly(servers, even, before, after):
    plan = plan_for(RESTART, passed_to(*servers, even=even), NOW)
    assert [each.even for each in asked(plan, OthersServe) if each.node == "iam-a"] == [before]
    assert [each.even for each in asked(plan, TakenBack) if each.node == "iam-a"] == [after]


def test_an_nginx_whose_files_send_the_backend_nothing_is_not_asked():
    plan = plan_for(RESTART, passed_to(Server("10.0.4.20:8080"), Server("127.0.0.1:8080")), NOW)
    assert {each.node for each in asked(plan, TakenBack)} == {"iam-b"}


def test_files_that_cannot_be_read_mean_nginxs_defaults_and_the_plan_says_so():
    plan = plan_for(RESTART, with_files(Unknown("permission denied")), NOW)
    assert {each.settles_s for each in asked(plan, TakenBack)} == {11.0}
    assert any("permission denied" in note and "10 s" in note for note in plan.notes)


def test_a_drained_backend_is_not_waited_for():
    drained = Upstream((Server("10.0.4.21:8080", down=True), Server("127.0.0.1:8080", down=True)), True)
    plan = plan_for(RESTART, with_files(FilesReport({DOMAIN: drained})), NOW)
    assert asked(plan, TakenBack) == []


OTHERS = OthersServe("iam-a", "iam-apiserver", ("10.0.4.21:8080",), A_AT_HOME, 3.0, shared=True)
BACK = TakenBack("iam-a", "iam-apiserver", ("10.0.4.21:8080",), A_AT_HOME, 3.0, shared=True)
BOTH = {"127.0.0.1:8080": 3, "10.0.4.21:8080": 3}
HOLDS, NOT_YET = Verdict.HOLDS, Verdict.NOT_YET
STRANGE = ("-", "127.0.1.1:8080", "192.168.7.20:8080", "unix:/run/iam.sock", "[::ffff:10.0.4.20]:8080")


@pytest.mark.parametrize(
    ("text", "at_once", "later"),
    [
        (answer(BOTH), HOLDS, HOLDS),
        (answer({"127.0.0.1:8080": 1}, failed=5), HOLDS, HOLDS),
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


def test_the_reading_names_a_stranger_that_answered():
    for look in (OTHERS, BACK):
        for elapsed_s in (0.0, 3.0):
            assert "127.0.1.1:8080" in look.judge_output(0, answer({"127.0.1.1:8080": 6}), elapsed_s).text


def test_an_nginx_that_cannot_be_asked_is_unknown():
    assert OTHERS.judge_output(1, "{}", 0.0).verdict is Verdict.UNKNOWN
    assert BACK.judge_output(1, "{}", 0.0).verdict is Verdict.UNKNOWN


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
    one = Upstream((Server("10.0.4.20:8080", 3, 60.0), Server("b:80", down=True)), True)
    assert found == {
        "api.example.com": one,
        "www.example.com": one,
        "authz.example.com": Upstream((Server("10.0.4.20:9090", 1, 10.0),), False),
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
