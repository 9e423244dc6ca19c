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
from iamops.parse.keepalived.settings import COMMAND, BlockSettings, check_key
from iamops.parse.nginx.conf import servers
from iamops.parse.nginx.routing import by_expression, covers, listening, server_names, upstreams_by_domain
from iamops.plan.addresses import backend_names
from iamops.render.nodefiles import ALIVE_HOST, CHECK_SCRIPT

_ENDPOINT = re.compile(r"(?:\[(?P<v6>[^\]]+)\]|(?P<host>[^:/\[\]]+))(?::(?P<port>\d+))?")
DEFAULT_PORT = 80


@dataclass(frozen=True, slots=True)
class Routes:
    """nginx's files on one node. `hosts`: name -> address, by its /etc/hosts."""

    reading: ReadFile
    profile: Profile
    node: str
    hosts: Mapping[str, str]

    def broken(self, *, complete: bool) -> Iterator[str]:
        """Where files that nginx has not loaded would lead the published domains to nothing that serves them.

        `complete`: every file that nginx includes is at hand.
        """
        for service, domain in self._published():
            server, upstream = self._serving(domain)
            if server is None:
                caught = self._is_caught() and not (upstream and self._strange(upstream, service))
                if complete and not caught:
                    yield f"no server of nginx would answer for {domain}"
            elif upstream is not None:
                known = self._known(service)
                # Those that name a backend of the service; else all of them. Paths of others are another question.
                own = [
                    part
                    for part in upstream.parts
                    if not known.isdisjoint(self._canonical(server.endpoint) for server in part.servers)
                ]
                for part in own or upstream.parts:
                    if strange := self._strange(part, service):
                        sent = f"{domain} would be sent to {', '.join(strange)}"
                        yield f"{sent}, which is no backend of {service.name}"
                    if all(server.down for server in part.servers):
                        yield f"{domain} would be sent to no backend at all"

    def unlike(self) -> Mapping[str, str]:
        """domain -> how the backends that would get its requests differ from those the profile does not drain."""
        found = upstreams_by_domain(self.reading, self.profile.domains, self.profile.nginx.port)
        differences = {}
        for service, domain in self._published():
            names = self._names(service)
            wanted = {backend: names[backend] for backend in names if backend not in service.drained}
            for part in found[domain].parts if domain in found else ():
                live = [server.endpoint for server in part.servers if not server.down]
                spelled = [self._canonical(endpoint) for endpoint in live]
                exact = all(any(name in known for known in wanted.values()) for name in spelled)
                if not exact or any(known.isdisjoint(spelled) for known in wanted.values()):
                    sent = f"{domain} would be sent to {', '.join(live) or 'nobody'}"
                    differences[domain] = f"{sent}, not to {', '.join(wanted)}"
        return differences

    def unresolved(self) -> Iterator[str]:
        """Backends by a name that only the node itself could resolve."""
        for service, domain in self._published():
            _, upstream = self._serving(domain)
            for server in upstream.servers if upstream is not None else ():
                if not server.down and self._canonical(server.endpoint) is None:
                    sent = f"{server.endpoint}, to which nginx sends {domain}"
                    yield f"whether {sent}, is {service.name} is not known"

    def _published(self) -> Iterator[tuple[Service, str]]:
        services = self.profile.services.values()
        return ((service, service.domain) for service in services if service.domain is not None)

    def _serving(self, domain: str) -> tuple[Directive | None, Upstream | None]:
        """The server that names the domain, and where it leads; else none, and where the default one leads."""
        found = upstreams_by_domain(self.reading)
        named = {
            name.lower(): (name, server)
            for server in reversed(servers(self.reading))
            for name in server_names(server)
        }
        name = domain if domain in named else next((name for name in named if covers(name, domain)), None)
        if name is not None:
            spelled, server = named[name]
            return server, found.get(spelled)
        default = self._default_server()
        names = server_names(default) if default is not None else ()
        return None, next((found[name] for name in names if name in found), None)

    def _default_server(self) -> Directive | None:
        """nginx gives it what nobody names: the first server, unless another one asks for it."""
        every = servers(self.reading)
        return next(filter(_is_default, every), every[0] if every else None)

    def _is_caught(self) -> bool:
        """May a server answer what none names: by an expression, as the default one, or outside of http?"""
        if by_expression(listening(self.reading)) or self.reading.all("stream"):
            return True
        default = self._default_server()
        if default is None or default.first("return") is not None:
            return False
        return _is_default(default) or set(server_names(default)) <= {"_", ""}

    def _strange(self, upstream: Upstream, service: Service) -> list[str]:
        """The backends that are known to be none of the service's."""
        known = (*self._known(service), None)
        live = [server.endpoint for server in upstream.servers if not server.down]
        return [endpoint for endpoint in live if self._canonical(endpoint) not in known]

    def _known(self, service: Service) -> set[str | None]:
        return set[str | None]().union(*self._names(service).values())

    def _names(self, service: Service) -> Mapping[str, set[str | None]]:
        """Each backend of a service with its names as nginx on the node may spell them."""
        return {
            backend: {
                _canonical(name, self.profile, {})
                for name in backend_names(self.profile, service, self.node, backend)
            }
            for backend in self.profile.backends_of(service)
        }

    def _canonical(self, name: str) -> str | None:
        return _canonical(name, self.profile, self.hosts)


def _is_default(server: Directive) -> bool:
    return any("default_server" in listen.args for listen in server.all("listen"))


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


_NOT_KNOWN = "whether nginx would answer keepalived's check as before is not known"


@dataclass(frozen=True, slots=True)
class CheckTarget:
    """`own_host`: nginx is asked for the check's own host. `unknown`: what else may be asked, as sentences."""

    own_host: bool
    unknown: tuple[str, ...] = ()


def check_target(
    running: BlockSettings, keepalived: ReadFile, nginx: ReadFile, files: Mapping[str, ConfFile], script: str
) -> CheckTarget:
    """`running`: what keepalived runs with. `script`: the check as the profile renders it.

    Only what the rendered check asks is known. One that was not read, at its path, is taken for it where nginx has
    a server for it: others call theirs by that name, too.
    """
    own_host, unknown = False, dict[str, None]()
    file = files.get(CHECK_SCRIPT)
    served = any(ALIVE_HOST in server_names(server) for server in servers(nginx))
    for values in (values for name, values in running.items() if name.startswith(check_key(""))):
        command = values.get(COMMAND)
        program = str(command[0]) if isinstance(command, tuple) and command else "a command that is not known"
        own_host |= program == CHECK_SCRIPT and (served if file is None else ALIVE_HOST in file.content)
        if program == CHECK_SCRIPT and file is None:
            unknown[f"{_NOT_KNOWN}: {CHECK_SCRIPT} was not read"] = None
        elif program != CHECK_SCRIPT or (file is not None and file.content != script):
            unknown[f"{_NOT_KNOWN}: it is not the profile's ({program})"] = None
    if keepalived.all("virtual_server"):
        unknown[f"{_NOT_KNOWN}: it has those of `virtual_server`"] = None
    return CheckTarget(own_host, tuple(unknown))
