"""Rules about one node's nginx files."""

from __future__ import annotations

import ipaddress
import itertools
import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from iamops.accesslog.format import TELLS, LogField
from iamops.judge.lint.finding import Hit
from iamops.judge.lint.tree import ConfigTree
from iamops.model.config import NGINX_CONF, ConfTree
from iamops.model.profile import Profile
from iamops.parse.directives import Directive, matching
from iamops.parse.nginx.conf import HOME, NOT_AT_HAND, NOT_JUDGED, STRAY_BRACE, servers, upstreams
from iamops.parse.nginx.error_page import page_of, reaches_backend
from iamops.parse.nginx.refused import PREDEFINED, refused
from iamops.parse.nginx.routing import PASSES, passed_to, passes
from iamops.parse.nginx.tokens import OPEN_QUOTE

_LOCAL_NAMES = frozenset({"localhost", "ip6-localhost", "ip6-loopback"})
_VARIABLE = re.compile(r"\$\{?(\w+)")
# What the access log is asked for, and how it is called.
_ASKED = ((LogField.HOST, "the host"), (LogField.UPSTREAM, "the backend"))


def nginx_hits(tree: ConfigTree, profile: Profile | None, peers: frozenset[str]) -> Iterator[Hit]:
    """`peers`: addresses of the other nodes."""
    if NGINX_CONF not in tree.files:
        yield Hit("L003", f"{NGINX_CONF} is not there: nothing is said about nginx", tree.name)
        return
    yield from _mistakes(tree)
    yield from _timeouts(tree)
    yield from _error_pages(tree)
    yield from _upstreams(tree, profile, peers)
    yield from _log_formats(tree)


def _mistakes(tree: ConfigTree) -> Iterator[Hit]:
    reading = tree.nginx
    partly = any(_not_at_hand(tree.conf, mistake.message) for mistake in reading.mistakes)
    for mistake in (*reading.mistakes, *refused(reading, partly)):
        message = mistake.message
        if message.endswith(NOT_AT_HAND):
            code = _not_at_hand(tree.conf, message)
            message = message.replace("at hand", "there") if code == "N002" else message
            if not code:
                continue
        elif message.endswith(NOT_JUDGED):
            code = "N009"
        else:
            code = "N001" if message.endswith("lacks its `;`") else "N002"
        yield Hit(code, message, tree.name, mistake.file, mistake.line)
    # It may stand in what is not read: behind a brace too many, or in a file that is not at hand.
    stopped = any(mistake.message.startswith((STRAY_BRACE, OPEN_QUOTE)) for mistake in reading.mistakes)
    unread = _unread(tree, reading.directives)
    if not (stopped or unread) and not any(each.name == "events" for each in _within(reading.directives)):
        yield Hit("N003", "no `events { }` outside of http", tree.name, NGINX_CONF, 1)


def _not_at_hand(conf: ConfTree, message: str) -> str:
    """The rule that an include breaks which found nothing; an empty text for a pattern that may find nothing."""
    pattern, separator, _ = message.partition(f" {NOT_AT_HAND}")
    if not separator:
        return ""
    if not _complete(conf, pattern):
        return "L003"
    return "" if set(pattern) & set("*?[") else "N002"


def _complete(conf: ConfTree, pattern: str) -> bool:
    """Is everything at hand that the pattern stands for, if there is anything? An operator's directory has all of
    /etc/nginx; of a node's files those patterns are known, and the directories that were listed.
    """
    if matching(conf.listing.files, pattern):
        return False
    if posixpath.dirname(pattern) in conf.listing.listed:
        return True
    if conf.whole or conf.loaded_at or conf.stopped:
        return pattern in conf.whole or any(matching([pattern], whole) for whole in conf.whole)
    return pattern.startswith(f"{HOME}/")


def _unread(tree: ConfigTree, entries: Sequence[Directive] | None) -> bool:
    """May something stand in this block that is not at hand? An include that found nothing is left in it."""
    return any(
        not (set(each.arg) & set("*?[") and _complete(tree.conf, posixpath.join(HOME, each.arg)))
        for each in entries or ()
        if each.name == "include"
    )


def _within(entries: Sequence[Directive]) -> Iterator[Directive]:
    """All of them, at any depth."""
    for entry in entries:
        yield entry
        yield from _within(entry.block or ())


def _timeouts(tree: ConfigTree) -> Iterator[Hit]:
    """Set where requests are passed on, or in any block around it, for the protocol they are passed on by."""
    members = upstreams(tree.nginx)
    for http in tree.nginx.all("http"):
        for passing in _without_timeout(tree, http, frozenset()):
            if not _refuses_at_once(passing, members):
                option = f"{passing.name.removesuffix('_pass')}_connect_timeout"
                evidence = f"{passing.arg} is reached without {option}"
                yield Hit("N004", evidence, tree.name, passing.file, passing.line)


def _without_timeout(tree: ConfigTree, block: Directive, around: frozenset[str]) -> Iterator[Directive]:
    if _unread(tree, block.block):
        return
    own = {entry.name for entry in block.block or () if entry.name.endswith("_connect_timeout")}
    known = around | own
    for entry in block.block or ():
        if entry.name in PASSES and entry.args:
            if f"{entry.name.removesuffix('_pass')}_connect_timeout" not in known:
                yield entry
        elif entry.name in ("server", "location", "if", "limit_except"):
            yield from _without_timeout(tree, entry, known)


def _refuses_at_once(passing: Directive, members: Mapping[str, Sequence[Directive]]) -> bool:
    """Is it on this node? A port that nobody listens at refuses at once there, and no time is waited."""
    target = passed_to(passing)
    if target is None:
        # A port by a variable, behind an address that is none.
        host = _host(passing.arg.rpartition("://")[2])
        return "$" not in host and _is_local(host)
    # An upstream that is not at hand is a name like any other.
    to = [member.arg for member in members.get(target[1], ()) if "down" not in member.args] or [target[1]]
    return all(_is_local(_host(endpoint)) for endpoint in to)


