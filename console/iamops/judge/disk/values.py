"""What nginx's directives may say and still leave every request alone, with the bounds of their values. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from iamops.parse.directives import Directive

# Whatever they say, a request is answered by the same backend with the same words.
HARMLESS = re.compile(
    r"(access|error)_log|log_(format|not_found|subrequest)|server_tokens|sendfile(_max_chunk)?|tcp_no(push|delay)"
    r"|keepalive_(timeout|requests|time)|types|default_type|gzip\w*"
    r"|(types|server_names|variables)_hash_(max|bucket)_size|open_(log_)?file_cache"
)
# Harmless where nothing uses what they name.
ZONES = {"limit_req_zone": "limit_req", "limit_conn_zone": "limit_conn", "proxy_cache_path": "proxy_cache"}
# `deferred`, and what the kernel may do with a connection, show nobody anything.
LISTEN_WORDS = re.compile(r"default_server|ipv6only=on|deferred|so_keepalive=\S+|fastopen=\d+")
# nginx's own numbers, and what the memory of a small node holds.
CONNECTIONS, PROCESSES, FILES = range(512, 65_537), range(1, 129), range(1024, 1_048_577)
# A backend that has failed is given up for no longer than by nginx's defaults, and within a few requests.
FAIL_TIMEOUT_S, MAX_FAILS, WEIGHTS = 10.0, range(1, 4), range(1, 11)
PID_FILES = ("/run/nginx.pid", "/var/run/nginx.pid")
# Set for a request where nothing at all is set (ngx_http_core_module, ngx_http_proxy_module).
DEFAULTS = {
    "client_max_body_size": ("1m",),
    "proxy_connect_timeout": ("60s",),
    "proxy_read_timeout": ("60s",),
    "proxy_next_upstream": ("error", "timeout"),
    "proxy_next_upstream_tries": ("0",),
}
_SIZE = re.compile(r"(?P<number>\d{1,15})(?P<unit>[kKmMgG]?)")
_SIZES = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
_TIME = re.compile(r"(?P<number>\d{1,9})(?P<unit>ms|s|m|h|d)?")
_TIMES_S = {"ms": 0.001, None: 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def for_process(entry: Directive, read_timeout_s: float) -> bool:
    """A setting of the whole process under which requests are still served."""
    match entry.name, entry.args:
        case "worker_processes", ("auto",):
            return True
        case "worker_processes", (text,):
            return _whole(text) in PROCESSES
        case "worker_connections", (text,):
            return _whole(text) in CONNECTIONS
        case "worker_rlimit_nofile", (text,):
            return _whole(text) in FILES
        case "worker_shutdown_timeout", (text,):
            # Workers of before a reload end what they have begun.
            return (seconds(text) or 0.0) >= read_timeout_s
        case "pid", (path,):
            return path in PID_FILES
        case (("multi_accept" | "use" | "pcre_jit" | "error_log"), _):
            return True
    return False


def as_good(name: str, new: tuple[str, ...] | None, known: tuple[str, ...] | None) -> bool:
    """Is a request no worse off by the new value than by the known one? None: it is not set."""
    is_, was = (DEFAULTS[name] if args is None else args for args in (new, known))
    if is_ == was:
        return True
    match name, is_, was:
        case "client_max_body_size", (mine,), (other,):
            most, needed = _bytes(mine), _bytes(other)
            return most is not None and needed is not None and (not most or 0 < needed <= most)
        case "proxy_next_upstream", _, _:
            return set(is_) == set(was)
        case "proxy_next_upstream_tries", (mine,), (other,):
            tries, needed = _whole(mine), _whole(other)
            return tries == 0 or (tries is not None and needed is not None and 0 < needed <= tries)
        case _, (mine,), (other,):
            return seconds(mine) is not None and seconds(mine) == seconds(other)
    return False


def is_plain_backend(server: Directive) -> bool:
    """A backend in an upstream is asked like any other, and given up for a short while only."""
    for word in server.args[1:]:
        match word.partition("="):
            case "fail_timeout", _, value:
                plain = (time_s := seconds(value)) is not None and time_s <= FAIL_TIMEOUT_S
            case "max_fails", _, value:
                plain = _whole(value) in MAX_FAILS
            case "weight", _, value:
                plain = _whole(value) in WEIGHTS
            case name, _, _:
                plain = name == "down"
        if not plain:
            return False
    return True


def seconds(text: str) -> float | None:
    match = _TIME.fullmatch(text)
    return None if match is None else int(match["number"]) * _TIMES_S[match["unit"]]


def _bytes(text: str) -> int | None:
    match = _SIZE.fullmatch(text)
    return None if match is None else int(match["number"]) * _SIZES[match["unit"].lower()]


def _whole(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


# A block that says one of a list inherits none of it.
LISTS = ("proxy_set_header", "add_header")
# A backend may get more headers, which only its own people know.
_OWN_HEADER = re.compile(
    r"X-(?!Forwarded|Real-|Client-|HTTP-|Method|Original|Rewrite|Remote|Auth|User|Accel|Request)[A-Za-z0-9-]+",
    re.IGNORECASE,
)

Block = Sequence[Directive]


@dataclass(frozen=True, slots=True)
class Effect:
    """`description`: what is in effect, from the block at `depth` (0: innermost). `cancels`: outer ones too."""

    description: tuple[Directive, ...]
    depth: int
    cancels: bool


def in_effect(name: str, levels: Sequence[Block]) -> Effect:
    """`levels`: blocks, the innermost first."""
    found = [tuple(directive for directive in level if directive.name == name) for level in levels]
    depth = next((at for at, directives in enumerate(found) if directives), len(found))
    return Effect(found[depth] if depth < len(found) else (), depth, any(found[depth + 1 :]))


def added(new: Effect, known: Effect) -> Iterator[Directive]:
    """Those of a list that may show: not known, and more than one header more for the backends."""
    wanted, names = [entry.args for entry in known.description], {entry.arg.lower() for entry in known.description}
    for entry in new.description:
        if entry.args in wanted:
            wanted.remove(entry.args)
            continue
        own = entry.name == "proxy_set_header" and len(entry.args) == 2 and entry.arg.lower() not in names
        # What connections to backends that are kept need says nothing about the request.
        own = own and (entry.args == ("Connection", "") or _OWN_HEADER.fullmatch(entry.arg) is not None)
        if (new.cancels and not known.cancels) or not own:
            yield entry


def lost(new: Effect, known: Effect) -> Iterator[Directive]:
    """Those of a list that are known and not in effect any more."""
    here = [entry.args for entry in new.description]
    return (entry for entry in known.description if entry.args not in here)


def alike(one: Directive, other: Directive) -> bool:
    """The same words, blocks included, wherever they are written."""
    return _words(one) == _words(other)


def _words(entry: Directive) -> tuple[object, ...]:
    block = None if entry.block is None else tuple(map(_words, entry.block))
    return entry.name, entry.args, block
