"""Where nginx's files send a domain's requests: whoever is not asked there is no backend that serves meanwhile."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from iamops.judge.guards.guards import denials
from iamops.model.events import HttpProbed, Target
from iamops.model.facts import ProbeOutcome, ProbeReport
from iamops.model.observed import Known, Unknown
from iamops.model.reduce import reduce
from iamops.model.running import FilesReport, Upstream, UpstreamServer
from iamops.model.state import ClusterState
from iamops.parse.nginx.conf import nginx_conf
from iamops.parse.nginx.routing import upstreams_by_domain
from iamops.plan.action import ServiceAction, UnitVerb
from iamops.plan.build import plan_for
from iamops.plan.denial import GuardContext
from iamops.plan.observation import Judgement
from iamops.plan.sending import Proxied, serves
from iamops.plan.through_nginx import OthersServe, TakenBack
from tests.support.cluster_states import NOW, files, healthy
from tests.support.profiles import pair

DOMAIN = "iam.api.marmotedu.com"
RESTART = ServiceAction(UnitVerb.RESTART, "iam-apiserver", "iam-a")
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
    said = denials(GuardContext(plan_for(RESTART, state, NOW), state, NOW, armed=True))
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
    assert alone[DOMAIN].servers == (UpstreamServer("127.0.0.1:8080", max_fails=0),)
    assert refused(with_nginx(alone)) != []
    assert refused(with_nginx(read("location / { proxy_pass http://both; }", name))) == []


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


@pytest.mark.parametrize(
    "other", ["127.0.0.1:8080", "10.0.4.20:8080", "10.0.4.99:8080", "10.7.7.20:8080", "[::ffff:10.0.4.20]:8080"]
)
def test_a_path_to_an_address_of_a_node_may_be_the_services(other: str):
    """The VIP's, another one of the same kernel, or its own spelled in another way."""
    state = with_nginx(
        read(f"location / {{ proxy_pass http://both; }} location /x {{ proxy_pass http://{other}; }}")
    )
    a = state.nodes["iam-a"]
    state = replace(state, nodes={**state.nodes, "iam-a": replace(a, addresses=Known({"10.7.7.20": NOW}, NOW))})
    assert refused(state) != []


def test_an_address_may_be_that_of_a_node_whose_own_ones_are_not_known():
    old = "location / { proxy_pass http://both; } location /x { proxy_pass http://10.0.4.30:8080; }"
    state = with_nginx(read(old))
    b = state.nodes["iam-b"]
    state = replace(state, nodes={**state.nodes, "iam-b": replace(b, addresses=Unknown("no ip"))})
    assert refused(state) != []


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


def with_addresses(state: ClusterState, name: str, *more: str, seen: bool = True) -> ClusterState:
    node = state.nodes[name]
    held = node.addresses.value if isinstance(node.addresses, Known) else {}
    addresses = Known({**held, **dict.fromkeys(more, NOW)}, NOW) if seen else Unknown("ip: not found")
    return replace(state, nodes={**state.nodes, name: replace(node, addresses=addresses)})


def goes(state: ClusterState, backend: str) -> set[str]:
    service = state.profile.services["iam-apiserver"]
    return {str(Proxied(state, service, nginx).sent(backend)) for nginx in state.nodes}


TWO_HOSTS = "upstream beside { zone s 64k; server 10.0.4.20:8080; server 10.0.4.30:8080; }"


def test_an_address_that_no_node_has_is_no_backend():
    state = with_nginx(read("location / { proxy_pass http://beside; }", http=TWO_HOSTS))
    assert goes(state, "iam-b") == {"no"}
    assert any("drained or missing in nginx on iam-a and iam-b" in each for each in refused(state))
    for look in looks(state, OthersServe):
        assert look.judge_output(0, answer(None), 600.0).verdict is Judgement.NOT_YET


def test_an_address_is_that_of_the_node_that_has_it():
    second = TWO_HOSTS.replace("10.0.4.30", "192.168.7.21")
    state = with_nginx(read("location / { proxy_pass http://beside; }", http=second))
    assert goes(with_addresses(state, "iam-b", "192.168.7.21"), "iam-b") == {"yes"}
    assert refused(with_addresses(state, "iam-b", "192.168.7.21")) == []
    assert goes(with_addresses(state, "iam-b", seen=False), "iam-b") == {"unknown"}
    other_port = with_nginx(
        read("location / { proxy_pass http://beside; }", http=second.replace("21:8080", "21:80"))
    )
    assert goes(with_addresses(other_port, "iam-b", "192.168.7.21"), "iam-b") == {"no"}


def test_a_vip_may_be_any_node_s():
    vip = TWO_HOSTS.replace("10.0.4.30", "10.0.4.99")
    assert goes(with_nginx(read("location / { proxy_pass http://beside; }", http=vip)), "iam-b") == {"unknown"}


def each_to_its_own() -> ClusterState:
    return with_nginx(read("location / { proxy_pass http://mine; }"))


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


def test_where_the_vips_move_clients_come_to_every_nginx():
    state, service = each_to_its_own(), pair().services["iam-apiserver"]
    assert serves(state, service, "iam-a")
    assert not serves(state, service, "iam-a", vips_move=True)


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


def answer(backends: dict[str, int] | None) -> str:
    return json.dumps(
        {"sent": 6, "failed": 0, "complaint": "", "backends": backends, "unavailable": "format main"}
    )


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
