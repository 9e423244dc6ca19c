"""What nginx's changed files would do to a request, shown or not shown: for each published domain at each VIP, and
for keepalived's check. Pure.

Only what is known to leave a request alone counts as that: what the profile renders, and what shows nobody
anything. Anything else in a changed file is named with its line; so is what the profile renders and the files do
not have, for it may have been taken out of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from iamops.judge.disk import values
from iamops.judge.disk.values import Block
from iamops.model.profile import Profile
from iamops.parse.directives import Directive, ReadFile
from iamops.parse.nginx.conf import servers
from iamops.parse.nginx.routing import (
    PASSES,
    ServerChoice,
    by_expression,
    choose_server,
    listeners_at,
    listening,
    passed_to,
)
from iamops.render.nodefiles import ALIVE_HOST

LOOPBACK = "127.0.0.1"
CHECKED = "204"
NOT_PLAIN = frozenset({"ssl", "quic", "proxy_protocol", "http2"})
EVERYONE = "every request"
# Compared in other ways than word by word in their own block.
BLOCKS = ("http", "events", "server", "upstream")
ELSEWHERE = frozenset({*BLOCKS, "include", "listen", "server_name", *PASSES, *values.DEFAULTS, *values.LISTS})
# How much of what is missing is named: a file of others may lack all of it.
NAMED = 4
_REFUSING = re.compile(r"[45]\d\d")

Changed = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Answers:
    """`wrong`: who asks would be answered differently, or not at all. `unshown`: nobody has compared that."""

    wrong: tuple[str, ...] = ()
    unshown: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Files:
    """The files as they are, and `known`: as the profile renders them.

    `paths`: the files that are there. `complete`: every file that nginx includes is at hand. `changed`: may the
    file mean something else now? `newer`: the files at hand that nginx has not read as they are, or may not have,
    and the directories that may have lost some.
    """

    reading: ReadFile
    known: ReadFile
    changed: Changed
    paths: tuple[str, ...]
    newer: tuple[str, ...]
    complete: bool

    def held(self, directive: Directive) -> tuple[str, ...]:
        """The changed files in which a known directive may have been that is not in effect.

        Those that the profile does not have may have held anything; so may all where its own one is not there.
        """
        known = {entry.file for entry in self.known.walk()}
        absent = directive.file not in self.paths
        return tuple(path for path in self.newer if absent or path == directive.file or path not in known)


def answers(files: Files, profile: Profile, *, check: bool, unlike: Mapping[str, str]) -> Answers:
    """`check`: keepalived asks nginx for the check's own host.

    `unlike`: domain -> how its backends in the files differ from the profile's; without those that do not.
    """
    comparison = _Comparison(files, profile)
    for service in profile.services.values():
        if service.domain is not None:
            for vrrp in profile.vrrp.values():
                comparison.domain(service.domain, vrrp.address, unlike.get(service.domain, ""))
    if check:
        comparison.check()
    comparison.everyone()
    return comparison.found


class _Comparison:
    """One tree of files beside the profile's, for several hosts."""

    def __init__(self, files: Files, profile: Profile) -> None:
        self._files, self._profile, self._changed = files, profile, files.changed
        self._sockets, self._port = listening(files.reading), profile.nginx.port
        self._used = {directive.name for directive in files.reading.walk()}
        self._wrong: list[str] = []
        self._unshown: list[str] = []
        self._missed: dict[str, None] = {}
        self._missed_in: dict[str, None] = {}

    @property
    def found(self) -> Answers:
        missed, unshown = list(self._missed), list(self._unshown)
        if missed:
            more = [f"{len(missed) - NAMED} more"] if len(missed) > NAMED else []
            rendered = ", ".join((*missed[:NAMED], *more))
            head = f"what was taken out of {', '.join(self._missed_in)} is not known"
            unshown.append(f"{head}: by the profile there would be {rendered}")
        return Answers(tuple(dict.fromkeys(self._wrong)), tuple(dict.fromkeys(unshown)))

    def domain(self, domain: str, address: str, unlike: str) -> None:
        """A client of the VIP asks for a published domain."""
        found = self._asked(domain, address)
        if found is None:
            return
        elsewhere = choose_server(self._sockets, domain)
        if not found.named and elsewhere is not None and elsewhere.named:
            at = _place(elsewhere.server.first("listen") or elsewhere.server)
            self._wrong.append(f"no server of nginx would answer for {domain} at {address}:{self._port}: see {at}")
            return
        server, known = found.server, self._known(domain, address)
        before = _block(known)
        for entry in server.block or ():
            refuses = entry.name == "return" and _REFUSING.fullmatch(entry.arg)
            if refuses and self._changed(entry.file) and not _has(before, entry):
                self._wrong.append(f"nginx itself would answer for {domain}: {_shown(entry)} in {_place(entry)}")
            elif entry.name not in ("location", *ELSEWHERE):
                self._compare(entry, before, domain)
        if found.named or self._files.complete:
            self._kept(before, _block(server))
        self._locations(server, known, domain, unlike)

    def check(self) -> None:
        """keepalived's check asks over loopback, and takes only a 204 for alive."""
        found, what = self._asked(ALIVE_HOST, LOOPBACK), "keepalived's check"
        if found is None:
            return
        returns = found.server.all("return")
        if not found.named and not returns:
            if self._files.complete:
                self._wrong.append(f"no server of nginx would answer keepalived's check for {ALIVE_HOST}: FAULT")
            return
        known = _block(self._known(ALIVE_HOST, LOOPBACK))
        if returns and returns[0].arg != CHECKED and not _has(known, returns[0]):
            at = f"{_shown(returns[0])} in {_place(returns[0])}"
            self._wrong.append(f"keepalived's check would be answered badly, and no VIP would stay here: {at}")
        elif not returns:
            self._report(found.server, what)
        self._compare_all(found.server.block or (), known, what, but="return")
        self._kept([entry for entry in known if entry.name != "return"], _block(found.server))

    def everyone(self) -> None:
        """What all requests share: the process, and what http says before any server."""
        reading, known = self._files.reading, self._files.known
        self._compare_all(reading.directives, known.directives, EVERYONE)
        self._kept(known.directives, reading.directives)
        for name in ("events", "http"):
            here, there = _inner(reading.all(name)), _inner(known.all(name))
            self._compare_all(here, there, EVERYONE)
            self._kept(there, here)

    def _asked(self, host: str, address: str) -> ServerChoice | None:
        """The server that answers; None where there is none, or nobody knows which, which is then reported."""
        here = listeners_at(self._sockets, address, self._port)
        known = _inner(servers(self._files.known))
        for socket in self._sockets:
            listen = socket.listen
            if listen is None or socket.port not in (self._port, None) or _has(known, listen):
                continue
            odd = {word for word in socket.words if not values.LISTEN_WORDS.fullmatch(word)}
            # One server with TLS makes the whole socket speak it.
            if socket.address is None and socket.port is not None:
                self._report(listen, host)
            elif odd and socket in here and NOT_PLAIN & odd and self._changed(listen.file):
                at = f"{address}:{self._port}: {_shown(listen)} in {_place(listen)}"
                self._wrong.append(f"nginx would not answer plain HTTP for {host} at {at}")
            elif odd and socket in here:
                self._report(listen, host)
        named = choose_server(self._sockets, host)
        meant = host == ALIVE_HOST or (named is not None and named.named)
        if not here and self._files.complete and meant:
            self._wrong.append(f"nginx would not listen at {address}:{self._port} for {host}")
        found = choose_server(here, host)
        if found is None or found.named or not by_expression(here):
            return found
        for socket in here:
            if by_expression((socket,)):
                self._report(socket.server.first("server_name") or socket.server, host)
        return None

    def _known(self, host: str, address: str) -> Directive | None:
        """The server that is to answer."""
        found = choose_server(listeners_at(listening(self._files.known), address, self._port), host)
        return None if found is None else found.server

    def _locations(self, server: Directive, known: Directive | None, domain: str, unlike: str) -> None:
        locations = server.all("location")
        whole = server.first("return") is not None or any(_prefix(entry) == "/" for entry in locations)
        if not whole and self._changed(server.file):
            at = f"{_place(server)} has no `location /`"
            self._wrong.append(f"nginx would pass on only some paths of {domain}: {at}")
        there = () if known is None else known.all("location")
        for location in locations:
            same = next((other for other in there if other.args == location.args), None)
            # The paths of a location of its own are else those of `location /`.
            before = same or next((other for other in there if _prefix(other) == "/"), None)
            handed = [inner for inner in location.block or () if inner.name in PASSES]
            if len(handed) != 1 and not _has(there, location):
                self._report(location, domain)
            for inner in location.block or ():
                if inner in handed:
                    self._handed_on(location, inner, _block(before), domain, unlike)
                elif inner.name not in ELSEWHERE:
                    self._compare(inner, _block(before), domain)
            if same is not None:
                self._kept(_block(same), _block(location))
            self._inherited(
                (_block(location), _block(server), _inner(self._files.reading.all("http"))),
                (_block(before), _block(known), _inner(self._files.known.all("http"))),
                domain,
            )

    def _inherited(self, levels: tuple[Block, ...], known: tuple[Block, ...], domain: str) -> None:
        """What blocks say for those within them. What a location has, and had before, is unchanged."""
        for name in values.DEFAULTS:
            new, old = values.in_effect(name, levels), values.in_effect(name, known)
            mine, was = (next(iter(effect.description), None) for effect in (new, old))
            args, known_args = (None if entry is None else entry.args for entry in (mine, was))
            changed = mine is not None and self._changed(mine.file)
            if mine is not None and new.depth == 0 and not changed:
                continue
            if values.as_good(name, args, known_args):
                continue
            if mine is not None and changed:
                self._report(mine, domain)
            elif was is not None:
                self._miss(was)
        for name in values.LISTS:
            new, old = values.in_effect(name, levels), values.in_effect(name, known)
            if new.depth == 0 and not any(self._changed(entry.file) for entry in new.description):
                continue
            for entry in values.added(new, old):
                self._report(entry, domain)
            for entry in values.lost(new, old):
                self._miss(entry)

    def _handed_on(self, location: Directive, handed: Directive, known: Block, domain: str, unlike: str) -> None:
        """To the backends of the profile, by plain HTTP and with the path that was asked for."""
        scheme, name, rest = passed_to(handed) or ("", "", "")
        if handed.name != "proxy_pass" or scheme != "http" or rest not in ("", _prefix(location)):
            self._compare(handed, known, domain)
        blocks = _upstreams(self._files.reading, name)
        if unlike and any(self._changed(entry.file) for entry in (handed, *blocks)):
            self._unshown.append(f"{_place(blocks[0] if blocks else handed)}: {unlike}")
        before = next((passed_to(entry) for entry in known if entry.name in PASSES), None)
        there, here = _inner(_upstreams(self._files.known, before[1] if before else "")), _inner(blocks)
        for entry in here:
            plain = entry.name == "zone" or entry.name.startswith("keepalive")
            if not plain and not (entry.name == "server" and values.is_plain_backend(entry)):
                self._compare(entry, there, domain)
        self._kept(there, here)

    def _compare_all(self, here: Block, known: Block, host: str, *, but: str = "") -> None:
        for entry in here:
            if entry.name not in ELSEWHERE and entry.name != but:
                self._compare(entry, known, host)

    def _compare(self, entry: Directive, known: Block, host: str) -> None:
        if not _has(known, entry) and not self._is_harmless(entry):
            self._report(entry, host)

    def _kept(self, known: Block, here: Block) -> None:
        """What the profile renders here and the files lack, unless nobody sees it or it has an equal."""
        for entry in known:
            if entry.name in ELSEWHERE or values.HARMLESS.fullmatch(entry.name) or _has(here, entry):
                continue
            same = [other for other in here if other.name == entry.name]
            # A zone may have any size; what is in a location is compared with what is in its place.
            if entry.name == "zone" or (
                entry.name == "location" and any(other.args == entry.args for other in same)
            ):
                kept = bool(same)
            else:
                kept = any(self._is_harmless(other) for other in same)
            if not kept:
                self._miss(entry)

    def _is_harmless(self, entry: Directive) -> bool:
        if entry.name in values.ZONES:
            return values.ZONES[entry.name] not in self._used
        match entry.name, entry.args:
            case "proxy_http_version", (text,):
                return text in ("1.0", "1.1")
            case "user", (name, *_):
                return name == self._profile.nginx.user
        process = values.for_process(entry, self._profile.nginx.read_timeout_s)
        return process or values.HARMLESS.fullmatch(entry.name) is not None

    def _report(self, entry: Directive, host: str) -> None:
        if self._changed(entry.file):
            self._unshown.append(f"{_place(entry)}: what {_shown(entry)} does to {host} was compared with nothing")

    def _miss(self, entry: Directive) -> None:
        if files := self._files.held(entry):
            self._missed[_shown(entry)] = None
            self._missed_in |= dict.fromkeys(files)


def _has(block: Block, entry: Directive) -> bool:
    return any(values.alike(entry, other) for other in block)


def _block(entry: Directive | None) -> Block:
    return () if entry is None else entry.block or ()


def _inner(blocks: Iterable[Directive]) -> Block:
    return tuple(inner for entry in blocks for inner in entry.block or ())


def _upstreams(reading: ReadFile, name: str) -> tuple[Directive, ...]:
    return tuple(entry for http in reading.all("http") for entry in http.all("upstream") if entry.arg == name)


def _prefix(location: Directive) -> str | None:
    """What a location's path begins with; None: it is exact, named, or an expression."""
    match location.args:
        case (path,) if not path.startswith("@"):
            return path
        case ("^~", path):
            return path
        case _:
            return None


def _shown(entry: Directive) -> str:
    text = " ".join((entry.name, *entry.args))
    return f"`{text[:60]}`"


def _place(entry: Directive) -> str:
    return f"{entry.file}:{entry.line}"
