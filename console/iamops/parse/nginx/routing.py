"""nginx's files -> which server answers a request: by the listen socket it meets, then by its host. Pure."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from iamops.model.foreign import whole
from iamops.model.running import FAIL_TIMEOUT_S, MAX_FAILS, Upstream, UpstreamServer
from iamops.parse.directives import Directive, ReadFile
from iamops.parse.nginx.conf import servers

PORT = 80
_LISTEN = re.compile(r"(?:(?P<address>\[[^]]*\]|[^:\[\]]*):)?(?P<port>[0-9]{1,19})")
_ANY_V4, _ANY_V6 = "0.0.0.0", "::"  # noqa: S104 - read, not bound
_NAMES = {"": _ANY_V4, "*": _ANY_V4, "localhost": "127.0.0.1"}


@dataclass(frozen=True, slots=True)
class Listening:
    """A server at one socket. `listen` None: nginx's default, port 80 of every IPv4 address.

    `address` None: it is written in a way that is nobody's here.
    """

    server: Directive
    listen: Directive | None
    address: str | None
    port: int | None

    @property
    def words(self) -> tuple[str, ...]:
        return () if self.listen is None else self.listen.args[1:]


@dataclass(frozen=True, slots=True)
class ServerChoice:
    """The server that answers a host at a socket. `named`: it names the host itself, or by a `*`."""

    server: Directive
    named: bool


def listening(reading: ReadFile) -> tuple[Listening, ...]:
    """Every server with every socket, in the order in which nginx reads them."""
    found: list[Listening] = []
    for server in servers(reading):
        listens = server.all("listen")
        found += [Listening(server, listen, *socket_of(listen.arg)) for listen in listens]
        if not listens:
            found.append(Listening(server, None, _ANY_V4, PORT))
    return tuple(found)


def listeners_at(sockets: tuple[Listening, ...], address: str, port: int) -> tuple[Listening, ...]:
    """The servers at the socket that takes a connection to this address: its own one first, else that of any."""
    here = [listener for listener in sockets if listener.port == port]
    anywhere = _ANY_V6 if ":" in address else _ANY_V4
    for wanted in (str(ipaddress.ip_address(address)), anywhere):
        if found := tuple(listener for listener in here if listener.address == wanted):
            return found
    return ()


def choose_server(here: tuple[Listening, ...], host: str) -> ServerChoice | None:
    """As nginx does: the exact name, the longest `*.` one, the longest `.*` one; then the default server.

    A server by an expression is for `by_expression`: whether it matches is not asked here.
    """
    names: dict[str, Directive] = {}
    for listener in here:
        for name in server_names(listener.server):
            names.setdefault(name.lower(), listener.server)
    host = host.lower()
    covering = sorted((name for name in names if covers(name, host)), key=lambda n: (n.endswith(".*"), -len(n)))
    for name in (host, *covering):
        if name in names:
            return ServerChoice(names[name], named=True)
    default = next(
        (listener for listener in here if "default_server" in listener.words), here[0] if here else None
    )
    return None if default is None else ServerChoice(default.server, named=False)


def by_expression(here: tuple[Listening, ...]) -> bool:
    """May a server answer for any host, by a name that is an expression, or that the node itself fills in?"""
    return any(name.startswith("~") or "$" in name for listener in here for name in server_names(listener.server))


def covers(name: str, host: str) -> bool:
    """Does a server's name with a `*`, or with a dot before it, stand for the host?"""
    if name.startswith(("*.", ".")):
        return f".{host}".endswith(name.removeprefix("*")) and (name[0] == "." or name[2:] != host)
    return name.endswith(".*") and host.startswith(name[:-1])


def server_names(server: Directive) -> tuple[str, ...]:
    return tuple(name for directive in server.all("server_name") for name in directive.args)


def answering(reading: ReadFile, host: str, port: int) -> tuple[Directive, ...]:
    """Every server that may answer for the host: at any socket that names it, and at those of this port."""
    by_socket: dict[tuple[str | None, int | None], list[Listening]] = {}
    for listener in listening(reading):
        by_socket.setdefault((listener.address, listener.port), []).append(listener)
    found: dict[int, Directive] = {}
    for (_, number), here in by_socket.items():
        choice = choose_server(tuple(here), host)
        if choice is not None and (choice.named or number == port):
            found[id(choice.server)] = choice.server
        if choice is not None and not choice.named and number == port:
            expressions = (listener.server for listener in here if by_expression((listener,)))
            found |= {id(server): server for server in expressions}
    return tuple(found.values())


@lru_cache(1000)
def socket_of(text: str) -> tuple[str | None, int | None]:
    """The address and port of a `listen`; None for what is in the file system, and for an address by name."""
    if text.startswith("unix:"):
        return None, None
    match = _LISTEN.fullmatch(text)
    name, number = (match["address"] or "", int(match["port"])) if match else (text, PORT)
    name = name.strip("[]")
    try:
        return str(ipaddress.ip_address(_NAMES.get(name, name))), number
    except ValueError:
        return None, number


# Where each domain's requests go, and how a backend that fails is given up.

