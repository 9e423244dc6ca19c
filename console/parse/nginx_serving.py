"""nginx's files -> which server answers a request: by the listen socket it meets, then by its host. Pure."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from console.parse.directives import Directive, Reading
from console.parse.nginx_conf import servers

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
class Chosen:
    """The server that answers a host at a socket. `named`: it names the host itself, or by a `*`."""

    server: Directive
    named: bool


def listening(reading: Reading) -> tuple[Listening, ...]:
    """Every server with every socket, in the order in which nginx reads them."""
    return tuple(each for server in servers(reading) for each in _sockets(server))


def met_at(sockets: tuple[Listening, ...], address: str, port: int) -> tuple[Listening, ...]:
    """The servers at the socket that takes a connection to this address: its own one first, else that of any."""
    here = [each for each in sockets if each.port == port]
    anywhere = _ANY_V6 if ":" in address else _ANY_V4
    for wanted in (str(ipaddress.ip_address(address)), anywhere):
        if found := tuple(each for each in here if each.address == wanted):
            return found
    return ()


def chosen(here: tuple[Listening, ...], host: str) -> Chosen | None:
    """As nginx does: the exact name, the longest `*.` one, the longest `.*` one; then the default server.

    A server by an expression is for `by_expression`: whether it matches is not asked here.
    """
    names: dict[str, Directive] = {}
    for each in here:
        for name in server_names(each.server):
            names.setdefault(name.lower(), each.server)
    host = host.lower()
    covering = sorted((name for name in names if covers(name, host)), key=lambda n: (n.endswith(".*"), -len(n)))
    for name in (host, *covering):
        if name in names:
            return Chosen(names[name], named=True)
    default = next((each for each in here if "default_server" in each.words), here[0] if here else None)
    return None if default is None else Chosen(default.server, named=False)


def by_expression(here: tuple[Listening, ...]) -> bool:
    """May a server answer for any host, by a name that is an expression, or that the node itself fills in?"""
    return any(name.startswith("~") or "$" in name for each in here for name in server_names(each.server))


def covers(name: str, host: str) -> bool:
    """Does a server's name with a `*`, or with a dot before it, stand for the host?"""
    if name.startswith(("*.", ".")):
        return f".{host}".endswith(name.removeprefix("*")) and (name[0] == "." or name[2:] != host)
    return name.endswith(".*") and host.startswith(name[:-1])


def server_names(server: Directive) -> tuple[str, ...]:
    return tuple(name for each in server.all("server_name") for name in each.args)


def answering(reading: Reading, host: str, port: int) -> tuple[Directive, ...]:
    """Every server that may answer for the host: at any socket that names it, and at those of this port."""
    found: dict[int, Directive] = {}
    for (_, number), here in _grouped(listening(reading)).items():
        each = chosen(tuple(here), host)
        if each is not None and (each.named or number == port):
            found[id(each.server)] = each.server
        if each is not None and not each.named and number == port:
            expressions = (e.server for e in here if by_expression((e,)))
            found |= {id(server): server for server in expressions}
    return tuple(found.values())


def _grouped(sockets: tuple[Listening, ...]) -> Mapping[tuple[str | None, int | None], list[Listening]]:
    found: dict[tuple[str | None, int | None], list[Listening]] = {}
    for each in sockets:
        found.setdefault((each.address, each.port), []).append(each)
    return found


def _sockets(server: Directive) -> Iterator[Listening]:
    listens = server.all("listen")
    if not listens:
        yield Listening(server, None, _ANY_V4, PORT)
    for each in listens:
        yield Listening(server, each, *_place(each.arg))


def _place(text: str) -> tuple[str | None, int | None]:
    if text.startswith("unix:"):
        return None, None
    match = _LISTEN.fullmatch(text)
    name, number = (match["address"] or "", int(match["port"])) if match else (text, PORT)
    name = name.strip("[]")
    try:
        return str(ipaddress.ip_address(_NAMES.get(name, name))), number
    except ValueError:
        return None, number
