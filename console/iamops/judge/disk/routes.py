"""Where nginx's files would lead the published domains. Pure."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from iamops.model.config import ConfFile
from iamops.model.profile import Profile, Service, endpoint
from iamops.model.running import Upstream
from iamops.parse.directives import Directive, ReadFile
from iamops.parse.keepalived.settings import COMMAND, Rest, check_key
from iamops.parse.nginx.conf import servers
from iamops.parse.nginx.routing import by_expression, covers, listening, server_names, upstreams_by_domain
from iamops.plan.addresses import backend_names
from iamops.render.nodefiles import ALIVE_HOST, CHECK_SCRIPT

_ENDPOINT = re.compile(r"(?:\[(?P<v6>[^\]]+)\]|(?P<host>[^:/\[\]]+))(?::(?P<port>\d+))?")
DEFAULT_PORT = 80


def broken(
    reading: ReadFile,
    profile: Profile,
    node: str,
    hosts: Mapping[str, str],
    *,
    whole: bool,
) -> Iterator[str]:
    """Where files that nginx has not loaded would lead the published domains to nothing that serves them.

    `whole`: every file that nginx includes is at hand.
    """
    for service, domain in _published(profile):
        server, upstream = _serving(reading, domain)
        if server is None:
            caught = _is_caught(reading) and not (upstream and _strange(upstream, profile, service, node, hosts))
            if whole and not caught:
                yield f"no server of nginx would answer for {domain}"
        elif upstream is not None:
            for part in _own_parts(upstream, profile, service, node, hosts):
                if strange := _strange(part, profile, service, node, hosts):
                    yield f"{domain} would be sent to {', '.join(strange)}, which is no backend of {service.name}"
                if all(each.down for each in part.servers):
                    yield f"{domain} would be sent to no backend at all"


def _own_parts(
    upstream: Upstream, profile: Profile, service: Service, node: str, hosts: Mapping[str, str]
) -> tuple[Upstream, ...]:
    """Those that name a backend of the service; else all of them. What paths of others do is another question."""
    known = {each for ways in _ways(profile, service, node).values() for each in ways}
    own = (
        part for part in upstream.parts if known & {_canonical(e.endpoint, profile, hosts) for e in part.servers}
    )
    return tuple(own) or upstream.parts


def unlike(reading: ReadFile, profile: Profile, node: str, hosts: Mapping[str, str]) -> Mapping[str, str]:
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


def strangers(reading: ReadFile, profile: Profile, node: str, hosts: Mapping[str, str]) -> Iterator[str]:
    """Backends by a name that only the node itself could resolve."""
    for service, domain in _published(profile):
        _, upstream = _serving(reading, domain)
        for each in upstream.servers if upstream is not None else ():
            if not each.down and _canonical(each.endpoint, profile, hosts) is None:
                yield f"whether {each.endpoint}, to which nginx sends {domain}, is {service.name} is not known"


def _published(profile: Profile) -> Iterator[tuple[Service, str]]:
    return ((each, each.domain) for each in profile.services.values() if each.domain is not None)


def _serving(reading: ReadFile, domain: str) -> tuple[Directive | None, Upstream | None]:
    """The server that names the domain, and where it leads; else none, and where the default one leads."""
    found = upstreams_by_domain(reading)
    named = {
        name.lower(): (name, server) for server in reversed(servers(reading)) for name in server_names(server)
    }
    name = domain if domain in named else next((each for each in named if covers(each, domain)), None)
    if name is not None:
        spelled, server = named[name]
        return server, found.get(spelled)
    default = _default(reading)
    names = server_names(default) if default is not None else ()
    return None, next((found[each] for each in names if each in found), None)


def _default(reading: ReadFile) -> Directive | None:
    """nginx gives it what nobody names: the first server, unless another one asks for it."""
    every = servers(reading)
    return next(filter(_asks, every), every[0] if every else None)


def _is_caught(reading: ReadFile) -> bool:
    """May a server answer what none names: by an expression, as the default one, or outside of http?"""
    if by_expression(listening(reading)) or reading.all("stream"):
        return True
    default = _default(reading)
    if default is None or default.first("return") is not None:
        return False
    return _asks(default) or set(server_names(default)) <= {"_", ""}


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


# What keepalived's checks ask of nginx, as far as anybody knows. Pure.

_NOT_KNOWN = "whether nginx would answer keepalived's check as before is not known"


@dataclass(frozen=True, slots=True)
class CheckTarget:
    """`own_host`: nginx is asked for the check's own host. `unknown`: what else may be asked, as sentences."""

    own_host: bool
    unknown: tuple[str, ...] = ()


def check_target(
    told: Rest, keepalived: ReadFile, nginx: ReadFile, files: Mapping[str, ConfFile], script: str
) -> CheckTarget:
    """`told`: what keepalived runs with. `script`: the check as the profile renders it.

    Only what the rendered check asks is known. One that was not read, at its path, is taken for it where nginx has
    a server for it: others call theirs by that name, too.
    """
    own_host, unknown = False, dict[str, None]()
    file = files.get(CHECK_SCRIPT)
    served = any(ALIVE_HOST in server_names(each) for each in servers(nginx))
    for said in (values for name, values in told.items() if name.startswith(check_key(""))):
        command = said.get(COMMAND)
        program = str(command[0]) if isinstance(command, tuple) and command else "a command that is not known"
        own_host |= program == CHECK_SCRIPT and (served if file is None else ALIVE_HOST in file.content)
        if program == CHECK_SCRIPT and file is None:
            unknown[f"{_NOT_KNOWN}: {CHECK_SCRIPT} was not read"] = None
        elif program != CHECK_SCRIPT or (file is not None and file.content != script):
            unknown[f"{_NOT_KNOWN}: it is not the profile's ({program})"] = None
    if keepalived.all("virtual_server"):
        unknown[f"{_NOT_KNOWN}: it has those of `virtual_server`"] = None
    return CheckTarget(own_host, tuple(unknown))
