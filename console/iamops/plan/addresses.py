"""Which nginx clients come to, and whose backend an address in its files is. Pure."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

from iamops.model.facts import LinkState
from iamops.model.observed import Known, Unknown
from iamops.model.profile import Profile, Service, endpoint
from iamops.model.state import ClusterState


def reached(state: ClusterState, nginx: str) -> bool:
    """Clients may come to this nginx: no, where every VIP is known to be on another node, and not on this one."""
    return not all(_elsewhere(state, each.address, nginx) for each in state.profile.vrrp.values())


def _elsewhere(state: ClusterState, vip: str, nginx: str) -> bool:
    seen = {
        name: vip in node.addresses.value
        for name, node in state.nodes.items()
        if isinstance(node.addresses, Known) and node.link.state is LinkState.UP
    }
    return seen.get(nginx) is False and any(seen.values())


# Whose backend a server in nginx's files is: a node's by any of its addresses, somebody's, or nobody's. Pure.

Ip = IPv4Address | IPv6Address


def backend_names(profile: Profile, service: Service, nginx: str, backend: str) -> tuple[str, ...]:
    """How nginx on one node may call a backend: its own also over loopback. The name peers use comes last."""
    there = profile.backends_of(service)[backend]
    if nginx != backend:
        return (there,)
    return (endpoint("127.0.0.1", service.port), endpoint("::1", service.port), f"localhost:{service.port}", there)


def service_at(profile: Profile, nginx: str, server: str) -> tuple[str, str] | None:
    """(node or endpoint, service) that nginx on a node means by an address; None: the profile does not know it."""
    return next(
        (
            (name, service.name)
            for service in profile.services.values()
            for name in profile.backends_of(service)
            if server in backend_names(profile, service, nginx, name)
        ),
        None,
    )


def called(profile: Profile, nginx: str, address: str) -> str:
    """What people call what nginx on a node asks: `iam-a apiserver`.

    An address that the profile does not know is itself; over loopback, with the nginx to which it means something.
    """
    known = service_at(profile, nginx, address)
    if known is None:
        own = (host := literal(address)) is not None and host.is_loopback
        return f"{nginx} {address}" if own else address
    node, service = known
    return f"{node} {service.removeprefix(_common(tuple(profile.services)))}"


def _common(services: tuple[str, ...]) -> str:
    """`iam-`: what all names begin with tells none from another."""
    first = f"{services[0].partition('-')[0]}-" if services else ""
    return first if len(services) > 1 and all(name.startswith(first) for name in services) else ""


def other_names(profile: Profile, service: Service, nginx: str, backend: str) -> tuple[str, ...]:
    """How nginx on one node may call the service's other backends."""
    own = backend_names(profile, service, nginx, backend)
    others = (each for each in profile.backends_of(service) if each != backend)
    names = (name for each in others for name in backend_names(profile, service, nginx, each))
    return tuple(name for name in names if name not in own)


def backend_at(state: ClusterState, service: Service, nginx: str, server: str) -> str | None:
    """The backend that the server surely is; None: it may be one of `possible`."""
    for name in state.profile.backends_of(service):
        if server in backend_names(state.profile, service, nginx, name):
            return name
    host = literal(server)
    if host is None or _port(server) != service.port:
        return None
    if host.is_loopback or host.is_unspecified:
        return nginx if service.runs_on(nginx) else None
    return next((each for each in _holders(state, host) if service.runs_on(each)), None)


def possible(state: ClusterState, service: Service, nginx: str, server: str) -> frozenset[str]:
    """Every backend of the service that the server may be. An address that no node has is nobody's; a host name
    may be anybody's.
    """
    if (one := backend_at(state, service, nginx, server)) is not None:
        return frozenset({one})
    host = literal(server)
    if host is None:
        return frozenset(state.profile.backends_of(service))
    if _port(server) != service.port or host.is_loopback or host.is_unspecified:
        return frozenset()
    unseen = [name for name, node in state.nodes.items() if isinstance(node.addresses, Unknown)]
    may = state.nodes if host in _vips(state) else [] if _holders(state, host) else unseen
    return frozenset(name for name in may if service.runs_on(name))


def is_strange(state: ClusterState, server: str) -> bool:
    """An address that no node is known to have."""
    host = literal(server)
    ours = host is not None and (host.is_loopback or host.is_unspecified or bool(_holders(state, host)))
    return host is not None and not ours


def literal(server: str) -> Ip | None:
    """The address that a server is named by; None for host names and sockets."""
    try:
        host = ip_address(server.rpartition(":")[0].strip("[]"))
    except ValueError:
        return None
    return _plain(host)


def _plain(host: Ip) -> Ip:
    return (host.ipv4_mapped or host) if isinstance(host, IPv6Address) else host


def _port(server: str) -> int | None:
    text = server.rpartition(":")[2]
    return int(text) if text.isascii() and text.isdigit() else None


def _vips(state: ClusterState) -> set[Ip]:
    return {_plain(ip_address(each.address)) for each in state.profile.vrrp.values()}


def _holders(state: ClusterState, host: Ip) -> list[str]:
    """The nodes that have the address, as their kernels or the profile tell. A VIP is no node's."""
    if host in _vips(state):
        return []
    return [name for name in state.nodes if host in _addresses(state, name)]


def _addresses(state: ClusterState, node: str) -> set[Ip]:
    seen, own = state.nodes[node].addresses, literal(f"{state.profile.nodes[node].address}:0")
    told = {_plain(ip_address(each)) for each in seen.value} if isinstance(seen, Known) else set[Ip]()
    return told if own is None else told | {own}
