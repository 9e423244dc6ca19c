"""Before a backend stops another one must answer; after it is back every nginx must have taken it back."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

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
from tests.scenes import NOW, healthy

RESTART = ServiceAction(Verb.RESTART, "iam-apiserver", "iam-b")
B_AT_HOME = ("127.0.0.1:8080", "[::1]:8080", "localhost:8080", "10.0.4.21:8080")
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
        OthersServe("iam-a", "iam-apiserver", ("10.0.4.21:8080",)),
        OthersServe("iam-b", "iam-apiserver", B_AT_HOME),
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
    plan = plan_for(RESTART, healthy(), NOW, frozenset({"last-backend"}))
    assert asked(plan, OthersServe) == []
    assert asked(plan, TakenBack) != []


def test_a_service_that_nginx_does_not_publish_is_restarted_without_asking():
    plan = plan_for(ServiceAction(Verb.RESTART, "iam-pump", "iam-b"), healthy(), NOW)
    assert asked(plan, OthersServe) == asked(plan, TakenBack) == []


def test_a_start_waits_and_a_stop_asks():
    stopped = plan_for(ServiceAction(Verb.STOP, "iam-apiserver", "iam-b"), healthy(), NOW)
    assert (len(asked(stopped, OthersServe)), asked(stopped, TakenBack)) == (2, [])


def test_an_nginx_that_did_not_answer_before_is_not_asked_and_the_plan_says_so():
    state, bad = healthy(), Known(ProbeReport(ProbeOutcome.BAD_ANSWER, detail="HTTP 502"), NOW)
    node = state.nodes["iam-a"]
    sick = replace(node, domains={**node.domains, DOMAIN: bad})
    plan = plan_for(RESTART, replace(state, nodes={**state.nodes, "iam-a": sick}), NOW)
    assert [each.node for each in asked(plan, TakenBack)] == ["iam-b"]
    assert any("nginx on iam-a is not asked about iam-apiserver" in note for note in plan.notes)


@pytest.mark.parametrize(
    ("server", "shared", "settles_s", "within_s"),
    [
        (Server("10.0.4.21:8080", 1, 2.0), True, 0.0, 8.0),
        (Server("10.0.4.21:8080", 1, 10.0), False, 11.0, 16.0),
        (Server("10.0.4.21:8080", 0, 10.0), False, 0.0, 16.0),
    ],
)
def test_how_long_is_waited_follows_from_nginxs_own_files(server, shared, settles_s, within_s):
    own = replace(server, endpoint="127.0.0.1:8080")
    report = FilesReport({DOMAIN: Upstream((server, own), shared)})
    plan = plan_for(RESTART, with_files(report), NOW)
    assert {each.settles_s for each in asked(plan, TakenBack)} == {settles_s}
    assert plan.steps[-1].within_s <= within_s


def test_files_that_cannot_be_read_mean_nginxs_defaults_and_the_plan_says_so():
    plan = plan_for(RESTART, with_files(Unknown("permission denied")), NOW)
    assert {each.settles_s for each in asked(plan, TakenBack)} == {11.0}
    assert any("permission denied" in note and "10 s" in note for note in plan.notes)


def test_a_drained_backend_is_not_waited_for():
    drained = Upstream((Server("10.0.4.21:8080", down=True), Server("127.0.0.1:8080", down=True)), True)
    plan = plan_for(RESTART, with_files(FilesReport({DOMAIN: drained})), NOW)
    assert asked(plan, TakenBack) == []


OTHERS = OthersServe("iam-a", "iam-apiserver", ("10.0.4.21:8080",))
BACK = TakenBack("iam-a", "iam-apiserver", ("10.0.4.21:8080",), 0.0)


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        (answer({"127.0.0.1:8080": 3, "10.0.4.21:8080": 3}), Verdict.HOLDS),
        (answer({"10.0.4.21:8080": 6}), Verdict.NOT_YET),
        (answer({}, failed=6), Verdict.NOT_YET),
        (answer(None), Verdict.HOLDS),
        (answer(None, failed=1), Verdict.NOT_YET),
    ],
)
def test_another_backend_serves_when_one_was_seen_to(text, verdict):
    assert OTHERS.judge_output(0, text, 0.0).verdict is verdict


@pytest.mark.parametrize(
    ("text", "elapsed_s", "settles_s", "verdict"),
    [
        (answer({"127.0.0.1:8080": 3, "10.0.4.21:8080": 3}), 0.0, 0.0, Verdict.HOLDS),
        (answer({"127.0.0.1:8080": 6}), 0.0, 0.0, Verdict.NOT_YET),
        (answer({"127.0.0.1:8080": 3, "10.0.4.21:8080": 2}, failed=1), 0.0, 0.0, Verdict.NOT_YET),
        (answer({"127.0.0.1:8080": 3, "10.0.4.21:8080": 3}), 3.0, 11.0, Verdict.NOT_YET),
        (answer(None), 3.0, 11.0, Verdict.NOT_YET),
        (answer(None), 11.5, 11.0, Verdict.HOLDS),
    ],
)
def test_a_backend_is_back_when_it_is_seen_and_no_worker_may_still_have_given_it_up(
    text, elapsed_s, settles_s, verdict
):
    assert replace(BACK, settles_s=settles_s).judge_output(0, text, elapsed_s).verdict is verdict


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
