"""Parts of a domain that lead to somebody else: a front end, an exporter, another service. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from console.model.observed import Unknown
from console.model.profile import Service
from console.model.proxy import Upstream
from console.model.state import ClusterState


def parts_for(state: ClusterState, service: Service, upstream: Upstream) -> tuple[Upstream, ...]:
    """The parts of its domain that matter to a service: whoever stops it takes nothing away from the others.

    Where nothing is left, the service is not where the profile says it is, and every part may be its.
    """
    kept = tuple(part for part in upstream.parts if not _is_others(state, service, part))
    return kept or upstream.parts


def _is_others(state: ClusterState, service: Service, part: Upstream) -> bool:
    """It names only sockets and literal addresses, and none of them can be a backend of the service."""
    return all(_is_other(state, service, each.endpoint) for each in part.servers)


def _is_other(state: ClusterState, service: Service, endpoint: str) -> bool:
    if endpoint.startswith("unix:"):
        return True
    found = _literal(endpoint)
    if found is None:
        return False
    host, port = found
    backends = [_literal(each) for each in state.profile.backends_of(service).values()]
    ports = {service.port, *(each[1] for each in backends if each is not None)}
    # By a name a backend may be at any address.
    if None in backends or port not in ports:
        return port not in ports
    if any(isinstance(node.addresses, Unknown) for node in state.nodes.values()):
        return False
    return not host.is_loopback and host not in _ours(state) and host not in {each[0] for each in backends if each}


def _ours(state: ClusterState) -> set[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    """Every address that a node has, or may get."""
    return {found for text in _addresses(state) if (found := _address(text)) is not None}


def _addresses(state: ClusterState) -> Iterator[str]:
    yield from (node.address for node in state.profile.nodes.values())
    yield from (vrrp.address for vrrp in state.profile.vrrp.values())
    for node in state.nodes.values():
        if not isinstance(node.addresses, Unknown):
            yield from node.addresses.value


def _literal(endpoint: str) -> tuple[ipaddress.IPv4Address | ipaddress.IPv6Address, int] | None:
    host, _, port = endpoint.rpartition(":")
    address = _address("127.0.0.1" if host == "localhost" else host.strip("[]"))
    return (address, int(port)) if address is not None and port.isascii() and port.isdigit() else None


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
