"""nginx's files -> where each domain's requests go, and how a backend that fails is given up. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from console.model.proxy import FAIL_TIMEOUT_S, MAX_FAILS, Server, Upstream
from console.parse.directives import Directive, Reading
from console.parse.nginx_conf import servers

_PASSED_TO = re.compile(r"https?://(?P<name>[^/$]+)")
_TIME = re.compile(r"(?P<number>\d+(?:\.\d+)?)(?P<unit>ms|s|m|h|d)?")
# What an upstream may say and still go round; any other word may be a method that does not.
_ROUND_ROBIN = frozenset({"server", "zone", "resolver", "resolver_timeout"})
_UNITS_S = {"ms": 0.001, None: 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def upstreams_by_domain(reading: Reading) -> Mapping[str, Upstream]:
    """server_name -> its upstream. A domain that is passed on to no upstream by name is left out."""
    blocks = {each.arg: each for http in reading.all("http") for each in http.all("upstream")}
    found: dict[str, Upstream] = {}
    for server in servers(reading):
        name = next((name for name in _passed_to(server) if name in blocks), None)
        for domain in server_names(server):
            if name is not None:
                found.setdefault(domain, _upstream(blocks[name]))
    return found


def server_names(server: Directive) -> tuple[str, ...]:
    return tuple(name for each in server.all("server_name") for name in each.args)


def _passed_to(server: Directive) -> Iterator[str]:
    todo = list(server.block or ())
    while todo:
        each = todo.pop(0)
        todo += each.block or ()
        if each.name == "proxy_pass" and (match := _PASSED_TO.match(each.arg)):
            yield match["name"]


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
    fails = said.get("max_fails", "")
    return Server(
        directive.arg,
        int(fails) if fails.isascii() and fails.isdigit() else MAX_FAILS,
        _seconds(said.get("fail_timeout", "")),
        "down" in said,
        "backup" in said,
    )


def _words(server: Directive) -> dict[str, str]:
    return dict(word.partition("=")[::2] for word in server.args[1:])


def _seconds(text: str) -> float:
    match = _TIME.fullmatch(text)
    return FAIL_TIMEOUT_S if match is None else float(match["number"]) * _UNITS_S[match["unit"]]
