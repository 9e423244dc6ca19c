"""What the metrics are read from: a state, what the rules said of it, and the time. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from iamops.model.facts import HostReport, LinkState, ProbeReport, Severity, VrrpReport, VrrpState
from iamops.model.observed import Freshness, Known, Observed, Unknown, freshness
from iamops.model.state import PUBLIC, ClusterState, NodeState
from iamops.model.vip import ownership

Value = tuple[Mapping[str, str], float | None]
"""Labels and a value; None is not known."""


class CountedFinding(Protocol):
    """What a metric needs of a finding."""

    @property
    def code(self) -> str: ...
    @property
    def severity(self) -> Severity: ...
    @property
    def node(self) -> str | None: ...
    @property
    def explains(self) -> Sequence[CountedFinding]: ...


@dataclass(frozen=True, slots=True)
class MetricsSnapshot:
    """One look. Of a node that has not been heard for too long nothing is known any more."""

    state: ClusterState
    findings: tuple[CountedFinding, ...]
    now: float

    def hears(self, node: str) -> bool:
        return self.state.nodes[node].freshness(self.now) is not Freshness.UNKNOWN

    def unsilenced(self) -> Iterator[NodeState]:
        return (node for node in self.state.nodes.values() if self.hears(node.name))


# One reader for each metric: labels and values from a sight, None where nothing is known. Pure.

CLASSES = ("1xx", "2xx", "3xx", "4xx", "5xx")
CLIENT_CADENCE_S = 1.0
Read = Callable[[MetricsSnapshot], Iterator[Value]]


# --- links ---


def link_up(sight: MetricsSnapshot) -> Iterator[Value]:
    """A link that is being made is neither up nor down."""
    for node in sight.state.nodes.values():
        if node.link.state is not LinkState.CONNECTING:
            yield {"node": node.name}, node.link.state is LinkState.UP


def last_event_age(sight: MetricsSnapshot) -> Iterator[Value]:
    for node in sight.state.nodes.values():
        if node.last_event_at is not None:
            yield {"node": node.name}, max(0.0, sight.now - node.last_event_at)


# --- the VIP and VRRP ---


def vip_owner(sight: MetricsSnapshot) -> Iterator[Value]:
    """Nothing of a node that is not seen, or whose last word is older than another node's takeover."""
    for name, vrrp in sight.state.profile.vrrp.items():
        seen = ownership(sight.state, name, sight.now)
        owners = {claim.node for claim in seen.owners}
        doubtful = {*seen.unseen, *(claim.node for claim in seen.outdated)}
        for node in sight.state.nodes:
            labels = {"vrrp_instance": name, "vip": vrrp.address, "node": node}
            yield labels, None if node in doubtful else node in owners


def vip_owners(sight: MetricsSnapshot) -> Iterator[Value]:
    """No owner in sight is no owner at all only if every node is in sight."""
    for name, vrrp in sight.state.profile.vrrp.items():
        seen = ownership(sight.state, name, sight.now)
        told = None if seen.unseen and not seen.owners else len(seen.owners)
        yield {"vrrp_instance": name, "vip": vrrp.address}, told


def vip_moves(sight: MetricsSnapshot) -> Iterator[Value]:
    for name, vrrp in sight.state.profile.vrrp.items():
        yield {"vrrp_instance": name, "vip": vrrp.address}, sight.state.move_counts.get(name, 0)


def last_move(sight: MetricsSnapshot) -> Iterator[Value]:
    latest = {move.instance: move.at for move in sight.state.moves}
    for name, vrrp in sight.state.profile.vrrp.items():
        yield {"vrrp_instance": name, "vip": vrrp.address}, latest.get(name)


def _vrrp(sight: MetricsSnapshot) -> Iterator[tuple[dict[str, str], VrrpReport]]:
    for node in sight.unsilenced():
        for name, seen in node.vrrp.items():
            if isinstance(seen, Known):
                yield {"vrrp_instance": name, "node": node.name}, seen.value


def vrrp_state(sight: MetricsSnapshot) -> Iterator[Value]:
    for labels, report in _vrrp(sight):
        for state in VrrpState:
            yield {**labels, "state": str(state)}, state is report.state


def vrrp_priority(sight: MetricsSnapshot) -> Iterator[Value]:
    return ((labels, report.priority) for labels, report in _vrrp(sight))


def vrrp_effective_priority(sight: MetricsSnapshot) -> Iterator[Value]:
    return ((labels, report.effective_priority) for labels, report in _vrrp(sight))


# --- units and probes ---


def unit_active(sight: MetricsSnapshot) -> Iterator[Value]:
    for node in sight.unsilenced():
        for unit, seen in node.units.items():
            yield {"node": node.name, "unit": unit}, None if isinstance(seen, Unknown) else seen.value.running


def _http(sight: MetricsSnapshot) -> Iterator[tuple[dict[str, str], Observed[ProbeReport]]]:
    """`kind` keeps a domain and a service of the same name apart."""
    for node in sight.state.nodes.values():
        own = [("domain", name, node.name, seen) for name, seen in node.domains.items()]
        own += [("service", name, node.name, seen) for name, seen in node.services.items()]
        peers = [
            ("service", name, peer, seen)
            for name, views in node.from_peers.items()
            for peer, seen in views.items()
        ]
        for kind, name, observer, seen in (*own, *peers):
            if sight.hears(observer):
                yield {"node": node.name, "observer": observer, "kind": kind, "target": name}, seen


