"""nginx's files -> where each domain's requests go, and how a backend that fails is given up. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from console.model.proxy import FAIL_TIMEOUT_S, MAX_FAILS, Server, Upstream
from console.parse.directives import Directive, Reading
from console.parse.nginx_conf import servers
from console.parse.nginx_serving import PORT, answering, server_names
from console.parse.numbers import whole

# What hands a request on to somebody else.
PASSES = frozenset(f"{each}_pass" for each in ("proxy", "grpc", "fastcgi", "uwsgi", "scgi", "memcached"))
_PASSED_TO = re.compile(r"(?:(?P<scheme>[a-z]+)://)?(?P<name>unix:[^:]+|[^/]+)(?P<rest>.*)", re.DOTALL)
_TIME = re.compile(r"(?P<number>[0-9]{1,19}(?:\.[0-9]{1,19})?)(?P<unit>ms|s|m|h|d)?")
# What an upstream may say and still go round; any other word may be a method that does not.
_ROUND_ROBIN = frozenset({"server", "zone", "resolver", "resolver_timeout"})
_UNITS_S = {"ms": 0.001, None: 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PORTS = {"https": 443, "grpcs": 443}


def upstreams_by_domain(
    reading: Reading, domains: Iterable[str] | None = None, port: int = PORT
) -> Mapping[str, Upstream]:
    """domain -> its upstream. A domain that is passed on to nobody is left out.

    `domains`: which to ask for, whatever name the server has that answers for them there; None: every name in the
    files.
    """
    names = (name for server in servers(reading) for name in server_names(server))
    blocks = {each.arg: each for http in reading.all("http") for each in http.all("upstream")}
    found = {
        domain: _of_servers(answering(reading, domain, port), blocks)
        for domain in dict.fromkeys(names if domains is None else domains)
    }
    return {domain: upstream for domain, upstream in found.items() if upstream is not None}


def passes(block: Directive) -> Iterator[Directive]:
    """Every directive at any depth that hands requests on."""
    for each in block.block or ():
        if each.name in PASSES:
            yield each
        yield from passes(each)


def passed_to(directive: Directive) -> tuple[str, str, str] | None:
    """The scheme, the upstream or endpoint, and what follows it. None: it hangs on a variable."""
    match = _PASSED_TO.fullmatch(directive.arg)
    if match is None or "$" in match["name"]:
        return None
    return match["scheme"] or "", match["name"], match["rest"]


def _of_servers(found: Iterable[Directive], blocks: Mapping[str, Directive]) -> Upstream | None:
    """Where all requests go that these servers hand on, each place once."""
    parts: dict[str, Upstream] = {}
    unclear: list[str] = []
    for directive in (each for server in found for each in passes(server)):
        target = passed_to(directive)
        if target is None:
            unclear.append(f"{directive.file}:{directive.line}: `{directive.name} {directive.arg}`")
            continue
        scheme, name, _ = target
        parts[name] = _upstream(blocks[name]) if name in blocks else _endpoint(name, scheme)
    if not parts and not unclear:
        return None
    first, *others = dict.fromkeys(parts.values()) or (Upstream(()),)
    return Upstream(first.servers, first.shared, first.even, tuple(others), tuple(unclear))


def _endpoint(name: str, scheme: str) -> Upstream:
    """One address, which nginx asks whatever came of it before."""
    if not name.startswith("unix:") and not re.search(r":[0-9]{1,19}$", name):
        name = f"{name}:{_PORTS.get(scheme, PORT)}"
    return Upstream((Server(name, max_fails=0),), shared=True)


def _upstream(block: Directive) -> Upstream:
    named = block.all("server")
    weights = {_words(each).get("weight", "1") for each in named}
    goes_round = all(e.name in _ROUND_ROBIN or e.name.startswith("keepalive") for e in block.block or ())
    return Upstream(
        tuple(_server(each) for each in named),
        shared=block.first("zone") is not None,
        even=goes_round and len(weights) <= 1,
    )


def _server(directive: Directive) -> Server:
    said = _words(directive)
    fails = whole(said.get("max_fails", ""))
    return Server(
        directive.arg,
        MAX_FAILS if fails is None else fails,
        _seconds(said.get("fail_timeout", "")),
        "down" in said,
        "backup" in said,
    )


def _words(server: Directive) -> dict[str, str]:
    return dict(word.partition("=")[::2] for word in server.args[1:])


def _seconds(text: str) -> float:
    match = _TIME.fullmatch(text)
    return FAIL_TIMEOUT_S if match is None else float(match["number"]) * _UNITS_S[match["unit"]]
