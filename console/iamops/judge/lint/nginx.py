"""Rules about one node's nginx files."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from iamops.judge.lint.finding import Hit
from iamops.judge.lint.tree import ConfigTree
from iamops.model.config import NGINX_CONF
from iamops.model.profile import Profile
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
    option = "proxy_connect_timeout"
    for http in tree.nginx.all("http"):
        for server in http.all("server"):
            if http.first(option) or server.first(option):
                continue
            for location in server.all("location"):
                passing = location.first("proxy_pass")
                if passing is not None and passing.args and not location.first(option):
                    reached = f"{passing.args[0]} is reached without it"
                    yield Hit("N004", reached, tree.name, passing.file, passing.line)


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
    # A service that runs on one node of the profile, or none, has no peer to name.
    services = profile.services.values() if profile else ()
    alone = {s.domain for s in services if profile and sum(map(s.runs_on, profile.nodes)) < 2}
    locations = (location for server in servers(tree.nginx) for location in server.all("location"))
    passes = (
        found.arg.rstrip("/") for location in locations if (found := location.first("proxy_pass")) is not None
    )
    used = {target.rpartition("//")[2] for target in passes if "//" in target}
    for name, members in upstreams(tree.nginx).items():
        hosts = {member.arg.rpartition(":")[0].strip("[]") for member in members}
        # A name may stand for the peer, here and not there.
        if any(_is_name(host) for host in hosts) or name not in used or name in alone:
            continue
        if peers and not hosts & peers:
            there, missing = ", ".join(sorted(hosts)) or "no server", ", ".join(sorted(peers))
            file, line = (members[0].file, members[0].line) if members else (NGINX_CONF, 1)
            yield Hit("N006", f"upstream {name} has {there}, and none of {missing}", tree.name, file, line)


def _is_name(host: str) -> bool:
    if host == "localhost" or host.startswith("unix"):
        return False
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return bool(host)
    return False


def _log_formats(tree: ConfigTree) -> Iterator[Hit]:
    for http in tree.nginx.all("http"):
        formats = {format_.arg: "".join(format_.args[1:]) for format_ in http.all("log_format")}
        log = http.first("access_log")
        if log is None or log.arg == "off":
            continue
        used = log.args[1] if len(log.args) > 1 else "combined"
        text = formats.get(used, "")
        if "$upstream_addr" not in text or not ("$host" in text or "$http_host" in text):
            yield Hit("N007", f"access_log uses {used}", tree.name, log.file, log.line)
