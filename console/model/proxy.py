"""What nginx does with its backends by its files, and what a daemon would load from them now. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from console.model.live import LiveVrrp

# nginx's defaults for a server of an upstream (ngx_http_upstream_module).
MAX_FAILS = 1
FAIL_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Server:
    """One backend as nginx names it. It is given up for `fail_timeout_s` after `max_fails` failures (0: never)."""

    endpoint: str
    max_fails: int = MAX_FAILS
    fail_timeout_s: float = FAIL_TIMEOUT_S
    down: bool = False
    backup: bool = False

    @property
    def gives_up_s(self) -> float:
        """For how long it is given up after a failure; 0: it never is."""
        return self.fail_timeout_s if self.max_fails else 0.0


@dataclass(frozen=True, slots=True)
class Upstream:
    """The backends of one domain. `shared`: all workers know the same of them (a `zone`). `even`: they are asked
    in turn, whoever asks for what (round robin with equal weights).

    `beside`: where requests for some of its paths go instead. `unclear`: where they go to somebody whom the files
    do not name, each with file and line.
    """

    servers: tuple[Server, ...]
    shared: bool = False
    even: bool = True
    beside: tuple[Upstream, ...] = ()
    unclear: tuple[str, ...] = ()

    @property
    def parts(self) -> tuple[Upstream, ...]:
        """Each place where some of the domain's requests go."""
        return tuple(each for each in (self, *self.beside) if each.servers)


@dataclass(frozen=True, slots=True)
class Unloaded:
    """What is on a node's disk and not in its daemon, each as a sentence.

    `conflicts`: what would make two masters, or send requests nowhere. `differences`: settings of VRRP that would
    become others. `news`: what a reload is for. `unknown`: what may be there, and could not be compared with what
    runs. `unseen`: what could not be compared with anything else. `files`: those that the daemon has not loaded as
    they are, or may not have.
    """

    differences: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    news: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()
    files: tuple[str, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class FilesReport:
    """One look at a node's files. `upstreams` by domain; `unloaded` by unit; `answers_itself`: hosts that need no
    backend. `current`: units that run with exactly these files. `checks`: commands that ask what keepalived's
    checks ask, where those are known and change nothing. `decides_s`: how long a failing check may take to become
    a FAULT, as keepalived and its files tell; None: they do not. `live`: VRRP instance -> what keepalived
    runs with; without those of which it does not tell.
    """

    upstreams: Mapping[str, Upstream] = field(default_factory=dict)
    unloaded: Mapping[str, Unloaded] = field(default_factory=dict)
    answers_itself: tuple[str, ...] = ()
    current: frozenset[str] = frozenset()
    checks: tuple[tuple[str, ...], ...] = ()
    decides_s: float | None = None
    live: Mapping[str, LiveVrrp] = field(default_factory=dict)