def _host(endpoint: str) -> str:
    """Of `host:port`, `[address]:port`, `host` or `unix:path`."""
    if endpoint.startswith("unix:"):
        return "unix:"
    if endpoint.startswith("["):
        return endpoint[1:].partition("]")[0]
    return endpoint.partition(":")[0]


def _is_local(host: str) -> bool:
    if host == "unix:" or host.lower() in _LOCAL_NAMES:
        return True
    return not _is_name(host) and ipaddress.ip_address(host).is_loopback


def _is_name(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return True
    return False


def _error_pages(tree: ConfigTree) -> Iterator[Hit]:
    for http in tree.nginx.all("http"):
        of_all = [] if _unread(tree, http.block) else list(http.all("error_page"))
        for server in http.all("server"):
            if any(_unread(tree, block.block) for block in (server, *server.all("location"))):
                continue
            own = [page for page in _within(server.block or ()) if page.name == "error_page"]
            inherited = [] if server.first("error_page") else of_all
            for page in (*inherited, *own):
                target = page_of(page)
                if target and (why := reaches_backend(server, target)):
                    evidence = f"error_page {' '.join(page.args)}, but {why}"
                    yield Hit("N005", evidence, tree.name, page.file, page.line)


def _upstreams(tree: ConfigTree, profile: Profile | None, peers: frozenset[str]) -> Iterator[Hit]:
    # A service that runs on one node of the profile, or none, has no peer to name.
    services = profile.services.values() if profile else ()
    alone = {s.domain for s in services if profile and sum(map(s.runs_on, profile.nodes)) < 2}
    node = tree.node(profile)
    own = {vrrp.unicast_src for vrrp in tree.vrrp} | ({node.address} if node else set())
    targets = (passed_to(passing) for server in servers(tree.nginx) for passing in passes(server))
    used = {target[1] for target in targets if target is not None}
    for http in tree.nginx.all("http"):
        for upstream in http.all("upstream"):
            members = upstream.all("server")
            hosts = {_host(member.arg) for member in members}
            # A name may stand for the peer, here and not there; other addresses are of machines of their own.
            names = any(host != "unix:" and not _is_local(host) and _is_name(host) for host in hosts)
            here = any(host in own or (host != "unix:" and _is_local(host)) for host in hosts)
            if names or not here or upstream.arg not in used or upstream.arg in alone:
                continue
            if peers and not hosts & peers and not _unread(tree, upstream.block):
                there, missing = ", ".join(sorted(hosts)), ", ".join(sorted(peers))
                evidence = f"upstream {upstream.arg} has {there}, and none of {missing}"
                yield Hit("N006", evidence, tree.name, members[0].file, members[0].line)


@dataclass(frozen=True, slots=True)
class _Formats:
    """log_format's name -> the names of its variables. `partly`: others may stand in what is not at hand."""

    variables: Mapping[str, frozenset[str]] = field(default_factory=dict)
    partly: bool = False


def _log_formats(tree: ConfigTree) -> Iterator[Hit]:
    for http in tree.nginx.all("http"):
        found = {each.arg: frozenset(_VARIABLE.findall("".join(each.args[1:]))) for each in http.all("log_format")}
        formats = _Formats({PREDEFINED: frozenset(), **found}, _unread(tree, http.block))
        seen = set[str]()
        for hit in _logs(tree, http, formats, inherited=True):
            # Each format once, where it is first used.
            if hit.evidence not in seen:
                seen.add(hit.evidence)
                yield hit


def _logs(tree: ConfigTree, block: Directive, formats: _Formats, inherited: bool = False) -> Iterator[Hit]:
    """Of each block that has its own access logs; what it has none of, it takes from around it. `inherited`: what
    stands around has not been judged, for there is nothing around.
    """
    logs = block.all("access_log")
    inner = [entry for entry in block.block or () if entry.name in ("server", "location", "if", "limit_except")]
    if logs:
        yield from _judged(tree, logs, formats)
    elif inherited:
        # Without any, nginx writes `combined`: judged where no server has logs of its own for all it does.
        covered = [bool(each.all("access_log")) for each in inner if each.name == "server"]
        if not formats.partly and not _unread(tree, block.block) and not (covered and all(covered)):
            evidence = f"{_lacks(frozenset())}: without access_log it is {PREDEFINED}"
            yield Hit("N007", evidence, tree.name, block.file, block.line)
    for each in inner:
        yield from _logs(tree, each, formats)


def _judged(tree: ConfigTree, logs: Sequence[Directive], formats: _Formats) -> Iterator[Hit]:
    """Where one of several logs tells all, it is the one to count."""
    written = [(log, log.args[1] if len(log.args) > 1 else PREDEFINED) for log in logs if log.arg != "off"]
    known = [(log, name, formats.variables[name]) for log, name in written if name in formats.variables]
    # What is not defined here is either refused, or not at hand.
    if not written or len(known) < len(written) or any(not _lacks(variables) for _, _, variables in known):
        return
    for log, name, variables in itertools.islice(known, 1):
        evidence = f"{_lacks(variables)}: access_log uses {name}"
        yield Hit("N007", evidence, tree.name, log.file, log.line)


def _lacks(variables: frozenset[str]) -> str:
    """What a format with these variables does not tell; an empty text for one that tells all."""
    missing = [f"{called} (${TELLS[part][0]})" for part, called in _ASKED if variables.isdisjoint(TELLS[part])]
    return f"it lacks {' and '.join(missing)}" if missing else ""
