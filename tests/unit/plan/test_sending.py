"""Where nginx's files send a domain's requests: whoever is not asked there is no backend that serves meanwhile."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from console.judge.denial import Case
from console.judge.guards import denials
from console.model.observed import Known
from console.model.proxy import FilesReport, Server, Upstream
from console.model.state import ClusterState
from console.parse.nginx_conf import nginx_conf
from console.parse.nginx_proxy import upstreams_by_domain
from console.plan.action import ServiceAction, Verb
from console.plan.build import plan_for
from console.plan.reading import Verdict
from console.plan.through_nginx import OthersServe, TakenBack
from tests.profiles import pair
from tests.scenes import NOW, files, healthy

DOMAIN = "iam.api.marmotedu.com"
RESTART = ServiceAction(Verb.RESTART, "iam-apiserver", "iam-a")
BOTH = "upstream both { zone b 64k; server 10.0.4.20:8080; server 10.0.4.21:8080; }"
MINE = "upstream mine { zone m 64k; server 127.0.0.1:8080; }"
OWN_PORT = {"iam-a": "127.0.0.1:8080", "iam-b": "10.0.4.20:8080"}


def read(body: str, name: str = DOMAIN, http: str = "") -> dict[str, Upstream]:
    server = f"server {{ listen 80; server_name {name}; {body} }}"
    text = f"events {{}}\nhttp {{ {BOTH} {MINE} {http} {server} }}"
    return dict(upstreams_by_domain(nginx_conf({"/etc/nginx/nginx.conf": text}), (DOMAIN,)))


def with_nginx(found: dict[str, Upstream]) -> ClusterState:
    """Both nginxes pass the API on like this."""
    state = healthy()
    nodes = {}
    for name, node in state.nodes.items():
        others = {d: each for d, each in files(pair(), name).upstreams.items() if d != DOMAIN}
        nodes[name] = replace(node, files=Known(FilesReport({**others, **found}), NOW))
    return replace(state, nodes=nodes)


def refused(state: ClusterState) -> list[str]:
    said = denials(Case(plan_for(RESTART, state, NOW), state, NOW, armed=True))
    return [each.reason for each in said if each.code == "last-backend"]


def looks(state: ClusterState, kind: type) -> list:
    plan = plan_for(RESTART, state, NOW)
    return [each for step in plan.steps for each in step.expect if isinstance(each, kind)]


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


@pytest.mark.parametrize("name", ["*.api.marmotedu.com iam.*", ".marmotedu.com", "~^iam", "_", "elsewhere.org"])
def test_a_domain_leads_where_the_server_leads_that_answers_for_it(name: str):
    alone = read("location / { proxy_pass http://127.0.0.1:8080; }", name)
    assert alone[DOMAIN].servers == (Server("127.0.0.1:8080", max_fails=0),)
    assert refused(with_nginx(alone)) != []
    assert refused(with_nginx(read("location / { proxy_pass http://both; }", name))) == []


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


def answer(backends: dict[str, int] | None) -> str:
    return json.dumps({"sent": 6, "failed": 0, "complaint": "", "backends": backends, "untold": "format main"})


def test_an_nginx_whose_files_and_log_name_no_other_backend_is_never_known_to_have_one():
    (look, *_) = looks(with_nginx(read("location / { proxy_pass http://127.0.0.1:8080; }")), OthersServe)
    for seen in (answer(None), answer({"127.0.0.1:8080": 6}), answer({})):
        assert look.judge_output(0, seen, 600.0).verdict is Verdict.NOT_YET


@pytest.mark.parametrize("server", ["max_fails=0", "fail_timeout=0"])
@pytest.mark.parametrize("method", ["", "ip_hash; "])
def test_good_answers_of_no_time_at_all_prove_nothing(server: str, method: str):
    never = f"upstream n {{ zone n 64k; {method}server 10.0.4.20:8080 {server}; server 10.0.4.21:8080 {server}; }}"
    state = with_nginx(read("location / { proxy_pass http://n; }", http=never))
    for look in (*looks(state, OthersServe), *looks(state, TakenBack)):
        assert look.settles_s == 0.0
        at_once = look.judge_output(0, answer(None), 0.0)
        assert at_once.verdict is Verdict.NOT_YET
        assert "0 s (" not in look.judge_output(0, answer(None), 10.0).text.replace("10 s (", "")
        assert look.judge_output(0, answer(None), 10.0).verdict is Verdict.HOLDS
        assert look.waits_s == 10.0
    # A log that names the other one needs no time.
    (first, *_) = looks(state, OthersServe)
    assert first.judge_output(0, answer({"10.0.4.21:8080": 6}), 0.0).verdict is Verdict.HOLDS
