"""The cluster as observed: one immutable value, replaced by the reducer, read by everyone else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from iamops.model.facts import (
    ConfigReport,
    HostReport,
    Link,
    LinkState,
    ProbeReport,
    RequestCount,
    SafetyReport,
    Severity,
    TlsReport,
    UnitReport,
    VrrpReport,
)
from iamops.model.observed import Freshness, Observed, Unknown, freshness, is_pending
from iamops.model.profile import Profile
from iamops.model.running import FilesReport
from iamops.model.timestamps import calendar_time
from iamops.model.traffic import mean_rate

PUBLIC = "public"
NOTICES_KEPT = 200
NOT_WATCHED = "the profile has no such unit there"
# Rates in words are means of so long.
RATE_WINDOW_S = 10.0
# No machine of a pair has so many addresses: more are a flood.
ADDRESSES_MOST = 1024


@dataclass(frozen=True, slots=True)
class Notice:
    """One line of the event list. `source`: who remembers it; empty for what was seen as it happened."""

    at: float
    node: str | None
    severity: Severity
    text: str
    source: str = ""


@dataclass(frozen=True, slots=True)
class VipMove:
    """A VIP that came to another node while the console watched. `previous` held it before; `unheard`: nothing
    came from it since, and it may still hold it.
    """

    at: float
    instance: str
    previous: str
    node: str
    unheard: bool = False


@dataclass(frozen=True, slots=True)
class Contest:
    """A VIP that several nodes were last seen to hold, from `since` on. `before` held it first.

    `split`: so it has been for longer than a handover takes. `found`: it was so when the console began to watch.
    """

    instance: str
    nodes: tuple[str, ...]
    since: float
    before: str | None
    found: bool = False
    split: bool = False


@dataclass(frozen=True, slots=True)
class Split:
    """A split brain: `nodes` held one VIP at once. `ended_at` is None while they do; then `left` has it.

    `astray` of them hold it although keepalived there is not MASTER; `unheard` ones were not seen to let go.
    """

    instance: str
    nodes: tuple[str, ...]
    since: float
    found: bool = False
    astray: tuple[str, ...] = ()
    ended_at: float | None = None
    left: tuple[str, ...] = ()
    unheard: tuple[str, ...] = ()
    before: str | None = None


@dataclass(frozen=True, slots=True)
class PartFailure:
    """A part of iamops itself that fails, since when and how often; `still`: it does not go on at all.

    `node`: whose values it brings, if it is one node's.
    """

    part: str
    node: str | None
    since: float
    at: float
    reason: str
    count: int = 1
    still: bool = False


@dataclass(frozen=True, slots=True)
class Flooded:
    """When a source last sent more than can be taken in, and what."""

    at: float
    reason: str


@dataclass(frozen=True, slots=True)
class NodeState:
    """Everything known of one node. `last_event_at` is when anything last arrived from it.

    `addresses` maps each kernel address to the time it was first seen there; those of `listed_at`, when
    they were first listed, were there before.
    `samples` are (at, total requests) pairs, oldest first, for rates and sparklines; `errors` the same
    for answers of class 5xx.
    `keepalived_silence`: how a running keepalived did not answer when it was asked; empty: it answered.
    `floods`: the sources that have ever sent more than can be taken in.
    `from_peers` maps service -> observing peer -> probe. `renewed`: when a service of the node was begun anew or
    answered well again; what others saw before is over. `ports` are those that services of the node need;
    `certificates` are what its services show on their TLS ports.
    """

    name: str
    link: Link = Link()
    last_event_at: float | None = None
    addresses: Observed[Mapping[str, float]] = Unknown()
    listed_at: float | None = None
    vrrp: Mapping[str, Observed[VrrpReport]] = field(default_factory=dict)
    keepalived_silence: Observed[str] = Unknown()
    units: Mapping[str, Observed[UnitReport]] = field(default_factory=dict)
    domains: Mapping[str, Observed[ProbeReport]] = field(default_factory=dict)
    services: Mapping[str, Observed[ProbeReport]] = field(default_factory=dict)
    from_peers: Mapping[str, Mapping[str, Observed[ProbeReport]]] = field(default_factory=dict)
    renewed: Mapping[str, float] = field(default_factory=dict)
    ports: Mapping[int, Observed[ProbeReport]] = field(default_factory=dict)
    certificates: Mapping[int, Observed[TlsReport]] = field(default_factory=dict)
    requests: Observed[RequestCount] = Unknown()
    samples: tuple[tuple[float, int], ...] = ()
    errors: tuple[tuple[float, int], ...] = ()
    host: Observed[HostReport] = Unknown()
    safety: Observed[SafetyReport] = Unknown()
    config: Observed[ConfigReport] = Unknown()
    files: Observed[FilesReport] = Unknown()
    floods: Mapping[str, Flooded] = field(default_factory=dict)

    def freshness(self, now: float) -> Freshness:
        return freshness(self.last_event_at, now)

    def unit(self, name: str) -> Observed[UnitReport]:
        """What systemd reports of it. Nobody asks about a unit that the profile does not have here."""
        return self.units.get(name, Unknown(NOT_WATCHED))

    def rate_per_s(self, now: float) -> float | None:
        """Mean requests per second, or None while there are too few samples."""
        if isinstance(self.requests, Unknown) or not self.samples:
            return None
        return mean_rate(self.samples, now, RATE_WINDOW_S)


@dataclass(frozen=True, slots=True)
class ClusterState:
    """The whole cluster. `datastores` maps datastore -> observing node -> probe.

    `moved_at` maps each VRRP instance to the time its VIP last came to a new owner, `lost_at` to the
    time a node last let go of it; `moves` are the latest moves from one owner to another, oldest first;
    `move_counts` counts them all, by instance. `contests` are VIPs that several nodes hold just now, by instance;
    `splits` the latest of them that were no handover, oldest first. `faults` are parts of iamops that fail.
    """

    profile: Profile
    nodes: Mapping[str, NodeState]
    datastores: Mapping[str, Mapping[str, Observed[ProbeReport]]]
    client: Mapping[str, Observed[ProbeReport]]
    moved_at: Mapping[str, float] = field(default_factory=dict)
    lost_at: Mapping[str, float] = field(default_factory=dict)
    last_owner: Mapping[str, str] = field(default_factory=dict)
    moves: tuple[VipMove, ...] = ()
    move_counts: Mapping[str, int] = field(default_factory=dict)
    contests: Mapping[str, Contest] = field(default_factory=dict)
    splits: tuple[Split, ...] = ()
    notices: tuple[Notice, ...] = ()
    faults: Mapping[str, PartFailure] = field(default_factory=dict)

    @classmethod
    def of(cls, profile: Profile) -> ClusterState:
        """Nothing observed yet: every value unknown, with every key the profile promises."""
        return cls(
            profile=profile,
            nodes={name: _nothing_seen(profile, name) for name in profile.nodes},
            datastores={store: {node: Unknown() for node in profile.nodes} for store in profile.datastores},
            client={name: Unknown() for name in client_views(profile)},
        )

    def with_notice(self, notice: Notice) -> ClusterState:
        """With one more line in the event list, in the order of time; the oldest gives way."""
        kept = self.notices[-(NOTICES_KEPT - 1) :]
        later = next((n for n, other in enumerate(reversed(kept)) if other.at <= notice.at), len(kept))
        place = len(kept) - later
        return replace(self, notices=(*kept[:place], notice, *kept[place:]))

    def with_recalled(self, recalled: tuple[Notice, ...]) -> ClusterState:
        """With these in the place of all that was recalled before, in the order of time; what was seen stays."""
        seen = tuple(notice for notice in self.notices if not notice.source)
        room = max(0, NOTICES_KEPT - len(seen))
        kept = recalled[-room:] if room else ()
        return replace(self, notices=tuple(sorted((*kept, *seen), key=lambda each: each.at)))


def client_views(profile: Profile) -> tuple[str, ...]:
    """What a client is asked about: every VRRP instance's VIP, and the public address if there is one."""
    return (*profile.vrrp, *([PUBLIC] if profile.public_address else []))


