"""To which backends each nginx sends requests, and which of them serve. Pure.

By nginx's files where they are known, else by the profile.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

from console.model.facts import LinkState
from console.model.observed import Known, Unknown
from console.model.profile import Profile, Service, endpoint
from console.model.proxy import Upstream
from console.model.state import ClusterState
from console.plan.known import answered


class Sent(StrEnum):
    """Whether an nginx sends requests to a backend, now or once the others are gone."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


def sent(state: ClusterState, service: Service, nginx: str, backend: str) -> Sent:
    """Whether all requests may go to the backend. NO: some go only to others. UNKNOWN: its files do not tell where
    some go, or name servers in a way that is nobody's, and not each of them gets requests.

    Without its files the profile tells.
    """
    if isinstance(state.nodes[nginx].files, Unknown) or service.domain is None:
        return Sent.NO if backend in service.drained else Sent.YES
    upstream = upstream_of(state, service, nginx)
    if upstream is None:
        return Sent.UNKNOWN
    each = {_by_part(state, service, nginx, backend, part) for part in upstream.parts}
    if Sent.NO in each:
        return Sent.NO
    return Sent.UNKNOWN if Sent.UNKNOWN in each or upstream.unclear or not each else Sent.YES


def sent_some(state: ClusterState, service: Service, nginx: str, backend: str) -> Sent:
    """Whether any requests go to the backend: whoever stops it stops these. NO: none does."""
    upstream = upstream_of(state, service, nginx)
    if upstream is None:
        return sent(state, service, nginx, backend)
    each = {_by_part(state, service, nginx, backend, part) for part in upstream.parts}
    if Sent.YES in each:
        return Sent.YES
    return Sent.UNKNOWN if Sent.UNKNOWN in each or upstream.unclear else Sent.NO


def _by_part(state: ClusterState, service: Service, nginx: str, backend: str, part: Upstream) -> Sent:
    names = backend_names(state.profile, service, nginx, backend)
    if named := [each for each in part.servers if each.endpoint in names]:
        return Sent.NO if all(each.down for each in named) else Sent.YES
    listed = {each.endpoint for each in part.servers}
    ours = [set(backend_names(state.profile, service, nginx, each)) for each in state.profile.backends_of(service)]
    strange = [each for each in part.servers if not any(each.endpoint in known for known in ours)]
    if not strange:
        return Sent.NO
    nameless = sum(not known & listed for known in ours)
    return Sent.UNKNOWN if len(strange) < nameless or any(each.down for each in strange) else Sent.YES


def unsent(state: ClusterState, service: Service, backend: str) -> str | None:
    """Why some nginx sends the backend no requests, so that it serves nobody there. None: every nginx does.

    A service that nginx does not publish is served by whoever runs.
    """
    if service.domain is None:
        return None
    found = {name: sent(state, service, name, backend) for name in state.nodes}
    without = [name for name, each in found.items() if each is Sent.NO]
    unknown = [name for name, each in found.items() if each is Sent.UNKNOWN]
    if without:
        return f"drained or missing in nginx on {' and '.join(without)}{_where(state, service, backend, without)}"
    if unknown:
        return f"whether nginx on {' and '.join(unknown)} sends it requests is not known"
    return None


def _where(state: ClusterState, service: Service, backend: str, without: list[str]) -> str:
    """Said where it gets requests all the same, but not for every path."""
    partly = all(sent_some(state, service, name, backend) is Sent.YES for name in without)
    return f" for some paths of {service.domain}" if partly else ""


def serves(state: ClusterState, service: Service, node: str) -> bool:
    """The backend answers, and every nginx sends it requests."""
    seen = state.nodes[node]
    well = seen.link.state is LinkState.UP and answered(seen.services[service.name])
    return well and unsent(state, service, node) is None


def doubted(state: ClusterState, service: Service, node: str) -> str:
    """A node whose backend does not serve, as far as is known; with the reason where there is one."""
    seen = state.nodes[node].services[service.name]
    why = seen.reason if isinstance(seen, Unknown) else unsent(state, service, node)
    return f"{node} ({why})" if why else node


def serving_besides(state: ClusterState, service: Service, stopped: str) -> Iterator[str]:
    """The other nodes whose backend every nginx sends requests to. Whether they are well is another question."""
    for node in state.profile.peers_of(stopped):
        if service.runs_on(node.name) and unsent(state, service, node.name) is None:
            yield node.name


def upstream_of(state: ClusterState, service: Service, nginx: str) -> Upstream | None:
    """None: its files are not known, or tell nobody to whom they pass the domain on."""
    files = state.nodes[nginx].files
    if service.domain is None or not isinstance(files, Known):
        return None
    return files.value.upstreams.get(service.domain)


def backend_names(profile: Profile, service: Service, nginx: str, backend: str) -> tuple[str, ...]:
    """How nginx on one node may call a backend: its own also over loopback. The name peers use comes last."""
    there = profile.backends_of(service)[backend]
    if nginx != backend:
        return (there,)
    return (endpoint("127.0.0.1", service.port), endpoint("::1", service.port), f"localhost:{service.port}", there)


def other_names(profile: Profile, service: Service, nginx: str, backend: str) -> tuple[str, ...]:
    """How nginx on one node may call the service's other backends."""
    own = backend_names(profile, service, nginx, backend)
    others = (each for each in profile.backends_of(service) if each != backend)
    names = (name for each in others for name in backend_names(profile, service, nginx, each))
    return tuple(name for name in names if name not in own)
