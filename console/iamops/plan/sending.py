"""To which backends each nginx sends requests, and which of them serve. Pure.

By nginx's files where they are known, else by the profile.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from iamops.model.facts import LinkState
from iamops.model.observed import Known, Unknown
from iamops.model.profile import Service
from iamops.model.running import Upstream
from iamops.model.state import ClusterState
from iamops.plan.addresses import backend_names, holders, is_strange, parsed_ip, port_of, reached, vips_of
from iamops.plan.known import answered


class Sent(StrEnum):
    """Whether an nginx sends requests to a backend, now or once the others are gone."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Proxied:
    """A service behind the nginx of one node."""

    state: ClusterState
    service: Service
    nginx: str

    @property
    def files_read(self) -> bool:
        """Its files could be read, whatever they say."""
        files = self.state.nodes[self.nginx].files
        return isinstance(files, Known) and files.value.reads_nginx

    @property
    def upstream(self) -> Upstream | None:
        """None: its files are not known, or tell nobody to whom they pass the domain on."""
        files = self.state.nodes[self.nginx].files
        if self.service.domain is None or not isinstance(files, Known):
            return None
        return files.value.upstreams.get(self.service.domain)

    def names(self, backend: str) -> tuple[str, ...]:
        return backend_names(self.state.profile, self.service, self.nginx, backend)

    def other_names(self, backend: str) -> tuple[str, ...]:
        """How this nginx may call the service's other backends."""
        others = (other for other in self.state.profile.backends_of(self.service) if other != backend)
        return tuple(name for other in others for name in self.names(other) if name not in self.names(backend))

    def backend_at(self, server: str) -> str | None:
        """The backend that the server surely is; None: it may be one of `possible`."""
        for backend in self.state.profile.backends_of(self.service):
            if server in self.names(backend):
                return backend
        host = parsed_ip(server)
        if host is None or port_of(server) != self.service.port:
            return None
        if host.is_loopback or host.is_unspecified:
            return self.nginx if self.service.runs_on(self.nginx) else None
        return next((node for node in holders(self.state, host) if self.service.runs_on(node)), None)

    def possible(self, server: str) -> frozenset[str]:
        """Every backend that the server may be: none for an address that no node has, any for a host name."""
        if (backend := self.backend_at(server)) is not None:
            return frozenset({backend})
        host = parsed_ip(server)
        if host is None:
            return frozenset(self.state.profile.backends_of(self.service))
        if port_of(server) != self.service.port or host.is_loopback or host.is_unspecified:
            return frozenset()
        unseen = [name for name, node in self.state.nodes.items() if isinstance(node.addresses, Unknown)]
        is_vip = host in vips_of(self.state)
        may = self.state.nodes if is_vip else [] if holders(self.state, host) else unseen
        return frozenset(name for name in may if self.service.runs_on(name))

    def sent(self, backend: str) -> Sent:
        """Whether all requests may go to the backend. NO: some go only to others. UNKNOWN: its files do not tell
        where some go, or name servers that may be any backend, and not all of them get requests. What goes
        to something other than the service does not count.

        Where its files could not be read the profile tells.
        """
        if not self.files_read or self.service.domain is None:
            return Sent.NO if backend in self.service.drained else Sent.YES
        upstream = self.upstream
        if upstream is None:
            return Sent.UNKNOWN
        parts = self._by_parts(backend, upstream)
        if Sent.NO in parts or (not parts and not upstream.unclear):
            return Sent.NO
        return Sent.UNKNOWN if Sent.UNKNOWN in parts or upstream.unclear else Sent.YES

    def sent_some(self, backend: str) -> Sent:
        """Whether any requests go to the backend: they end when it is stopped. NO: none does."""
        upstream = self.upstream
        if upstream is None:
            return self.sent(backend)
        parts = self._by_parts(backend, upstream)
        if Sent.YES in parts:
            return Sent.YES
        return Sent.UNKNOWN if Sent.UNKNOWN in parts or upstream.unclear else Sent.NO

    def _by_parts(self, backend: str, upstream: Upstream) -> set[Sent]:
        """Without the parts that lead only to sockets, or to addresses of no backend: they are not the service."""
        found = set[Sent]()
        for part in upstream.parts:
            hosts = (server.endpoint for server in part.servers if not server.endpoint.startswith("unix:"))
            if any(map(self.possible, hosts)):
                found.add(self._by_part(backend, part))
        return found

    def _by_part(self, backend: str, part: Upstream) -> Sent:
        """Host names may stand for the backends that are not named otherwise, if there are enough of them."""
        whose = {server: self.backend_at(server.endpoint) for server in part.servers}
        if own := [server for server in part.servers if whose[server] == backend]:
            return Sent.NO if all(server.down for server in own) else Sent.YES
        unnamed = (server for server in part.servers if whose[server] is None)
        strange = [server for server in unnamed if backend in self.possible(server.endpoint)]
        if not strange:
            return Sent.NO
        nameless = len(self.state.profile.backends_of(self.service).keys() - set(whose.values()))
        unsure = any(server.down or parsed_ip(server.endpoint) for server in strange)
        return Sent.UNKNOWN if len(strange) < nameless or unsure else Sent.YES


