"""Which nginx clients come to, and whose backend an address in its files is. Pure."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

from iamops.model.facts import LinkState
from iamops.model.observed import Known
from iamops.model.profile import Profile, Service, endpoint
from iamops.model.state import ClusterState


def reached(state: ClusterState, nginx: str) -> bool:
    """Clients may come to this nginx: no, where every VIP is known to be on another node, and not on this one."""
    held = {
        name: node.addresses.value
        for name, node in state.nodes.items()
        if isinstance(node.addresses, Known) and node.link.state is LinkState.UP
    }
    for vrrp in state.profile.vrrp.values():
        elsewhere = any(vrrp.address in addresses for addresses in held.values())
        if nginx not in held or vrrp.address in held[nginx] or not elsewhere:
            return True
    return False


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


def backend_label(profile: Profile, nginx: str, address: str) -> str:
    """What people call what nginx on a node asks: `iam-a apiserver`.

    An address that the profile does not know is itself; over loopback, with the nginx to which it means something.
    """
    known = service_at(profile, nginx, address)
    if known is None:
        own = (host := parsed_ip(address)) is not None and host.is_loopback
        return f"{nginx} {address}" if own else address
    node, service = known
    # `iam-`: what all names begin with tells none from another.
    prefix = f"{next(iter(profile.services)).partition('-')[0]}-"
    shared = len(profile.services) > 1 and all(name.startswith(prefix) for name in profile.services)
    return f"{node} {service.removeprefix(prefix) if shared else service}"


def is_strange(state: ClusterState, server: str) -> bool:
    """An address that no node is known to have."""
    host = parsed_ip(server)
    if host is None or host.is_loopback or host.is_unspecified:
        return False
    return not holders(state, host)


def parsed_ip(server: str) -> Ip | None:
    """The address that a server is named by; None for host names and sockets."""
    try:
        return _plain(server.rpartition(":")[0].strip("[]"))
    except ValueError:
        return None


def _plain(text: str) -> Ip:
    host = ip_address(text)
    return (host.ipv4_mapped or host) if isinstance(host, IPv6Address) else host


def port_of(server: str) -> int | None:
    text = server.rpartition(":")[2]
    return int(text) if text.isascii() and text.isdigit() else None


def vips_of(state: ClusterState) -> set[Ip]:
    return {_plain(vrrp.address) for vrrp in state.profile.vrrp.values()}


def holders(state: ClusterState, host: Ip) -> list[str]:
    """The nodes that have the address, as their kernels or the profile tell. A VIP is no node's."""
    found: list[str] = []
    for name, node in state.nodes.items() if host not in vips_of(state) else ():
        held = map(_plain, node.addresses.value) if isinstance(node.addresses, Known) else ()
        if host in held or host == parsed_ip(f"{state.profile.nodes[name].address}:0"):
            found.append(name)
    return found
