"""What an inspection found, as frozen values. Each part has the time it was read, or the reason why it was not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum

from iamops.model.config import DaemonCheck
from iamops.model.observed import Known, Observed, Unknown
from iamops.model.traffic import Traffic


class JournalEventKind(StrEnum):
    """What a line of the journal reports, as far as a rule asks for it."""

    ENTERED = "entered a state"
    SCRIPT_UNRUNNABLE = "script cannot be run"
    SCRIPT_REFUSED = "script is refused"
    SCRIPT_TIMED_OUT = "script timed out"
    SCRIPT_FAILED = "script failed"
    SCRIPT_PASSED = "script passed"
    FOREIGN_ADVERT = "advert that is not the peer's"
    STARTED = "started"
    STOPPED = "stopped"
    CRASHED = "crashed"


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One telling line of the journal. `at`: epoch s of the node's clock; `subject`: instance, script or unit.

    `text` is the line, sanitised.
    """

    at: float
    unit: str
    kind: JournalEventKind
    subject: str
    text: str


class ComplaintKind(StrEnum):
    """What a daemon complains of in its journal or log, as far as a rule asks for it."""

    HIGHER_PRIORITY = "advert of a higher priority"
    LOWER_PRIORITY = "advert of a second master"
    STARVED = "timer expired"
    CANNOT_SEND = "advert cannot be sent"
    ADDRESS_REMOVED = "VIP removed"
    SCRIPT_DISABLED = "script disabled"
    LINK_LOST = "interface lost"
    NO_LIVE_UPSTREAMS = "no live upstreams"
    UPSTREAM_TIMED_OUT = "upstream timed out"
    UPSTREAM_REFUSED = "upstream refused"
    UPSTREAM_CLOSED = "upstream closed"
    HOST_NOT_FOUND = "host not found"
    WORKER_DIED = "worker died"
    OPEN_FILES = "too many open files"
    PORT_TAKEN = "port taken"
    START_LIMIT = "start limit"
    OUT_OF_MEMORY = "out of memory"
    STOP_TIMED_OUT = "stop timed out"
    MARIADB_REFUSES = "MariaDB refuses writes"
    REDIS_REFUSES = "Redis refuses writes"
    MONGODB_REFUSES = "MongoDB refuses writes"


@dataclass(frozen=True, slots=True)
class DaemonComplaint:
    """A daemon's own complaint. `about`: an address, an instance, a script; `times`: epoch s of the node's clock,
    oldest first; `text`: the last such line, sanitised; `means`: what it says to an operator.
    """

    kind: ComplaintKind
    unit: str
    about: str
    times: tuple[float, ...]
    text: str
    means: str


@dataclass(frozen=True, slots=True)
class OwnRun:
    """What a run of iamops has left in a node's journal: `switchover begins by colin from host`. Node's clock."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class JournalInspection:
    """The journal's entries that matter, oldest first. `since`: from when on it was read, by the node's clock."""

    entries: tuple[JournalEntry, ...] = ()
    since: float | None = None
    complaints: tuple[DaemonComplaint, ...] = ()
    runs: tuple[OwnRun, ...] = ()


@dataclass(frozen=True, slots=True)
class ErrorLogInspection:
    """nginx's error log: what stands in its tail. `exhausted`: when worker connections were not enough, node's
    clock; `turned_away`: when clients were turned away for that. `sample` is the last such line.
    """

    exhausted: tuple[float, ...] = ()
    turned_away: tuple[float, ...] = ()
    sample: str = ""
    lines: int = 0
    complaints: tuple[DaemonComplaint, ...] = ()


@dataclass(frozen=True, slots=True)
class FileStamp:
    """A file on a node by stat(1). `changed_at`: epoch s of the node's clock."""

    path: str
    mode: int
    owner: str
    size: int
    changed_at: float


@dataclass(frozen=True, slots=True)
class Filesystem:
    """A mounted file system: percent of its space and of its inodes in use; None where it does not count them."""

    mount: str
    space_pct: float | None = None
    inodes_pct: float | None = None


@dataclass(frozen=True, slots=True)
class NodeInspection:
    """The inspection of one node. `files`: path -> stamp of every file that was asked for and is there;
    `loaded`: unit -> when it last read its files, node's clock; `macs`: interface -> hardware address;
    `services`: what the services complain of; `checks`: the daemons' own tests of the files.
    """

    node: str
    journal: Observed[JournalInspection] = field(default_factory=Unknown)
    nginx_errors: Observed[ErrorLogInspection] = field(default_factory=Unknown)
    files: Observed[Mapping[str, FileStamp]] = field(default_factory=Unknown)
    loaded: Observed[Mapping[str, float]] = field(default_factory=Unknown)
    filesystems: Observed[tuple[Filesystem, ...]] = field(default_factory=Unknown)
    macs: Observed[Mapping[str, str]] = field(default_factory=Unknown)
    checks: Observed[tuple[DaemonCheck, ...]] = field(default_factory=Unknown)
    services: Observed[tuple[DaemonComplaint, ...]] = field(default_factory=Unknown)

    @property
    def any(self) -> bool:
        return any(isinstance(getattr(self, part.name), Known) for part in fields(self))

    @classmethod
    def blind(cls, node: str, reason: str) -> NodeInspection:
        lost = Unknown(reason)
        return cls(node, lost, lost, lost, lost, lost, lost, lost, lost)


@dataclass(frozen=True, slots=True)
class TrafficInspection:
    """A node's requests by slot (epoch s, node's clock). `unavailable`: why it does not name the backends."""

    slots: Mapping[int, Traffic]
    slot_s: int
    since: float
    until: float
    unavailable: str = ""


@dataclass(frozen=True, slots=True)
class Inspection:
    """The inspections of all nodes. `neighbours`: address -> hardware address, as this machine knows them."""

    nodes: Mapping[str, NodeInspection] = field(default_factory=dict)
    neighbours: Observed[Mapping[str, str]] = field(default_factory=Unknown)
    traffic: Mapping[str, Observed[TrafficInspection]] = field(default_factory=dict)
