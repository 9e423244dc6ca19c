"""Under which names the metrics page answers: a web page whose name leads to this machine reads nothing. Pure."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable

import h11

# RFC 9110, 7.2: a name or an address, and a port. Nothing that a user or a path could hide in.
_AUTHORITY = re.compile(r"(?P<host>\[[0-9a-f:.]{2,45}\]|[0-9a-z._-]{1,253})(?::(?P<port>[0-9]{1,5}))?")
_ABSOLUTE = re.compile(rb"(?i:https?)://(?P<authority>[^/?#]*)(?P<rest>.*)", re.DOTALL)
HTTP_PORT = 80


class Hosts:
    """This machine's loopback names with the page's own port, and what the operator named. A browser sends the
    name that it was given: one that DNS made to mean this machine (rebinding) is none of them.
    """

    def __init__(self, port: int, named: Iterable[str] = ()) -> None:
        """`named`: NAME for any port, NAME:PORT for that one."""
        self._port = port
        self._named = frozenset(each.lower() for each in named)

    def asked(self, request: h11.Request) -> bytes | None:
        """The path, if the request is for one of these hosts; None if not, or if it does not say."""
        hosts = [value for name, value in request.headers if name == b"host"]
        absolute = _ABSOLUTE.fullmatch(request.target)
        if absolute is not None:
            hosts.append(absolute["authority"])
        if not hosts or not all(self._ours(each) for each in hosts):
            return None
        target = request.target if absolute is None else absolute["rest"]
        return target.split(b"?", 1)[0]

    def _ours(self, authority: bytes) -> bool:
        match = _AUTHORITY.fullmatch(authority.decode("latin-1").lower())
        if match is None:
            return False
        host, port = match["host"], int(match["port"] or HTTP_PORT)
        if host in self._named or match[0] in self._named:
            return True
        return port == self._port and _is_loopback(host)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
