"""Events: the only way anything enters the cluster state. Each says when, from which node, and what."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from iamops.model.facts import (
    ConfigReport,
    HostReport,
    Link,
    ProbeReport,
    RequestCount,
    SafetyReport,
    Severity,
    TlsReport,
    UnitReport,
    VrrpReport,
    VrrpState,
)
from iamops.model.observed import Unknown
from iamops.model.running import FilesReport


class Source(StrEnum):
    """A collector on one node; the thing that can be lost while the link is up."""

    ADDRESSES = "addresses"
    JOURNAL = "journal"
    VRRP = "vrrp"
    UNITS = "units"
    REQUESTS = "requests"
    HEALTH = "health"
    PEERS = "peers"
    STORES = "stores"
    CERTIFICATES = "certificates"
    HOST = "host"
    SAFETY = "safety"


class Target(StrEnum):
    """What an HTTP probe asked: a domain through nginx, or a service at its own port."""

    DOMAIN = "domain"
    SERVICE = "service"


@dataclass(frozen=True, slots=True)
class _OfNode:
    """When, in session time, and from which node."""

    at: float
    node: str


@dataclass(frozen=True, slots=True)
class LinkChanged(_OfNode):
    """The SSH link of a node came up or went down."""

    link: Link


@dataclass(frozen=True, slots=True)
class AddressesListed(_OfNode):
    """A whole snapshot of the kernel's addresses (without prefix lengths)."""

    addresses: frozenset[str]


@dataclass(frozen=True, slots=True)
class AddressChanged(_OfNode):
    """One address came to or left the node's kernel. `node_at`: by the node's own clock, where known."""

    address: str
    present: bool
    node_at: float | None = None


@dataclass(frozen=True, slots=True)
class VrrpReported(_OfNode):
    """keepalived's own account of one instance, from a dump."""

    instance: str
    report: VrrpReport


@dataclass(frozen=True, slots=True)
class VrrpTransition(_OfNode):
    """keepalived logged that an instance entered a state. `node_at`: the journal's own time.

    `history`: lines from before the console watched; `no_dump`: why keepalived could not be asked.
    """

    instance: str
    state: VrrpState
    node_at: float | None = None
    history: bool = False
    no_dump: str = ""


@dataclass(frozen=True, slots=True)
class KeepalivedAsked(_OfNode):
    """A running keepalived was asked for its dump. `silence`: how it did not answer, in words; empty: it did."""

    silence: str


@dataclass(frozen=True, slots=True)
class UnitReported(_OfNode):
    """systemd's account of one unit."""

    unit: str
    report: UnitReport


@dataclass(frozen=True, slots=True)
class HttpProbed(_OfNode):
    """A probe of a domain or service on `node`, made from `observer` (the node itself, or a peer).

    Here and in other probes: `every_s`: within how many seconds the next one is promised; `report`: Unknown where
    we could not make anything of what came back.
    """

    observer: str
    target: Target
    name: str
    report: ProbeReport | Unknown
    every_s: float = 0.0


@dataclass(frozen=True, slots=True)
class DatastoreProbed(_OfNode):
    """A datastore greeted (or did not greet) a connection made from `node`."""

    datastore: str
    report: ProbeReport | Unknown
    every_s: float = 0.0


@dataclass(frozen=True, slots=True)
class PortProbed(_OfNode):
    """Whether a port of the node, which a service there needs, takes a connection made on the node."""

    port: int
    report: ProbeReport | Unknown
    every_s: float = 0.0


@dataclass(frozen=True, slots=True)
class TlsProbed(_OfNode):
    """A TLS handshake with a port of the node, made on the node."""

    port: int
    report: TlsReport | Unknown
    every_s: float = 0.0


@dataclass(frozen=True, slots=True)
class RequestsCounted(_OfNode):
    """Absolute request counts of the node's access log."""

    count: RequestCount


@dataclass(frozen=True, slots=True)
class HostReported(_OfNode):
    """What the machine under a node says of itself."""

    report: HostReport


@dataclass(frozen=True, slots=True)
class SafetyReported(_OfNode):
    """Armed undos, lock and track files of a node."""

    report: SafetyReport


@dataclass(frozen=True, slots=True)
class ConfigCompared(_OfNode):
    """A node's files were compared with the profile; `reason` says why that could not be done."""

    report: ConfigReport | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class FilesExamined(_OfNode):
    """A node's files were read for what they would do; `reason` says why that could not be done."""

    report: FilesReport | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ClientProbed:
    """What a client on the operator's machine saw at an instance's VIP."""

    at: float
    instance: str
    report: ProbeReport | Unknown
    every_s: float = 0.0


@dataclass(frozen=True, slots=True)
class NodeHeard(_OfNode):
    """A command on the node answered and nothing is new: what its streams have shown still holds."""


@dataclass(frozen=True, slots=True)
class SourceLost(_OfNode):
    """A collector cannot see its values, though the link is up: they are unknown, for this reason.

    `flood`: because more came than can be taken in.
    """

    source: Source
    reason: str
    flood: bool = False


@dataclass(frozen=True, slots=True)
class Remembered:
    """One line of what a journal or the ledger remembers, `source` says which. `text` is sanitised."""

    at: float
    node: str | None
    severity: Severity
    text: str
    source: str


@dataclass(frozen=True, slots=True)
class Recalled:
    """All that is remembered from before the console watched, oldest first; replaces what was recalled before."""

    at: float
    lines: tuple[Remembered, ...]


@dataclass(frozen=True, slots=True)
class Noticed:
    """Something worth a line in the event list. `text` is sanitised."""

    at: float
    node: str | None
    severity: Severity
    text: str


@dataclass(frozen=True, slots=True)
class PartReported:
    """A part of iamops itself has failed and is begun again, or stands still. No reason: it is well again."""

    at: float
    part: str
    node: str | None
    reason: str
    still: bool = False


NodeEvent = (
    LinkChanged | AddressesListed | AddressChanged | VrrpReported | VrrpTransition | KeepalivedAsked
    | UnitReported | HttpProbed | DatastoreProbed | PortProbed | TlsProbed | RequestsCounted
    | HostReported | SafetyReported | ConfigCompared | FilesExamined | NodeHeard | SourceLost
)  # fmt: skip
Event = NodeEvent | ClientProbed | Noticed | PartReported | Recalled
