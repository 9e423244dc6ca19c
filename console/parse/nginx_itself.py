"""nginx's files -> hosts that it answers by itself, without a backend. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from console.parse.directives import Directive, Reading
from console.parse.nginx_conf import servers
from console.parse.nginx_serving import server_names
from console.parse.numbers import whole

PORT = 80
ANYWHERE = frozenset({"", "*", "0.0.0.0", "[::]"})  # noqa: S104 - read, not bound
LOOPBACK = re.compile(r"localhost|127\..*|\[::1\]")
NOT_PLAIN = frozenset({"ssl", "quic", "proxy_protocol"})
_GOOD = re.compile(r"2[0-9][0-9]")
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")
_LISTEN = re.compile(r"(?P<address>\[[^]]*\]|[^:]*?)(?::?(?P<port>[0-9]{1,19}))?")


def answers_itself(reading: Reading, port: int) -> tuple[str, ...]:
    """Those for which it answers well whatever is asked for (`return 204;`), in the clear at this port of any
    address. None where some server has an address of its own there: which one a VIP's requests meet is not told.
    """
    everywhere: list[Directive] = []
    for server in servers(reading):
        places = set(_places(server, port))
        if any(not LOOPBACK.fullmatch(each) for each in places - ANYWHERE):
            return ()
        if places & ANYWHERE:
            everywhere.append(server)
    said = ((each, each.first("return")) for each in everywhere if not each.all("location"))
    alone = (each for each, answer in said if answer is not None and _GOOD.fullmatch(answer.arg))
    return tuple(host for server in alone for host in server_names(server) if _HOST.fullmatch(host))


def _places(server: Directive, port: int) -> Iterator[str]:
    """The addresses at which the server answers plain HTTP at this port, as they are written."""
    listens = server.all("listen")
    if not listens and port == PORT:
        yield ""
    for each in listens:
        match = _LISTEN.fullmatch(each.arg)
        if match is None or NOT_PLAIN & set(each.args[1:]):
            continue
        alone = whole(match["address"]) is not None and match["port"] is None
        address, number = ("", match["address"]) if alone else (match["address"], match["port"] or str(PORT))
        if number == str(port):
            yield address
