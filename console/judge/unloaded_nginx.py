"""Where nginx's files would lead the published domains. Pure."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping

from console.model.profile import Profile, Service, endpoint
from console.model.proxy import Upstream
from console.parse.directives import Directive, Reading
from console.parse.nginx_conf import servers
from console.parse.nginx_proxy import upstreams_by_domain
from console.parse.nginx_serving import covers, server_names
from console.plan.sending import backend_names

_ENDPOINT = re.compile(r"(?:\[(?P<v6>[^\]]+)\]|(?P<host>[^:/\[\]]+))(?::(?P<port>\d+))?")
DEFAULT_PORT = 80


def broken(
    reading: Reading,
    profile: Profile,
    node: str,
    hosts: Mapping[str, str],
    *,
    whole: bool,
    only: frozenset[str] | None,
) -> Iterator[str]:
    """Where the published domains would lead to nothing that serves them.

    `whole`: every file that nginx includes is at hand. `only`: nginx runs with these files, and answers these
    domains with them, whoever their backends are.
    """
    for service, domain in _published(profile):
        if only is not None and domain not in only:
            continue
        server, upstream = _serving(reading, domain)
        if server is None:
            caught = _is_caught(reading, meant=only is None) and not (
                upstream and _strange(upstream, profile, service, node, hosts)
            )
            if whole and not caught:
                yield f"no server of nginx would answer for {domain}"
        elif upstream is not None:
            for part in upstream.parts:
                strange = [] if only is not None else _strange(part, profile, service, node, hosts)
                if strange:
                    yield f"{domain} would be sent to {', '.join(strange)}, which is no backend of {service.name}"
                if all(each.down for each in part.servers):
                    yield f"{domain} would be sent to no backend at all"


def unlike(reading: Reading, profile: Profile, node: str, hosts: Mapping[str, str]) -> Mapping[str, str]:
    """domain -> how the backends that would get its requests differ from those that the profile does not drain."""
    found = upstreams_by_domain(reading, profile.domains, profile.nginx.port)
    said = {}
    for service, domain in _published(profile):
        wanted = {
            name: ways for name, ways in _ways(profile, service, node).items() if name not in service.drained
        }
        for part in found[domain].parts if domain in found else ():
            live = [each.endpoint for each in part.servers if not each.down]
            spelled = [_canonical(each, profile, hosts) for each in live]
            exact = all(any(each in ways for ways in wanted.values()) for each in spelled)
            if not exact or any(ways.isdisjoint(spelled) for ways in wanted.values()):
                said[domain] = (
                    f"{domain} would be sent to {', '.join(live) or 'nobody'}, not to {', '.join(wanted)}"
                )
    return said


def strangers(reading: Reading, profile: Profile, node: str, hosts: Mapping[str, str]) -> Iterator[str]:
    """Backends by a name that only the node itself could resolve."""
    for service, domain in _published(profile):
        _, upstream = _serving(reading, domain)
        for each in upstream.servers if upstream is not None else ():
            if not each.down and _canonical(each.endpoint, profile, hosts) is None:
                yield f"whether {each.endpoint}, to which nginx sends {domain}, is {service.name} is not known"


def _published(profile: Profile) -> Iterator[tuple[Service, str]]:
    return ((each, each.domain) for each in profile.services.values() if each.domain is not None)


def _serving(reading: Reading, domain: str) -> tuple[Directive | None, Upstream | None]:
    """The server that names the domain, and where it leads; else none, and where the default one leads."""
    found = upstreams_by_domain(reading)
    named = {name: server for server in reversed(servers(reading)) for name in server_names(server)}
    name = domain if domain in named else next((each for each in named if covers(each, domain)), None)
    if name is not None:
        return named[name], found.get(name)
    default = _default(reading)
    names = server_names(default) if default is not None else ()
    return None, next((found[each] for each in names if each in found), None)


def _default(reading: Reading) -> Directive | None:
    """nginx gives it what nobody names: the first server, unless another one asks for it."""
    every = servers(reading)
    return next(filter(_asks, every), every[0] if every else None)


def _is_caught(reading: Reading, *, meant: bool) -> bool:
    """May a server answer what none names: by an expression, or as the default one? `meant`: one that says so."""
    if any(name.startswith("~") for each in servers(reading) for name in server_names(each)):
        return True
    default = _default(reading)
    if default is None or default.first("return") is not None:
        return False
    return not meant or _asks(default) or set(server_names(default)) <= {"_", ""}


def _asks(server: Directive) -> bool:
    return any("default_server" in listen.args for listen in server.all("listen"))


def _strange(
    upstream: Upstream, profile: Profile, service: Service, node: str, hosts: Mapping[str, str]
) -> list[str]:
    """The backends that are known to be none of the service's."""
    known = {each for ways in _ways(profile, service, node).values() for each in ways}
    live = [server.endpoint for server in upstream.servers if not server.down]
    return [each for each in live if _canonical(each, profile, hosts) not in (*known, None)]


def _ways(profile: Profile, service: Service, node: str) -> Mapping[str, set[str | None]]:
    """Each backend of a service with its names as nginx on the node may spell them."""
    return {
        each: {_canonical(name, profile, {}) for name in backend_names(profile, service, node, each)}
        for each in profile.backends_of(service)
    }


def _canonical(name: str, profile: Profile, hosts: Mapping[str, str]) -> str | None:
    """host:port with an address in its one spelling; None for a name that leads nobody knows where."""
    match = _ENDPOINT.fullmatch(name)
    if match is None:
        return None if not name.startswith("unix:") else name
    host, port = match["v6"] or match["host"], int(match["port"] or DEFAULT_PORT)
    if host in profile.nodes:
        host = profile.nodes[host].address
    host = "127.0.0.1" if host == "localhost" else hosts.get(host, host)
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    return endpoint("127.0.0.1" if address.is_loopback else str(address), port)
