"""nginx's files with paths of a domain that go elsewhere, and who is known to have which address."""

from __future__ import annotations

import json
from dataclasses import replace

from iamops.judge.guards.guards import denials
from iamops.model.observed import Known, Unknown
from iamops.model.running import FilesReport, Upstream
from iamops.model.state import ClusterState
from iamops.parse.nginx.conf import nginx_conf
from iamops.parse.nginx.routing import upstreams_by_domain
from iamops.plan.action import ServiceAction, UnitVerb
from iamops.plan.build import plan_for
from iamops.plan.denial import GuardContext
from iamops.plan.sending import Proxied
from tests.support.cluster_states import NOW, files, healthy
from tests.support.profiles import pair

DOMAIN = "iam.api.marmotedu.com"
RESTART = ServiceAction(UnitVerb.RESTART, "iam-apiserver", "iam-a")
BOTH = "upstream both { zone b 64k; server 10.0.4.20:8080; server 10.0.4.21:8080; }"
MINE = "upstream mine { zone m 64k; server 127.0.0.1:8080; }"


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


def with_addresses(state: ClusterState, name: str, *more: str, seen: bool = True) -> ClusterState:
    node = state.nodes[name]
    held = node.addresses.value if isinstance(node.addresses, Known) else {}
    addresses = Known({**held, **dict.fromkeys(more, NOW)}, NOW) if seen else Unknown("ip: not found")
    return replace(state, nodes={**state.nodes, name: replace(node, addresses=addresses)})


def goes(state: ClusterState, backend: str) -> set[str]:
    service = state.profile.services["iam-apiserver"]
    return {str(Proxied(state, service, nginx).sent(backend)) for nginx in state.nodes}


def each_to_its_own() -> ClusterState:
    return with_nginx(read("location / { proxy_pass http://mine; }"))


def answer(backends: dict[str, int] | None) -> str:
    return json.dumps(
        {"sent": 6, "failed": 0, "complaint": "", "backends": backends, "unavailable": "format main"}
    )
