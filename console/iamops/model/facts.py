"""What collectors learn about a node, as frozen values. Times are epoch seconds unless named otherwise."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class LinkState(StrEnum):
    CONNECTING = "connecting"
    UP = "up"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class Link:
    """The SSH link: `reason` says why it is not up, `next_step` what a person can do about it. `login_s`: how long
    it took to come up.
    """

    state: LinkState = LinkState.CONNECTING
    since: float | None = None
    kind: str | None = None
    reason: str | None = None
    next_step: str | None = None
    login_s: float | None = None


class VrrpState(StrEnum):
    """RFC 5798 section 6.4, plus keepalived's own FAULT."""

    INIT = "INIT"
    BACKUP = "BACKUP"
    MASTER = "MASTER"
    FAULT = "FAULT"
    STOP = "STOP"


@dataclass(frozen=True, slots=True)
class VrrpReport:
    """One VRRP instance as keepalived itself sees it. `source` is `json`, `data` or `journal`.

    `no_dump`: why keepalived could not be asked when it was last tried; empty where it was.
    """

    state: VrrpState
    source: str
    priority: int | None = None
    effective_priority: int | None = None
    last_transition: float | None = None
    master_priority: int | None = None
    no_dump: str = ""


@dataclass(frozen=True, slots=True)
class UnitReport:
    """A systemd unit: `active` and `sub` are systemd's ActiveState and SubState.

    `restart_delay_s`: how long after it has ended systemd starts it anew; None where it does not. Of one that does
    not start: `exits`, how and how often its starts ended, and `reason`, its own line about it; empty where they
    are not known.
    """

    active: str
    sub: str = ""
    restarts: int | None = None
    main_pid: int | None = None
    restart_delay_s: float | None = None
    exits: str = ""
    reason: str = ""

    @property
    def failing(self) -> bool:
        """It was to run and does not; one that was stopped in order is none."""
        return not self.running and (self.active == "failed" or self.sub == "auto-restart")

    @property
    def running(self) -> bool:
        return self.active in ("active", "reloading")

    @property
    def stopped(self) -> bool:
        """systemd has ended it and leaves it so. A unit between two crashes is neither running nor stopped."""
        return self.active in ("inactive", "failed")


class ProbeOutcome(StrEnum):
    """What came of one request or greeting."""

    OK = "ok"
    BAD_ANSWER = "bad answer"
    REFUSED = "refused"
    TIMEOUT = "timeout"
    CLOSED = "closed"
    HOST_NOT_ALLOWED = "host not allowed"
    TOO_MANY_CONNECTIONS = "too many connections"
    WRITE_ERRORS = "refuses writes"
    NO_ROUTE = "no route"


@dataclass(frozen=True, slots=True)
class ProbeReport:
    """One health probe. `status` is the HTTP status where there was one; `detail` is sanitised text.

    `accepted`: a connection was made and nothing came. `host`: the domain that a client asked for.
    """

    outcome: ProbeOutcome
    latency_ms: float | None = None
    status: int | None = None
    detail: str = ""
    answered_by: str | None = None
    accepted: bool = False
    host: str = ""

    @property
    def ok(self) -> bool:
        return self.outcome is ProbeOutcome.OK


@dataclass(frozen=True, slots=True)
class RequestCount:
    """Requests in the access log as it was when counting began, and every one since, over its rotations.

    `by_class` maps `2xx` ... `5xx` to counts.

    `probes` of the `total` say that they are health checks of the console, which anybody can say.
    `unparsed` are lines that are not in the log's format: not in the total.
    """

    total: int
    by_class: Mapping[str, int] = field(default_factory=dict)
    probes: int = 0
    unparsed: int = 0


@dataclass(frozen=True, slots=True)
class HostReport:
    """The machine: memory and disk in percent used; clock offset = node clock minus ours, in ms."""

    load1: float | None = None
    memory_used_pct: float | None = None
    disk_used_pct: float | None = None
    clock_offset_ms: float | None = None
    clock_uncertainty_ms: float | None = None


@dataclass(frozen=True, slots=True)
class LockHolder:
    """Who holds a node: as they call themselves, from which address as the node saw it, since when."""

    who: str
    origin: str
    since: float
    action: str
    run: str = ""


@dataclass(frozen=True, slots=True)
class ConfigReport:
    """A node's managed files against the profile: the paths that differ, missing ones included."""

    differing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SafetyReport:
    """What actions need and leave on a node: armed undos, a lock, track files.

    `dead_men` are the undos' names; `track_files` are the instances whose priority can be raised. Beyond what
    is read of either, the last entry says how many more there are.
    """

    dead_men: tuple[str, ...] = ()
    lock: LockHolder | None = None
    track_files: tuple[str, ...] = ()


class Severity(StrEnum):
    """How loud a notice or a finding is."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


# The worst first.
RANK = {Severity.CRITICAL: 0, Severity.WARNING: 1, Severity.INFO: 2}


# A port's TLS handshake: its certificate, and whether a client that checks would take it.


@dataclass(frozen=True, slots=True)
class Certificate:
    """`names`: the DNS names and addresses that it is for, to compare with; `shown`: for people, without secrets.

    Times in epoch seconds.
    """

    subject: str
    issuer: str
    not_before: float
    not_after: float
    names: tuple[str, ...]
    shown: str = "no name"

    def is_for(self, name: str) -> bool:
        """As RFC 6125 has it: a wildcard stands for one whole label, the first; an address only for itself."""
        wanted = _address(name)
        if wanted is not None:
            return any(_address(own) == wanted for own in self.names)
        label, _, rest = name.lower().rstrip(".").partition(".")
        fitting = (f"{label}.{rest}".rstrip("."), f"*.{rest}")
        return any(own.lower().rstrip(".") in fitting for own in self.names)


@dataclass(frozen=True, slots=True)
class TlsReport:
    """A handshake with a port. `probe`: how it went; `certificate`: what it showed.

    `untrusted`: why the profile's CA does not vouch for it, empty where it does. `unasked`: why nobody asked.
    """

    probe: ProbeReport
    certificate: Certificate | None = None
    untrusted: str = ""
    unasked: str = ""


def _address(name: str) -> str | None:
    try:
        return ipaddress.ip_address(name).compressed
    except ValueError:
        return None
