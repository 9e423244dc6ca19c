"""To which backends each nginx sends requests, and which of them serve meanwhile."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from iamops.judge.guards.guards import denials
from iamops.model.events import FilesExamined, HttpProbed, Target
from iamops.model.facts import ProbeOutcome, ProbeReport
from iamops.model.observed import Known
from iamops.model.reduce import reduce
from iamops.model.running import FilesReport, Upstream, UpstreamServer
from iamops.model.state import ClusterState
from iamops.plan.action import Action, RollingRestart, ServiceAction, UnitVerb
from iamops.plan.build import plan_for
from iamops.plan.denial import GuardContext
from iamops.plan.observation import Judgement
from iamops.plan.through_nginx import OthersServe, TakenBack
from tests.support.cluster_states import NOW, fed, healthy
from tests.support.nginx_paths import (
    answer,
    each_to_its_own,
    goes,
    looks,
    read,
    refused,
    with_addresses,
    with_nginx,
)
from tests.support.profiles import pair

AT = NOW + 1
OUT = "10.0.4.77:8080"
RESTART_BESIDE = ServiceAction(UnitVerb.RESTART, "x", "iam-a")
NOT_KNOWN = f"whether {OUT} serves it meanwhile is not known"


def on_a_alone(**changes: Any) -> ClusterState:
    service = {"port": 8080, "domain": "x.y", "nodes": ["iam-a"], **changes}
    return healthy(NOW, pair(services={"x": service}))


def reasons(action: Action, state: ClusterState) -> list[tuple[str, str]]:
    return [(each.code, each.reason) for each in denials(GuardContext(plan_for(action, state, AT), state, AT))]


def test_a_backend_beside_the_nodes_may_serve_and_nobody_knows():
    state = on_a_alone(backends=[OUT])
    assert NOT_KNOWN in plan_for(RESTART_BESIDE, state, AT).prediction
    assert NOT_KNOWN in plan_for(RollingRestart("x"), state, AT).prediction
    told = "x is not known to be healthy on any other node"
    would = f"whether {OUT} would serve it meanwhile is not known"
    assert reasons(RESTART_BESIDE, state) == [("last-backend", f"{told}: {would}")]


def test_without_one_nothing_else_serves():
    state = on_a_alone()
    assert "nothing else serves it" in plan_for(RESTART_BESIDE, state, AT).prediction
    assert reasons(RESTART_BESIDE, state)[0][1].endswith("nothing would serve it meanwhile")


def test_a_drained_one_serves_nobody():
    unread = [FilesExamined(NOW, each, None, "not read") for each in ("iam-a", "iam-b")]
    state = fed(on_a_alone(backends=[OUT], drained=[OUT]), unread)
    assert "nothing else serves it" in plan_for(RESTART_BESIDE, state, AT).prediction


def test_one_that_only_nginx_s_files_name_is_not_known_either():
    servers = (UpstreamServer("127.0.0.1:8080"), UpstreamServer(OUT))
    state = fed(on_a_alone(), [FilesExamined(NOW, "iam-a", FilesReport({"x.y": Upstream(servers)}))])
    assert NOT_KNOWN in plan_for(RESTART_BESIDE, state, AT).prediction


def test_one_that_nginx_s_files_have_down_serves_nobody():
    servers = (UpstreamServer("10.0.4.20:8080"), UpstreamServer(OUT, down=True))
    files = FilesReport({"x.y": Upstream(servers)})
    state = fed(on_a_alone(backends=[OUT]), [FilesExamined(NOW, each, files) for each in ("iam-a", "iam-b")])
    assert "nothing else serves it" in plan_for(RESTART_BESIDE, state, AT).prediction


DOMAIN = "iam.api.marmotedu.com"
RESTART = ServiceAction(UnitVerb.RESTART, "iam-apiserver", "iam-a")
BOTH = "upstream both { zone b 64k; server 10.0.4.20:8080; server 10.0.4.21:8080; }"
MINE = "upstream mine { zone m 64k; server 127.0.0.1:8080; }"


@pytest.mark.parametrize(
    "body",
    [
        "location / { proxy_pass http://127.0.0.1:8080; }",
        "location = /healthz { proxy_pass http://both; } location / { proxy_pass http://mine; }",
        "location / { proxy_pass http://mine; } location /static { proxy_pass http://both; }",
        "location / { location /v1 { proxy_pass http://mine; } proxy_pass http://both; }",
        "location / { if ($arg_x) { proxy_pass http://10.0.4.20:8080; } proxy_pass http://both; }",
    ],
)
def test_a_path_that_goes_to_one_backend_only_is_not_served_meanwhile(body: str):
    state = with_nginx(read(body))
    assert any("drained or missing in nginx on iam-a" in each for each in refused(state))
    assert "iam-b (healthy" not in plan_for(RESTART, state, NOW).prediction


@pytest.mark.parametrize(
    "body",
    [
        "location / { set $b mine; proxy_pass http://$b; }",
        "location / { proxy_pass $scheme://both; } location /x { proxy_pass http://$b/y; }",
        "location = /healthz { proxy_pass http://both; } location / { proxy_pass http://$host; }",
        "return 204;",
        "location / { proxy_pass http://iam-other:8080; }",
    ],
)
def test_a_path_that_goes_nobody_knows_where_is_not_known_to_be_served(body: str):
    assert any(
        "whether nginx on iam-a and iam-b sends it requests is not known" in s
        for s in refused(with_nginx(read(body)))
    )


BESIDE = {
    "a front end on each node": "location / { proxy_pass http://127.0.0.1:3000; }",
    "an exporter by IPv6": "location /metrics { proxy_pass http://[::1]:9100; }",
    "PHP over a socket": "location ~ [.]php$ { fastcgi_pass unix:/run/php.sock; }",
    "another service": "location /authz { proxy_pass http://10.0.4.20:9090; }",
    "a machine that nobody knows": "location /old { proxy_pass http://10.0.4.30:8080; }",
}


@pytest.mark.parametrize("kind", BESIDE)
def test_a_path_to_somebody_else_does_not_matter_to_the_service(kind: str):
    state = with_nginx(read(f"location /v1 {{ proxy_pass http://both; }} {BESIDE[kind]}"))
    assert goes(state, "iam-b") == {"yes"}
    assert refused(state) == []
    assert "iam-b (healthy" in plan_for(RESTART, state, NOW).prediction


def test_a_service_that_nginx_leads_to_by_no_known_name_may_be_at_any_of_them():
    state = with_nginx(read("location / { proxy_pass http://127.0.0.1:3000; }"))
    assert refused(state) != []


def test_paths_that_all_lead_to_both_backends_are_served():
    state = with_nginx(read("location / { proxy_pass http://both; } location /x { proxy_pass http://both/y; }"))
    assert refused(state) == []
    assert "iam-b (healthy" in plan_for(RESTART, state, NOW).prediction


def test_who_answers_at_one_path_tells_nothing_of_another():
    two = "upstream two { zone t 64k; server 10.0.4.21:8080 fail_timeout=30s; server 10.0.4.20:8080; }"
    found = read("location / { proxy_pass http://both; } location /x { proxy_pass http://two; }", http=two)
    state = with_nginx(found)
    assert refused(state) == []
    assert {(e.even, e.shared, e.settles_s) for e in looks(state, OthersServe)} == {(False, False, 31.0)}


RESTART_STANDBY = ServiceAction(UnitVerb.RESTART, "iam-apiserver", "iam-b")


def test_where_nobody_comes_a_backend_may_be_the_only_one_of_its_nginx():
    """iam-a has the VIP: clients are served by its nginx, and that one by its own backend."""
    state = each_to_its_own()
    plan = plan_for(RESTART_STANDBY, state, NOW)
    assert denials(GuardContext(plan, state, NOW, armed=True)) == ()
    assert "iam-a (healthy" in plan.prediction
    assert [look for step in plan.steps for look in step.expect if isinstance(look, OthersServe)] == []
    assert any("nginx on iam-b sends iam-apiserver to iam-b alone, and no VIP is there" in n for n in plan.notes)
    assert any("iam-b (drained or missing in nginx on iam-a" in each for each in refused(state))


@pytest.mark.parametrize("blind", ["iam-a", "iam-b"])
def test_where_clients_may_come_it_may_not(blind: str):
    state = with_addresses(each_to_its_own(), blind, seen=False)
    said = denials(GuardContext(plan_for(RESTART_STANDBY, state, NOW), state, NOW, armed=True))
    assert "last-backend" in {each.code for each in said}


def drained(*, current: bool) -> ClusterState:
    """iam-a's backend gets nothing, and iam-b's does not answer."""
    down = "upstream one { server 10.0.4.20:8080 down; server 127.0.0.1:8080 down; server 10.0.4.21:8080; }"
    state = with_nginx(read("location / { proxy_pass http://one; }", http=down))
    bad = HttpProbed(NOW, "iam-b", "iam-b", Target.SERVICE, "iam-apiserver", ProbeReport(ProbeOutcome.REFUSED))
    state = reduce(state, bad)
    for name, node in state.nodes.items():
        assert isinstance(node.files, Known)
        report = replace(node.files.value, current=frozenset({"nginx"} if current else ()))
        state = replace(state, nodes={**state.nodes, name: replace(node, files=Known(report, NOW))})
    return state


def test_a_backend_that_gets_no_requests_is_nobody_s_last():
    assert refused(drained(current=True)) == []
    assert refused(drained(current=False)) != []


def test_an_nginx_whose_files_and_log_name_no_other_backend_is_never_known_to_have_one():
    (look, *_) = looks(with_nginx(read("location / { proxy_pass http://127.0.0.1:8080; }")), OthersServe)
    for seen in (answer(None), answer({"127.0.0.1:8080": 6}), answer({})):
        assert look.judge_output(0, seen, 600.0).verdict is Judgement.NOT_YET


@pytest.mark.parametrize("server", ["max_fails=0", "fail_timeout=0"])
@pytest.mark.parametrize("method", ["", "ip_hash; "])
def test_good_answers_of_no_time_at_all_prove_nothing(server: str, method: str):
    never = f"upstream n {{ zone n 64k; {method}server 10.0.4.20:8080 {server}; server 10.0.4.21:8080 {server}; }}"
    state = with_nginx(read("location / { proxy_pass http://n; }", http=never))
    for look in (*looks(state, OthersServe), *looks(state, TakenBack)):
        assert look.settles_s == 0.0
        at_once = look.judge_output(0, answer(None), 0.0)
        assert at_once.verdict is Judgement.NOT_YET
        assert "0 s (" not in look.judge_output(0, answer(None), 10.0).text.replace("10 s (", "")
        assert look.judge_output(0, answer(None), 10.0).verdict is Judgement.HOLDS
        assert look.waits_s() == 10.0
    # A log that names the other one needs no time.
    (first, *_) = looks(state, OthersServe)
    assert first.judge_output(0, answer({"10.0.4.21:8080": 6}), 0.0).verdict is Judgement.HOLDS


def test_where_nginxs_own_file_cannot_be_read_the_profile_tells_and_nginx_is_asked():
    """As where nothing could be looked at: files that nobody read do not say that a backend is missing."""
    state = healthy()
    for name, node in state.nodes.items():
        unread = Known(FilesReport(reads_nginx=False), NOW)
        state = replace(state, nodes={**state.nodes, name: replace(node, files=unread)})
    assert goes(state, "iam-b") == {"yes"}
    assert refused(state) == []
    assert {(e.listed, e.settles_s) for e in looks(state, OthersServe)} == {(False, 11.0)}
    notes = plan_for(RESTART, state, NOW).notes
    told = "gives a backend up is not known (its files could not be read)"
    assert sum(told in note for note in notes) == len(state.nodes)