# What hands a request on to somebody else.
PASSES = frozenset(f"{protocol}_pass" for protocol in ("proxy", "grpc", "fastcgi", "uwsgi", "scgi", "memcached"))
_PASSED_TO = re.compile(r"(?:(?P<scheme>[a-z]+)://)?(?P<name>unix:[^:]+|[^/]+)(?P<rest>.*)", re.DOTALL)
_TIME = re.compile(r"(?P<number>[0-9]{1,19}(?:\.[0-9]{1,19})?)(?P<unit>ms|s|m|h|d)?")
# What an upstream may say and still go round; any other word may be a method that does not.
_ROUND_ROBIN = frozenset({"server", "zone", "resolver", "resolver_timeout"})
_UNITS_S = {"ms": 0.001, None: 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PORTS = {"https": 443, "grpcs": 443}


def upstreams_by_domain(
    reading: ReadFile, domains: Iterable[str] | None = None, port: int = PORT
) -> Mapping[str, Upstream]:
    """domain -> its upstream. A domain that is passed on to nobody is left out.

    `domains`: which to ask for, whatever name the server has that answers for them there; None: every name in the
    files.
    """
    names = (name for server in servers(reading) for name in server_names(server))
    blocks = {upstream.arg: upstream for http in reading.all("http") for upstream in http.all("upstream")}
    found = {
        domain: _of_servers(answering(reading, domain, port), blocks)
        for domain in dict.fromkeys(names if domains is None else domains)
    }
    return {domain: upstream for domain, upstream in found.items() if upstream is not None}


def passes(block: Directive) -> Iterator[Directive]:
    """Every directive at any depth that hands requests on."""
    for entry in block.block or ():
        if entry.name in PASSES:
            yield entry
        yield from passes(entry)


def passed_to(directive: Directive) -> tuple[str, str, str] | None:
    """The scheme, the upstream or endpoint, and what follows it. None: it depends on a variable."""
    match = _PASSED_TO.fullmatch(directive.arg)
    if match is None or "$" in match["name"]:
        return None
    return match["scheme"] or "", match["name"], match["rest"]


def _of_servers(found: Iterable[Directive], blocks: Mapping[str, Directive]) -> Upstream | None:
    """Where all requests go that these servers hand on, each place once."""
    parts: dict[str, Upstream] = {}
    unclear: list[str] = []
    for directive in (directive for server in found for directive in passes(server)):
        target = passed_to(directive)
        if target is None:
            unclear.append(f"{directive.file}:{directive.line}: `{directive.name} {directive.arg}`")
            continue
        scheme, name, _ = target
        if name in blocks:
            parts[name] = _upstream(blocks[name])
            continue
        # One address, which nginx asks whatever came of it before.
        ported = name.startswith("unix:") or re.search(r":[0-9]{1,19}$", name)
        endpoint = name if ported else f"{name}:{_PORTS.get(scheme, PORT)}"
        parts[name] = Upstream((UpstreamServer(endpoint, max_fails=0),), shared=True)
    if not parts and not unclear:
        return None
    first, *others = dict.fromkeys(parts.values()) or (Upstream(()),)
    return Upstream(first.servers, first.shared, first.even, tuple(others), tuple(unclear))


def _upstream(block: Directive) -> Upstream:
    weights, backends = set[str](), list[UpstreamServer]()
    for server in block.all("server"):
        options = dict(word.partition("=")[::2] for word in server.args[1:])
        weights.add(options.get("weight", "1"))
        fails, time = whole(options.get("max_fails", "")), _TIME.fullmatch(options.get("fail_timeout", ""))
        fail_timeout_s = float(time["number"]) * _UNITS_S[time["unit"]] if time else FAIL_TIMEOUT_S
        down, backup = "down" in options, "backup" in options
        backends.append(
            UpstreamServer(server.arg, MAX_FAILS if fails is None else fails, fail_timeout_s, down, backup)
        )
    goes_round = all(e.name in _ROUND_ROBIN or e.name.startswith("keepalive") for e in block.block or ())
    return Upstream(tuple(backends), shared=block.first("zone") is not None, even=goes_round and len(weights) <= 1)


# Hosts that nginx answers itself, without a backend.

NOT_PLAIN = frozenset({"ssl", "quic", "proxy_protocol"})
_GOOD = re.compile(r"2[0-9][0-9]")
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")


def answers_itself(reading: ReadFile, port: int) -> tuple[str, ...]:
    """Those for which it answers well whatever is asked for (`return 204;`), in the clear at this port of any
    address. None where some server has an address of its own there: where a VIP's requests go is not known.
    """
    everywhere: dict[int, Directive] = {}
    for listener in listening(reading):
        if listener.port != port or NOT_PLAIN & set(listener.words):
            continue
        if listener.address in (_ANY_V4, _ANY_V6):
            everywhere[id(listener.server)] = listener.server
        elif listener.address is None or not ipaddress.ip_address(listener.address).is_loopback:
            return ()
    answers = ((server, server.first("return")) for server in everywhere.values() if not server.all("location"))
    alone = (server for server, answer in answers if answer is not None and _GOOD.fullmatch(answer.arg))
    return tuple(host for server in alone for host in server_names(server) if _HOST.fullmatch(host))