def pending(state: ClusterState) -> Iterator[str]:
    """Everything that was promised and neither seen nor given up on yet."""
    up = [node for node in state.nodes.values() if node.link.state is not LinkState.DOWN]
    for node in up:
        yield from (f"{node.name} {name}" for name, seen in _values(node) if is_pending(seen))
    speaking = {node.name for node in up}
    for node in up:
        for service, views in node.from_peers.items():
            peers = (peer for peer, seen in views.items() if is_pending(seen) and peer in speaking)
            yield from (f"{node.name} {service} from {peer}" for peer in peers)
    for store, views in state.datastores.items():
        yield from (f"{store} from {n}" for n, seen in views.items() if is_pending(seen) and n in speaking)
    yield from (f"client {name}" for name, seen in state.client.items() if is_pending(seen))


def _values(node: NodeState) -> Iterator[tuple[str, Observed[object]]]:
    yield "addresses", node.addresses
    yield "requests", node.requests
    yield "host", node.host
    yield "locks and timers", node.safety
    for group in (node.vrrp, node.units, node.domains, node.services):
        yield from group.items()
    yield from ((f"port {port}", seen) for port, seen in node.ports.items())
    yield from ((f"certificate of port {port}", seen) for port, seen in node.certificates.items())


def _nothing_seen(profile: Profile, node: str) -> NodeState:
    services = [s.name for s in profile.services.values() if s.runs_on(node)]
    peers = [peer.name for peer in profile.peers_of(node)]
    return NodeState(
        name=node,
        vrrp={name: Unknown() for name in profile.vrrp},
        units={unit: Unknown() for unit in profile.actionable_units_on(node)},
        domains={domain: Unknown() for domain in profile.domains},
        services={name: Unknown() for name in services},
        from_peers={name: {peer: Unknown() for peer in peers} for name in services},
        ports={port: Unknown() for port in profile.needed_ports_on(node)},
        certificates={port: Unknown() for port in profile.tls_ports_on(node)},
    )


# A time by a node's clock on ours, or why that is not known.


def on_our_clock(node: NodeState, at: float) -> float | Unknown:
    """Epoch seconds. An offset that is not larger than its own uncertainty is none."""
    if isinstance(node.host, Unknown):
        return Unknown(f"the clock of {node.name} cannot be compared with ours: {node.host.reason}")
    offset_ms, unsure_ms = node.host.value.clock_offset_ms, node.host.value.clock_uncertainty_ms
    if offset_ms is None:
        return Unknown(f"the clock of {node.name} cannot be compared with ours: the node does not tell its time")
    if unsure_ms is not None and abs(offset_ms) <= unsure_ms:
        return at
    ours = calendar_time(at - offset_ms / 1000)
    if ours is None:
        return Unknown(f"the clock of {node.name} tells no time: it is {offset_ms / 1000:.0f} s off ours")
    return ours