def takes_requests(state: ClusterState, service: Service, backend: str, *, vips_move: bool = False) -> bool:
    """Whether clients may lose it: not so where every nginx that they come to is known to send it nothing."""
    for nginx, node in state.nodes.items():
        if not vips_move and not reached(state, nginx):
            continue
        # Its files say no only where it runs with them and none of their addresses is strange.
        proxied = Proxied(state, service, nginx)
        upstream = proxied.upstream
        current = node.files.value.current if isinstance(node.files, Known) else ()
        if upstream is None or state.profile.nginx.unit not in current:
            return True
        every = (server for part in upstream.parts for server in part.servers)
        strange = any(is_strange(state, server.endpoint) and not server.down for server in every)
        if strange or proxied.sent_some(backend) is not Sent.NO:
            return True
    return False


def unsent(state: ClusterState, service: Service, backend: str, *, vips_move: bool = False) -> str | None:
    """Why some nginx that clients come to sends the backend no requests. None: every such nginx does.

    A service that nginx does not publish is served by all that run. `vips_move`: clients will come to any nginx.
    """
    if service.domain is None:
        return None
    found = {name: Proxied(state, service, name).sent(backend) for name in state.nodes}
    if not vips_move and all(each is Sent.YES or not reached(state, name) for name, each in found.items()):
        return None
    without = [name for name, each in found.items() if each is Sent.NO]
    unknown = [name for name, each in found.items() if each is Sent.UNKNOWN]
    if without:
        # It may get requests all the same, but not for every path.
        partly = all(Proxied(state, service, name).sent_some(backend) is Sent.YES for name in without)
        where = f" for some paths of {service.domain}" if partly else ""
        return f"drained or missing in nginx on {' and '.join(without)}{where}"
    if unknown:
        return f"whether nginx on {' and '.join(unknown)} sends it requests is not known"
    return None


def serves(state: ClusterState, service: Service, node: str, *, vips_move: bool = False) -> bool:
    """The backend answers, and every nginx that clients come to sends it requests."""
    seen = state.nodes[node]
    well = seen.link.state is LinkState.UP and answered(seen.services[service.name])
    return well and unsent(state, service, node, vips_move=vips_move) is None


def doubted(state: ClusterState, service: Service, node: str, *, vips_move: bool = False) -> str:
    """A node whose backend does not serve, as far as is known; with the reason where there is one."""
    seen = state.nodes[node].services[service.name]
    why = seen.reason if isinstance(seen, Unknown) else unsent(state, service, node, vips_move=vips_move)
    return f"{node} ({why})" if why else node


def serving_besides(state: ClusterState, service: Service, stopped: str) -> Iterator[str]:
    """The other nodes whose backend gets requests wherever clients come. Whether they are well is not asked."""
    for node in state.profile.peers_of(stopped):
        if service.runs_on(node.name) and unsent(state, service, node.name) is None:
            yield node.name


def outside(state: ClusterState, service: Service) -> tuple[str, ...]:
    """Endpoints beside the nodes that the profile or some nginx's files name, and that are not drained."""
    profile = state.profile
    found = [endpoint for endpoint in service.backends if endpoint not in service.drained]
    for nginx in state.nodes:
        upstream = Proxied(state, service, nginx).upstream
        nodes = [name for name in profile.nodes if service.runs_on(name)]
        own = {name for node in nodes for name in backend_names(profile, service, nginx, node)}
        drained = (
            {server.endpoint for server in upstream.servers if server.down} if upstream is not None else set[str]()
        )
        named = [server.endpoint for server in upstream.servers if not server.down] if upstream is not None else []
        found = [endpoint for endpoint in found if endpoint not in drained] + [
            endpoint for endpoint in named if endpoint not in own
        ]
    return tuple(dict.fromkeys(found))


def meanwhile(state: ClusterState, service: Service) -> str:
    """Who would serve it when no node does: nothing, or nobody knows."""
    known = outside(state, service)
    if not known:
        return "nothing would serve it meanwhile"
    return f"whether {' or '.join(known)} would serve it meanwhile is not known"
