"""What nginx's changed files would do to a request, shown or not shown: for each published domain at each VIP, and
for keepalived's check. Pure.

Only what is known to leave a request alone counts as that. Anything else in a changed file is told with its line.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from console.model.profile import Profile
from console.parse.directives import Directive, Reading
from console.parse.nginx_proxy import PASSES, passed_to
from console.parse.nginx_serving import Chosen, Listening, by_expression, chosen, listening, met_at
from console.render.nodefiles import ALIVE_HOST

LOOPBACK = "127.0.0.1"
CHECKED = "204"
# Whatever they say, a request is answered by the same backend with the same words.
HARMLESS = re.compile(
    r"(access|error)_log|log_(format|not_found|subrequest)|server_tokens|sendfile(_max_chunk)?|tcp_no(push|delay)"
    r"|keepalive_(timeout|requests|time)|types|default_type|charset|gzip\w*|limit_(req|conn)_zone|proxy_cache_path"
    r"|(types|server_names|variables)_hash_(max|bucket)_size|open_(log_)?file_cache|resolver(_timeout)?"
    r"|proxy_http_version"
)
PROCESS = re.compile(r"worker_(processes|rlimit_nofile|shutdown_timeout)|multi_accept|use|pcre_jit")
LISTEN_WORDS = re.compile(
    r"default_server|ipv6only=on|reuseport|deferred|backlog=\d+|(rcv|snd)buf=\w+|so_keepalive=\S+|fastopen=\d+"
)
SERVER_WORDS = frozenset({"max_fails", "fail_timeout", "weight", "down"})
NOT_PLAIN = frozenset({"ssl", "quic", "proxy_protocol", "http2"})
LEAST_CONNECTIONS = 512
_OWN_HEADER = re.compile(r"X-[A-Za-z0-9-]+")
_REFUSING = re.compile(r"[45]\d\d")

Changed = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Answers:
    """`wrong`: who asks would be answered differently, or not at all. `unshown`: nobody has compared that."""

    wrong: tuple[str, ...] = ()
    unshown: tuple[str, ...] = ()


def answers(
    reading: Reading, profile: Profile, changed: Changed, *, whole: bool, check: bool, unlike: Mapping[str, str]
) -> Answers:
    """`whole`: every file that nginx includes is at hand. `check`: keepalived asks nginx for the check's own host.

    `unlike`: domain -> how its backends in the files differ from the profile's; without those that do not.
    """
    looked = _Look(reading, profile, changed, whole)
    for service in profile.services.values():
        if service.domain is not None:
            for vrrp in profile.vrrp.values():
                looked.domain(service.domain, vrrp.address, unlike.get(service.domain, ""))
    if check:
        looked.check()
    looked.everyone()
    return Answers(tuple(dict.fromkeys(looked.wrong)), tuple(dict.fromkeys(looked.unshown)))


def check_asks(files: Mapping[str, str], scripts: tuple[str, ...], path: str) -> bool:
    """Does keepalived's check ask for its own host? Where the script is not at hand: is it ours by its path?"""
    if path in files:
        return ALIVE_HOST in files[path]
    return any(each.split(" ")[0] == path for each in scripts)