def _client(sight: MetricsSnapshot) -> Iterator[tuple[dict[str, str], Observed[ProbeReport]]]:
    profile = sight.state.profile
    for name, seen in sight.state.client.items():
        address = profile.vrrp[name].address if name in profile.vrrp else str(profile.public_address)
        if _client_fresh(seen, sight.now):
            yield {"target": name if name in profile.vrrp else PUBLIC, "address": address}, seen


def _client_fresh(seen: Observed[ProbeReport], now: float) -> bool:
    return freshness(seen.at, now, max(CLIENT_CADENCE_S, seen.every_s)) is not Freshness.UNKNOWN


def _datastores(sight: MetricsSnapshot) -> Iterator[tuple[dict[str, str], Observed[ProbeReport]]]:
    for store, views in sight.state.datastores.items():
        for observer, seen in views.items():
            if sight.hears(observer):
                yield {"datastore": store, "from": observer}, seen


Probed = Callable[[MetricsSnapshot], Iterator[tuple[dict[str, str], Observed[ProbeReport]]]]


def _success(probed: Probed) -> Read:
    def read(sight: MetricsSnapshot) -> Iterator[Value]:
        return ((labels, None if isinstance(seen, Unknown) else seen.value.ok) for labels, seen in probed(sight))

    return read


def _duration(probed: Probed) -> Read:
    def read(sight: MetricsSnapshot) -> Iterator[Value]:
        for labels, seen in probed(sight):
            if isinstance(seen, Known):
                yield labels, _scaled(seen.value.latency_ms, 1000)

    return read


http_success, http_duration = _success(_http), _duration(_http)
client_success, client_duration = _success(_client), _duration(_client)
datastore_success, datastore_duration = _success(_datastores), _duration(_datastores)


# --- requests ---


def requests(sight: MetricsSnapshot) -> Iterator[Value]:
    for node in sight.unsilenced():
        if isinstance(node.requests, Known):
            yield {"node": node.name}, node.requests.value.total


def responses(sight: MetricsSnapshot) -> Iterator[Value]:
    """Every class, so that the first 5xx is an increase. What is no class of HTTP is `other`."""
    for node in sight.unsilenced():
        if isinstance(node.requests, Unknown):
            continue
        counts = node.requests.value.by_class
        for each in CLASSES:
            yield {"node": node.name, "code_class": each}, counts.get(each, 0)
        odd = sum(number for each, number in counts.items() if each not in CLASSES)
        yield {"node": node.name, "code_class": "other"}, odd


def unparsed(sight: MetricsSnapshot) -> Iterator[Value]:
    for node in sight.unsilenced():
        if isinstance(node.requests, Known):
            yield {"node": node.name}, node.requests.value.unparsed


# --- the machine and its files ---


def _host(pick: Callable[[HostReport], float | None], divisor: float = 1) -> Read:
    def read(sight: MetricsSnapshot) -> Iterator[Value]:
        for node in sight.unsilenced():
            if isinstance(node.host, Known):
                yield {"node": node.name}, _scaled(pick(node.host.value), divisor)

    return read


load1 = _host(lambda host: host.load1)
memory = _host(lambda host: host.memory_used_pct, 100)
disk = _host(lambda host: host.disk_used_pct, 100)
clock_offset = _host(lambda host: host.clock_offset_ms, 1000)
clock_uncertainty = _host(lambda host: host.clock_uncertainty_ms, 1000)


def drift(sight: MetricsSnapshot) -> Iterator[Value]:
    for node in sight.unsilenced():
        if isinstance(node.config, Known):
            yield {"node": node.name}, len(node.config.value.differing)


# --- what the rules say, and what nobody can tell ---


def findings(sight: MetricsSnapshot) -> Iterator[Value]:
    return _counted(sight.findings)


def explained(sight: MetricsSnapshot) -> Iterator[Value]:
    return _counted(list(_below(sight.findings)))


def _counted(said: Iterable[CountedFinding]) -> Iterator[Value]:
    counts = Counter((each.code, str(each.severity), each.node or "") for each in said)
    for (code, severity, node), number in sorted(counts.items()):
        named = {"node": node} if node else {}
        yield {"code": code, "severity": severity, **named}, number


def _below(said: Sequence[CountedFinding]) -> Iterator[CountedFinding]:
    for each in said:
        yield from each.explains
        yield from _below(each.explains)


def unknown(sight: MetricsSnapshot) -> Iterator[Value]:
    for node in sight.state.nodes.values():
        blind = not sight.hears(node.name)
        for what, values in _promised(sight, node).items():
            yield {"node": node.name, "what": what}, sum(blind or isinstance(seen, Unknown) for seen in values)
    lost = [s for s in sight.state.client.values() if isinstance(s, Unknown) or not _client_fresh(s, sight.now)]
    yield {"what": "client"}, len(lost)


def _promised(sight: MetricsSnapshot, node: NodeState) -> dict[str, list[Observed[Any]]]:
    """What this node is asked for, and what it is asked to see of others."""
    others = [n for n in sight.state.nodes.values() if n is not node]
    return {
        "addresses": [node.addresses],
        "vrrp": list(node.vrrp.values()),
        "units": list(node.units.values()),
        "domains": list(node.domains.values()),
        "services": list(node.services.values()),
        "peers": [v[node.name] for n in others for v in n.from_peers.values() if node.name in v],
        "datastores": [v[node.name] for v in sight.state.datastores.values() if node.name in v],
        "requests": [node.requests],
        "host": [node.host],
        "config": [node.config],
    }


def _scaled(value: float | None, divisor: float) -> float | None:
    return None if value is None else value / divisor
