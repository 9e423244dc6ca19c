"""What nginx does with its backends by its files, and what a daemon would load from them now. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from iamops.model.profile import Node, VrrpInstance

# What keepalived on a node is really running with, by its own dump. Times in seconds.


@dataclass(frozen=True, slots=True)
class ClockOffset:
    """A node's clock minus ours, in ms, and how well that is known."""

    offset_ms: float
    uncertainty_ms: float


@dataclass(frozen=True, slots=True)
class LiveCheck:
    """A tracked vrrp_script. With `weight` 0 a failure is a FAULT; any other changes the priority instead."""

    name: str
    interval_s: float
    timeout_s: float
    rise: int
    fall: int
    weight: int = 0


@dataclass(frozen=True, slots=True)
class LiveVrrp:
    """One instance. `notify` are the states for which a script is run. `assumed`: from the profile, because
    the daemon does not print it. `nopreempt` None: not known. `checks` None: it tracks some, and it is not known
    how they run; () means none. `preempt_delay_s`: how long it waits beside a master of a lower priority.
    """

    instance: str
    priority: int
    advert_interval_s: float
    nopreempt: bool | None
    virtual_router_id: int
    version: int = 2
    checks: tuple[LiveCheck, ...] | None = ()
    notify: tuple[str, ...] = ()
    assumed: bool = False
    preempt_delay_s: float = 0.0

    @property
    def known_checks(self) -> tuple[LiveCheck, ...]:
        """The checks, of an instance whose checks are known or come from the profile."""
        if self.checks is None:
            raise ValueError(f"the checks of {self.instance} are not known")
        return self.checks

    def changes(self, after: LiveVrrp) -> tuple[str, ...]:
        named = (
            ("priority", self.priority, after.priority),
            ("advert_int", f"{self.advert_interval_s:g} s", f"{after.advert_interval_s:g} s"),
            ("nopreempt", self.nopreempt, after.nopreempt),
            ("preempt_delay", f"{self.preempt_delay_s:g} s", f"{after.preempt_delay_s:g} s"),
            ("virtual_router_id", self.virtual_router_id, after.virtual_router_id),
            ("version", self.version, after.version),
            ("checks", _words(self.checks), _words(after.checks)),
            ("notify", sorted(self.notify), sorted(after.notify)),
        )
        return tuple(f"{name} {then} instead of {was}" for name, was, then in named if was != then)

    @classmethod
    def of_profile(cls, vrrp: VrrpInstance, node: Node) -> LiveVrrp:
        check = vrrp.check
        return cls(
            instance=vrrp.name,
            priority=vrrp.priority_of(node),
            advert_interval_s=vrrp.advert_interval_s,
            nopreempt=vrrp.nopreempt,
            virtual_router_id=vrrp.virtual_router_id,
            version=vrrp.version,
            checks=(LiveCheck("check", check.interval_s, check.timeout_s, check.rise, check.fall),),
            notify=("BACKUP", "MASTER", "FAULT", "STOP"),
            assumed=True,
        )


def _words(checks: tuple[LiveCheck, ...] | None) -> str:
    if checks is None:
        return "not told"
    found: list[str] = []
    for check in checks:
        weight = f", weight {check.weight}" if check.weight else ""
        found.append(f"{check.name} every {check.interval_s:g} s, rise {check.rise}, fall {check.fall}{weight}")
    return ", ".join(found) or "none"


# nginx's defaults for a server of an upstream (ngx_http_upstream_module).
MAX_FAILS = 1
FAIL_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class UpstreamServer:
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
    in turn (round robin with equal weights).

    `beside`: where requests for some of its paths go instead. `unclear`: where they go to somebody whom the files
    do not name, each with file and line.
    """

    servers: tuple[UpstreamServer, ...]
    shared: bool = False
    even: bool = True
    beside: tuple[Upstream, ...] = ()
    unclear: tuple[str, ...] = ()

    @property
    def parts(self) -> tuple[Upstream, ...]:
        """Each place where some of the domain's requests go."""
        return tuple(upstream for upstream in (self, *self.beside) if upstream.servers)


@dataclass(frozen=True, slots=True)
class Unloaded:
    """What is on a node's disk and not in its daemon, each as a sentence.

    `conflicts`: what would make two masters, or send requests nowhere. `differences`: settings of VRRP that would
    become others. `pending`: what a reload is for. `unknown`: what may be there, and could not be compared with
    what runs. `unseen`: what could not be compared with anything else. `files`: those that the daemon has not
    loaded as they are, or may not have.
    """

    differences: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    pending: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()
    files: tuple[str, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class FilesReport:
    """What a node's files do. `upstreams` by domain; `unloaded` by unit; `answers_itself`: hosts that need no
    backend. `current`: units that run with exactly these files. `checks`: commands that ask what keepalived's
    checks ask, where those are known and change nothing. `decides_s`: how long a failing check may take to become
    a FAULT, as keepalived and its files tell; None: they do not. `live`: VRRP instance -> what keepalived
    runs with, or would if it is stopped; without those of which nothing tells. Plans ask `plan/vrrp_timing.py`.
    `reads_nginx`: nginx's own file could be read; without it no upstreams is no statement.
    """

    upstreams: Mapping[str, Upstream] = field(default_factory=dict)
    unloaded: Mapping[str, Unloaded] = field(default_factory=dict)
    answers_itself: tuple[str, ...] = ()
    current: frozenset[str] = frozenset()
    checks: tuple[tuple[str, ...], ...] = ()
    decides_s: float | None = None
    live: Mapping[str, LiveVrrp] = field(default_factory=dict)
    reads_nginx: bool = True