class _Look:
    """One tree of files, asked for several hosts."""

    def __init__(self, reading: Reading, profile: Profile, changed: Changed, whole: bool) -> None:
        self._reading, self._profile, self._changed, self._whole = reading, profile, changed, whole
        self._sockets, self._port = listening(reading), profile.nginx.port
        self.wrong: list[str] = []
        self.unshown: list[str] = []

    def domain(self, domain: str, address: str, unlike: str) -> None:
        """A client of the VIP asks for a published domain."""
        found = self._asked(domain, address)
        if found is None:
            return
        elsewhere = chosen(self._sockets, domain)
        if not found.named and elsewhere is not None and elsewhere.named:
            at = _place(elsewhere.server.first("listen") or elsewhere.server)
            self.wrong.append(f"no server of nginx would answer for {domain} at {address}:{self._port}: see {at}")
            return
        server = found.server
        for each in server.block or ():
            if each.name == "return" and _REFUSING.fullmatch(each.arg) and self._changed(each.file):
                self.wrong.append(f"nginx itself would answer for {domain}: {_shown(each)} in {_place(each)}")
            elif each.name != "location" and not self._is_harmless(each):
                self._tell(each, domain)
        self._locations(server, domain, unlike)

    def check(self) -> None:
        """keepalived's check asks over loopback, and takes only a 204 for alive."""
        found = self._asked(ALIVE_HOST, LOOPBACK)
        if found is None:
            return
        said = [each for each in found.server.block or () if each.name == "return"]
        if not found.named and not said:
            if self._whole:
                self.wrong.append(f"no server of nginx would answer keepalived's check for {ALIVE_HOST}: FAULT")
            return
        if said and said[0].arg != CHECKED:
            at = f"{_shown(said[0])} in {_place(said[0])}"
            self.wrong.append(f"keepalived's check would be answered badly, and no VIP would stay here: {at}")
        elif not said:
            self._tell(found.server, "keepalived's check")
        for each in found.server.block or ():
            if each.name != "return" and not self._is_harmless(each):
                self._tell(each, "keepalived's check")

    def everyone(self) -> None:
        """What all requests share: the process, and what http says before any server."""
        nginx, told = self._profile.nginx, "every request"
        for each in self._reading.directives:
            match each.name:
                case "events":
                    for inner in each.block or ():
                        number = int(inner.arg) if inner.arg.isdigit() else 0
                        enough = inner.name == "worker_connections" and number >= LEAST_CONNECTIONS
                        if not enough and not PROCESS.fullmatch(inner.name):
                            self._tell(inner, told)
                case "http":
                    for inner in each.block or ():
                        if inner.name not in ("server", "upstream") and not self._is_harmless(inner):
                            self._tell(inner, told)
                case "user" if each.arg == nginx.user:
                    pass
                case "pid" | "error_log":
                    pass
                case name if not PROCESS.fullmatch(name):
                    self._tell(each, told)

    def _asked(self, host: str, address: str) -> Chosen | None:
        """The server that answers; None where there is none, or nobody knows which, and that is told."""
        here = met_at(self._sockets, address, self._port)
        for each in self._sockets:
            listen = each.listen
            if listen is None or each.port not in (self._port, None):
                continue
            odd = [word for word in each.words if not LISTEN_WORDS.fullmatch(word)]
            if each.address is None and each.port is not None:
                self._tell(listen, host)
            elif odd and each in here:
                self._odd(listen, odd, host, address)
        named = chosen(self._sockets, host)
        meant = host == ALIVE_HOST or (named is not None and named.named)
        if not here and self._whole and meant:
            self.wrong.append(f"nginx would not listen at {address}:{self._port} for {host}")
        found = chosen(here, host)
        if found is not None and not found.named and by_expression(here):
            self._by_expression(here, host)
            return None
        return found

    def _odd(self, listen: Directive, words: list[str], host: str, address: str) -> None:
        """One server with TLS makes the whole socket speak it."""
        if NOT_PLAIN & set(words) and self._changed(listen.file):
            at = f"{address}:{self._port}: {_shown(listen)} in {_place(listen)}"
            self.wrong.append(f"nginx would not answer plain HTTP for {host} at {at}")
        else:
            self._tell(listen, host)

    def _by_expression(self, here: tuple[Listening, ...], host: str) -> None:
        for each in here:
            if by_expression((each,)):
                self._tell(each.server.first("server_name") or each.server, host)

    def _locations(self, server: Directive, domain: str, unlike: str) -> None:
        every = server.all("location")
        whole = server.first("return") is not None or any(_prefix(each) == "/" for each in every)
        if not whole and self._changed(server.file):
            self.wrong.append(
                f"nginx would pass on only some paths of {domain}: {_place(server)} has no `location /`"
            )
        for each in every:
            handed = [inner for inner in each.block or () if inner.name in PASSES]
            if len(handed) != 1:
                self._tell(each, domain)
            for inner in each.block or ():
                if inner in handed:
                    self._handed_on(each, inner, domain, unlike)
                elif not self._is_harmless(inner):
                    self._tell(inner, domain)

    def _handed_on(self, location: Directive, handed: Directive, domain: str, unlike: str) -> None:
        """To the backends of the profile, by plain HTTP and with the path that was asked for."""
        scheme, name, rest = passed_to(handed) or ("", "", "")
        if handed.name != "proxy_pass" or scheme != "http" or rest not in ("", _prefix(location)):
            self._tell(handed, domain)
        blocks = [each for http in self._reading.all("http") for each in http.all("upstream") if each.arg == name]
        if unlike and any(self._changed(each.file) for each in (handed, *blocks)):
            self.unshown.append(f"{_place(blocks[0] if blocks else handed)}: {unlike}")
        for each in (inner for block in blocks for inner in block.block or ()):
            plain = each.name in ("server", "zone") or each.name.startswith("keepalive")
            if not plain or _is_odd_server(each):
                self._tell(each, domain)

    def _is_harmless(self, each: Directive) -> bool:
        nginx = self._profile.nginx
        match each.name, each.args:
            case (("listen" | "server_name"), _):
                return True
            case "proxy_set_header", (name, _):
                return _OWN_HEADER.fullmatch(name) is not None
            case "add_header", ("X-Served-By", "$hostname", "always"):
                return True
            case "proxy_connect_timeout", (text,):
                return text == f"{nginx.connect_timeout_s}s"
            case "proxy_read_timeout", (text,):
                return text == f"{nginx.read_timeout_s}s"
            case "client_max_body_size", (text,):
                return text == nginx.client_max_body
            case "proxy_next_upstream", ("error", "timeout"):
                return True
            case "proxy_next_upstream_tries", (text,):
                most = max((len(self._profile.backends_of(s)) for s in self._profile.services.values()), default=1)
                return text == "0" or (text.isdigit() and int(text) >= most)
        return HARMLESS.fullmatch(each.name) is not None

    def _tell(self, each: Directive, host: str) -> None:
        if self._changed(each.file):
            self.unshown.append(f"{_place(each)}: what {_shown(each)} does to {host} was compared with nothing")


def _prefix(location: Directive) -> str | None:
    """What a location's path begins with; None: it is exact, named, or an expression."""
    match location.args:
        case (path,) if not path.startswith("@"):
            return path
        case ("^~", path):
            return path
        case _:
            return None


def _is_odd_server(each: Directive) -> bool:
    words = (word.partition("=")[0] for word in each.args[1:])
    return each.name == "server" and not SERVER_WORDS.issuperset(words)


def _shown(each: Directive) -> str:
    text = " ".join((each.name, *each.args))
    return f"`{text[:60]}`"


def _place(each: Directive) -> str:
    return f"{each.file}:{each.line}"
