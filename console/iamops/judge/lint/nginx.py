"""Rules about one node's nginx files."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from iamops.judge.lint.finding import Hit
from iamops.judge.lint.tree import ConfigTree
from iamops.model.config import NGINX_CONF
from iamops.model.profile import Profile
from iamops.parse.directives import Directive
from iamops.parse.nginx.conf import servers, upstreams


def nginx_hits(tree: ConfigTree, profile: Profile | None, peers: frozenset[str]) -> Iterator[Hit]:
    """`peers`: addresses of the other nodes."""
    if NGINX_CONF not in tree.files:
        yield Hit("L003", f"{NGINX_CONF} is not there: nothing is said about nginx", tree.name)
        return
    reading = tree.nginx
    for mistake in reading.mistakes:
        if not mistake.known:
            code = "N001" if mistake.message.endswith("lacks its `;`") else "N002"
            yield Hit(code, mistake.message, tree.name, mistake.file, mistake.line)
    if not reading.all("events"):
        yield Hit("N003", "no `events { }` outside of http", tree.name, NGINX_CONF, 1)
    yield from _timeouts(tree)
    yield from _error_pages(tree)
    yield from _upstreams(tree, profile, peers)
    yield from _log_formats(tree)


def _timeouts(tree: ConfigTree) -> Iterator[Hit]:
    """Set in http, or in each server or location that passes requests on."""
    for http in tree.nginx.all("http"):
        if http.first("proxy_connect_timeout"):
            continue
        for server in http.all("server"):
            for passing in _passing(server):
                yield Hit(
                    "N004", f"{passing.args[0]} is reached without it", tree.name, passing.file, passing.line
                )


def _passing(server: Directive) -> Iterator[Directive]:
    if server.first("proxy_connect_timeout"):
        return
    for location in server.all("location"):
        found = location.first("proxy_pass")
        if found is not None and found.args and not location.first("proxy_connect_timeout"):
            yield found


def _error_pages(tree: ConfigTree) -> Iterator[Hit]:
    for server in servers(tree.nginx):
        exact = {" ".join(location.args) for location in server.all("location")}
        for page in server.all("error_page"):
            target = page.args[-1] if page.args else ""
            # With a root a file may serve it through `location /`; one that proxies everything never does.
            proxied = any(
                location.args in (("/",), ("=", target)) and location.first("proxy_pass")
                for location in server.all("location")
            )
            if target.startswith("/") and f"= {target}" not in exact and proxied:
                evidence = f"error_page {' '.join(page.args)}, but no `location = {target}`"
                yield Hit("N005", evidence, tree.name, page.file, page.line)


def _upstreams(tree: ConfigTree, profile: Profile | None, peers: frozenset[str]) -> Iterator[Hit]:
    services = profile.services.values() if profile else ()
    alone = {each.domain for each in services if profile and _single(profile, each.name)}
    for name, each in upstreams(tree.nginx).items():
        hosts = {server.arg.rpartition(":")[0].strip("[]") for server in each}
        # A name may stand for the peer, here and not there.
        if any(_is_name(host) for host in hosts):
            continue
        used = any(location_uses(server, name) for server in servers(tree.nginx))
        if used and peers and name not in alone and not hosts & peers:
            there, missing = ", ".join(sorted(hosts)) or "no server", ", ".join(sorted(peers))
            file, line = (each[0].file, each[0].line) if each else (NGINX_CONF, 1)
            yield Hit("N006", f"upstream {name} has {there}, and none of {missing}", tree.name, file, line)


def _is_name(host: str) -> bool:
    if host == "localhost" or host.startswith("unix"):
        return False
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return bool(host)
    return False


def location_uses(server: Directive, upstream: str) -> bool:
    """Does a location of this server pass requests to the upstream?"""
    passes = (location.first("proxy_pass") for location in server.all("location"))
    return any(found is not None and found.arg.rstrip("/").endswith(f"//{upstream}") for found in passes)


def _single(profile: Profile, service: str) -> bool:
    """A service that runs on one node of the profile only has no peer to name."""
    return len(profile.backends_of(profile.services[service])) < 2


def _log_formats(tree: ConfigTree) -> Iterator[Hit]:
    for http in tree.nginx.all("http"):
        formats = {each.arg: "".join(each.args[1:]) for each in http.all("log_format")}
        log = http.first("access_log")
        if log is None or log.arg == "off":
            continue
        used = log.args[1] if len(log.args) > 1 else "combined"
        text = formats.get(used, "")
        if "$upstream_addr" not in text or not ("$host" in text or "$http_host" in text):
            yield Hit("N007", f"access_log uses {used}", tree.name, log.file, log.line)
