"""What nginx refuses though each statement alone is well written. Only what is certain from the files at hand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from iamops.parse.directives import Directive, Mistake, ReadFile
from iamops.parse.nginx.routing import socket_of
from iamops.parse.nginx.table import usages

_MODIFIERS = frozenset({"=", "^~", "~", "~*"})
PREDEFINED = "combined"


def refused(reading: ReadFile, partly: bool) -> Iterator[Mistake]:
    """`partly`: some of what is included is not at hand, so that a name may be defined there."""
    for http in reading.all("http"):
        yield from _upstreams(http)
        yield from _listens(http.all("server"))
        if not partly:
            yield from _formats(http)
        for server in http.all("server"):
            yield from _locations(server, None)


def place_of(location: Directive) -> tuple[str, str]:
    """A location's modifier, "" for a plain prefix, and what it is compared with: as nginx takes them apart."""
    if len(location.args) > 1:
        return location.args[0], location.args[1]
    for modifier in ("=", "^~", "~*", "~"):
        if location.arg.startswith(modifier):
            return modifier, location.arg.removeprefix(modifier)
    return ("@" if location.arg.startswith("@") else ""), location.arg


def _at(directive: Directive, message: str) -> Mistake:
    return Mistake(directive.file, directive.line, message)


def _upstreams(http: Directive) -> Iterator[Mistake]:
    names = set[str]()
    for upstream in http.all("upstream"):
        inside = upstream.block or ()
        if upstream.arg in names:
            yield _at(upstream, f'duplicate upstream "{upstream.arg}"')
        names.add(upstream.arg)
        # A module that is not known here may bring servers of its own.
        known = all(entry.name in usages() and entry.name != "include" for entry in inside)
        if known and not any(entry.name == "server" for entry in inside):
            yield _at(upstream, f"no servers are inside upstream {upstream.arg}")


def _listens(servers: Iterable[Directive]) -> Iterator[Mistake]:
    defaults = dict[tuple[object, ...], Directive]()
    for server in servers:
        own = set[tuple[object, ...]]()
        for listen in server.all("listen"):
            address, port = socket_of(listen.arg)
            # UDP and TCP are two sockets. What cannot be read is compared as it is written.
            socket = (address or listen.arg, port, "quic" in listen.args)
            if socket in own:
                yield _at(listen, f"a duplicate listen {listen.arg}")
            own.add(socket)
            if not {"default_server", "default"} & set(listen.args[1:]):
                continue
            if defaults.setdefault(socket, server) is not server:
                yield _at(listen, f"a duplicate default server for {listen.arg}")


def _formats(http: Directive) -> Iterator[Mistake]:
    defined = {PREDEFINED}
    for entry in http.block or ():
        if entry.name == "log_format":
            if entry.arg in defined:
                yield _at(entry, f'duplicate "log_format" name "{entry.arg}"')
            defined.add(entry.arg)
        for log in _named(entry, "access_log"):
            if len(log.args) > 1 and log.arg != "off" and log.args[1] not in defined:
                yield _at(log, f'unknown log format "{log.args[1]}"')


def _named(entry: Directive, name: str) -> Iterator[Directive]:
    if entry.name == name:
        yield entry
    for inner in entry.block or ():
        yield from _named(inner, name)


def _locations(block: Directive, around: tuple[str, str] | None) -> Iterator[Mistake]:
    """`around`: the modifier and path of the location that `block` is, or that is around it; None in a server."""
    seen = set[tuple[bool, str]]()
    for location in block.all("location"):
        modifier, path = place = place_of(location)
        if len(location.args) > 1 and modifier not in _MODIFIERS:
            yield _at(location, f'invalid location modifier "{modifier}"')
            continue
        if modifier in ("=", "^~", ""):
            if (modifier == "=", path) in seen:
                yield _at(location, f'duplicate location "{path}"')
            seen.add((modifier == "=", path))
        if around is not None and (wrong := _outside(place, around)):
            yield _at(location, wrong)
        yield from _passes(location, place)
        yield from _locations(location, place)


def _outside(place: tuple[str, str], around: tuple[str, str]) -> str:
    """Why a location may not stand in that other one."""
    modifier, path = place
    if around[0] in ("=", "@"):
        kind = "exact" if around[0] == "=" else "named"
        return f'location "{path}" cannot be inside the {kind} location "{around[1]}"'
    if modifier == "@":
        return f'named location "{path}" can be on the server level only'
    if modifier not in ("~", "~*") and not path.startswith(around[1]):
        return f'location "{path}" is outside location "{around[1]}"'
    return ""


def _passes(location: Directive, place: tuple[str, str]) -> Iterator[Mistake]:
    """proxy_pass of a location, of its `if` and its limit_except."""
    blocks = [location, *location.all("if"), *location.all("limit_except")]
    for block in blocks:
        for passing in block.all("proxy_pass"):
            url = passing.arg.lower()
            if "$" in url:
                continue
            scheme, slashes, rest = url.partition("://")
            if not slashes or scheme not in ("http", "https"):
                yield _at(passing, "invalid URL prefix in proxy_pass: http:// or https:// is missing")
            elif _has_path(rest) and (block is not location or place[0] in ("~", "~*", "@")):
                where = 'given by regular expression, a named one, "if" or "limit_except"'
                yield _at(passing, f"proxy_pass cannot have a path in a location {where}")


def _has_path(rest: str) -> bool:
    if rest.startswith("unix:"):
        return ":" in rest.removeprefix("unix:")
    return "/" in rest
