"""Nothing stops before nginx has another backend, and nothing goes on before nginx has taken this one back. Pure.

A service that answers on its port is not yet one that gets requests: nginx gives a backend up for its
`fail_timeout` after a failure, and with two of them given up every request fails. So nginx is asked, by requests
through it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from console.model.facts import LinkState
from console.model.observed import Known, Unknown
from console.model.profile import Profile, Service, endpoint
from console.model.proxy import FAIL_TIMEOUT_S
from console.model.state import ClusterState
from console.plan.known import answered
from console.plan.steps import Kind, Step
from console.plan.through_nginx import OthersServe, TakenBack

# nginx counts in whole seconds, and gives up for one more than it says.
TICK_S = 1.0
# For the requests themselves, on a machine that has other things to do.
ASKED_WITHIN_S = 6.0
ASK_TIMEOUT_S = 5.0
LAST_BACKEND = "last-backend"


@dataclass(frozen=True, slots=True)
class Proxy:
    """One nginx that passes requests on to a backend. `gives_up_s`: for how long it gives it up, by its files.

    `settles_s`: how long it takes until every one of its workers would ask it again.
    """

    node: str
    service: str
    names: tuple[str, ...]
    gives_up_s: float
    settles_s: float


def others_serve(state: ClusterState, unit: str, node: str) -> Iterator[Step]:
    """Looks, before a backend is stopped, whether each nginx gets answers from another one. Refuses if not."""
    proxies = tuple(_proxies(state, unit, node))
    if proxies:
        where = " and ".join(dict.fromkeys(each.node for each in proxies))
        yield Step(
            Kind.LOOK,
            f"ask nginx on {where} whether another backend than {node} answers",
            node,
            (),
            ASK_TIMEOUT_S,
            tuple(OthersServe(each.node, each.service, each.names) for each in proxies),
            within_s=_within_s(proxies),
            refuses=LAST_BACKEND,
        )


def serving_again(state: ClusterState, unit: str, node: str) -> Iterator[Step]:
    """Waits until each nginx sends requests to the backend again."""
    proxies = tuple(_proxies(state, unit, node))
    if proxies:
        where = " and ".join(dict.fromkeys(each.node for each in proxies))
        yield Step(
            Kind.LOOK,
            f"wait until nginx on {where} sends requests to {unit} on {node} again",
            node,
            (),
            ASK_TIMEOUT_S,
            tuple(TakenBack(each.node, each.service, each.names, each.settles_s) for each in proxies),
            within_s=_within_s(proxies),
        )


def _within_s(proxies: tuple[Proxy, ...]) -> float:
    """The slowest nginx may have to give up on a backend before it answers."""
    return max(each.gives_up_s for each in proxies) + ASKED_WITHIN_S


def proxy_notes(state: ClusterState, unit: str, node: str) -> Iterator[str]:
    """What is not known of the nginxes that matter, and which are not asked."""
    for service, domain in _published(state, unit):
        for name, nginx in state.nodes.items():
            seen = nginx.files
            if nginx.link.state is not LinkState.UP:
                yield f"nginx on {name} is not asked about {service.name}: {name} is not connected"
            elif not answered(nginx.domains[domain]):
                why = nginx.domains[domain]
                told = f"not known: {why.reason}" if isinstance(why, Unknown) else "bad before"
                yield f"nginx on {name} is not asked about {service.name}: its answer for {domain} is {told}"
            elif _down(state, service, domain, name, node):
                yield f"nginx on {name} is not asked about {service.name} on {node}: it is drained there"
            elif isinstance(seen, Unknown):
                told = f"how long nginx on {name} gives a backend up is not known ({seen.reason})"
                yield f"{told}: its default of {FAIL_TIMEOUT_S:g} s is waited out"


def _published(state: ClusterState, unit: str) -> Iterator[tuple[Service, str]]:
    """The services of this unit that nginx publishes, with their domains."""
    services = (each for each in state.profile.services.values() if each.unit == unit)
    return ((each, each.domain) for each in services if each.domain is not None)


def _proxies(state: ClusterState, unit: str, node: str) -> Iterator[Proxy]:
    """Every nginx that answered for the service's domain, with the backend's names there."""
    for service, domain in _published(state, unit):
        for name, nginx in state.nodes.items():
            well = nginx.link.state is LinkState.UP and answered(nginx.domains[domain])
            if well and service.runs_on(node) and not _down(state, service, domain, name, node):
                yield _proxy(state, service, domain, name, node)


def _proxy(state: ClusterState, service: Service, domain: str, name: str, node: str) -> Proxy:
    """By its own files; by nginx's defaults where they are not known or say nothing of the domain."""
    names, files = backend_names(state.profile, service, name, node), state.nodes[name].files
    upstream = files.value.upstreams.get(domain) if isinstance(files, Known) else None
    server = next((each for each in upstream.servers if each.endpoint in names), None) if upstream else None
    gives_up_s = FAIL_TIMEOUT_S if server is None else server.fail_timeout_s if server.max_fails else 0.0
    at_once = upstream is not None and server is not None and (upstream.shared or server.max_fails == 0)
    return Proxy(name, service.name, names, gives_up_s, 0.0 if at_once else gives_up_s + TICK_S)


def _down(state: ClusterState, service: Service, domain: str, name: str, node: str) -> bool:
    """Drained on that nginx: by its files where they are known, else by the profile."""
    files = state.nodes[name].files
    upstream = files.value.upstreams.get(domain) if isinstance(files, Known) else None
    if upstream is None:
        return node in service.drained
    names = backend_names(state.profile, service, name, node)
    return any(each.down for each in upstream.servers if each.endpoint in names)


def backend_names(profile: Profile, service: Service, nginx: str, backend: str) -> tuple[str, ...]:
    """How nginx on one node may call a backend: its own also over loopback. The name peers use comes last."""
    there = profile.backends_of(service)[backend]
    if nginx != backend:
        return (there,)
    return (endpoint("127.0.0.1", service.port), endpoint("::1", service.port), f"localhost:{service.port}", there)
