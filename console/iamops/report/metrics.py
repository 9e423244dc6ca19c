"""What iamops knows of a cluster, in the formats that Prometheus reads. What is unknown has no sample. Pure.

Labels come from the profile and from our own words alone, so their number is bounded and nothing that a
node says can become one.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from prometheus_client import exposition
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics import exposition as openmetrics_exposition
from prometheus_client.registry import Collector

from iamops import __version__
from iamops.judge.findings import Finding
from iamops.model.facts import HostReport, LinkState, ProbeReport, RequestCount, VrrpReport, VrrpState
from iamops.model.observed import Freshness, Known, Observed, Unknown, freshness
from iamops.model.state import PUBLIC, ClusterState, NodeState
from iamops.model.text import HARMFUL
from iamops.model.vip import ownership

OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
CLASSIC = "text/plain; version=0.0.4; charset=utf-8"
# Legal in a label, and a nuisance to a person who reads the page on a terminal; surrogates are no text at all.
_UNPRINTABLE = re.compile(f"[{HARMFUL}]")


class MetricKind(StrEnum):
    """What a family's values are; the suffix of its samples follows from it."""

    GAUGE = "gauge"
    COUNTER = "counter"
    INFO = "info"

    @property
    def suffix(self) -> str:
        return {MetricKind.GAUGE: "", MetricKind.COUNTER: "_total", MetricKind.INFO: "_info"}[self]


@dataclass(frozen=True, slots=True)
class _Collected(Collector):
    """What prometheus_client asks for the families of a page."""

    families: Iterable[Metric]

    def collect(self) -> Iterable[Metric]:
        return self.families


def openmetrics(families: Iterable[Metric]) -> str:
    page: bytes = openmetrics_exposition.generate_latest(_Collected(families))  # type: ignore[no-untyped-call]  # it has no types
    return page.decode()


def classic(families: Iterable[Metric]) -> str:
    """In this format what is declared is the sample's own name, and infos and units are not known."""
    return exposition.generate_latest(_Collected(families)).decode()


def _printable(text: str) -> str:
    return _UNPRINTABLE.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


T = TypeVar("T")
CLASSES = ("1xx", "2xx", "3xx", "4xx", "5xx")
CLIENT_CADENCE_S = 1.0


@dataclass(frozen=True, slots=True)
class MetricsSnapshot:
    """Of a node that was not heard for too long nothing is known any more."""

    state: ClusterState
    findings: tuple[Finding, ...]
    now: float

    def is_reachable(self, node: str) -> bool:
        return self.state.nodes[node].freshness(self.now) is not Freshness.UNKNOWN

    def reachable(self) -> Iterator[NodeState]:
        return (node for node in self.state.nodes.values() if self.is_reachable(node.name))

    def vips(self) -> Iterator[tuple[str, dict[str, str]]]:
        for name, vrrp in self.state.profile.vrrp.items():
            yield name, {"vrrp_instance": name, "vip": vrrp.address}


Labels = Mapping[str, str]
Read = Callable[[MetricsSnapshot], Iterable[tuple[Labels, float | None]]]
"""Labels and a value each; None is not known."""
Values = Iterator[tuple[Labels, float | None]]


@dataclass(frozen=True, slots=True)
class MetricSource:
    """A family without its samples. `name` has no suffix; `unit` is its last word, where that is one."""

    name: str
    kind: MetricKind
    help: str
    read: Read

    @property
    def unit(self) -> str:
        word = self.name.rpartition("_")[2]
        return word if word in ("seconds", "ratio", "files") else ""

    def family(self, snapshot: MetricsSnapshot) -> Metric:
        """Its samples; all carry the cluster's name."""
        family = Metric(self.name, self.help, self.kind, self.unit)
        for labels, value in self.read(snapshot):
            if value is not None and math.isfinite(value):
                named = {"cluster": snapshot.state.profile.name, **labels}
                shown = {label: _printable(text) for label, text in named.items()}
                family.add_sample(self.name + self.kind.suffix, shown, float(value))
        return family


METRICS: list[MetricSource] = []
"""In the order of this file, which is that of the page."""


def families(state: ClusterState, findings: Iterable[Finding], now: float) -> tuple[Metric, ...]:
    """Every family that has anything to say."""
    snapshot = MetricsSnapshot(state, tuple(findings), now)
    return tuple(family for source in METRICS if (family := source.family(snapshot)).samples)


def metric(name: str, help_text: str, kind: MetricKind = MetricKind.GAUGE) -> Callable[[Read], Read]:
    """Declares a metric by its reader."""

    def declare(read: Read) -> Read:
        METRICS.append(MetricSource(name, kind, help_text, read))
        return read

    return declare


@metric("iamops_up", "1 while iamops watches this cluster.")
def _up(_: MetricsSnapshot) -> Values:
    yield {}, True


@metric("iamops_build", "The version of iamops and the environment of the profile.", MetricKind.INFO)
def _build(snapshot: MetricsSnapshot) -> Values:
    yield {"version": __version__, "environment": str(snapshot.state.profile.environment)}, True


@metric("iamops_node_link_up", "1: the SSH link to the node is up; 0: it is down.")
def _link_up(snapshot: MetricsSnapshot) -> Values:
    """A link that is being made is neither up nor down."""
    for node in snapshot.state.nodes.values():
        if node.link.state is not LinkState.CONNECTING:
            yield {"node": node.name}, node.link.state is LinkState.UP


@metric("iamops_node_heard_age_seconds", "Time since anything last arrived from the node.")
def _heard_age(snapshot: MetricsSnapshot) -> Values:
    for node in snapshot.state.nodes.values():
        if node.last_event_at is not None:
            yield {"node": node.name}, max(0.0, snapshot.now - node.last_event_at)


# --- the VIP and VRRP ---


@metric("iamops_vip_owner", "1: the node's kernel holds the VIP; 0: it does not.")
def _vip_owner(snapshot: MetricsSnapshot) -> Values:
    """Nothing of a node that is not seen, or whose last word is older than another node's takeover."""
    for name, labels in snapshot.vips():
        seen = ownership(snapshot.state, name, snapshot.now)
        owners = {claim.node for claim in seen.owners}
        doubtful = {*seen.unseen, *(claim.node for claim in seen.outdated)}
        for node in snapshot.state.nodes:
            yield {**labels, "node": node}, None if node in doubtful else node in owners


@metric("iamops_vip_owners", "How many kernels hold the VIP, of those that are seen.")
def _vip_owners(snapshot: MetricsSnapshot) -> Values:
    """No owner that is seen is no owner at all only if every node is seen."""
    for name, labels in snapshot.vips():
        seen = ownership(snapshot.state, name, snapshot.now)
        yield labels, None if seen.unseen and not seen.owners else len(seen.owners)


@metric("iamops_vip_moves", "Moves of the VIP to another node since iamops started.", MetricKind.COUNTER)
def _vip_moves(snapshot: MetricsSnapshot) -> Values:
    for name, labels in snapshot.vips():
        yield labels, snapshot.state.move_counts.get(name, 0)


@metric("iamops_vip_last_move_timestamp_seconds", "When the VIP last moved while iamops looked.")
def _last_move(snapshot: MetricsSnapshot) -> Values:
    latest = {move.instance: move.at for move in snapshot.state.moves}
    for name, labels in snapshot.vips():
        yield labels, latest.get(name)


def _vrrp(snapshot: MetricsSnapshot) -> Iterator[tuple[Labels, VrrpReport]]:
    for node in snapshot.reachable():
        for name, seen in node.vrrp.items():
            if isinstance(seen, Known):
                yield {"vrrp_instance": name, "node": node.name}, seen.value


@metric("iamops_vrrp_state", "1 for the state that keepalived is in, 0 for the others.")
def _vrrp_state(snapshot: MetricsSnapshot) -> Values:
    for labels, report in _vrrp(snapshot):
        for state in VrrpState:
            yield {**labels, "state": str(state)}, state is report.state


@metric("iamops_vrrp_priority", "The configured VRRP priority.")
def _vrrp_priority(snapshot: MetricsSnapshot) -> Values:
    return ((labels, report.priority) for labels, report in _vrrp(snapshot))


@metric("iamops_vrrp_effective_priority", "The VRRP priority after the weights of scripts and track files.")
def _vrrp_effective_priority(snapshot: MetricsSnapshot) -> Values:
    return ((labels, report.effective_priority) for labels, report in _vrrp(snapshot))


# --- units and probes ---


@metric("iamops_unit_active", "1: systemd says that the unit runs; 0: it does not.")
def _unit_active(snapshot: MetricsSnapshot) -> Values:
    for node in snapshot.reachable():
        for unit, seen in node.units.items():
            yield {"node": node.name, "unit": unit}, None if isinstance(seen, Unknown) else seen.value.running


Probes = Iterator[tuple[Labels, Observed[ProbeReport]]]


def _http(snapshot: MetricsSnapshot) -> Probes:
    """`kind` keeps a domain and a service of the same name apart."""
    for node in snapshot.state.nodes.values():
        found = [("domain", name, node.name, seen) for name, seen in node.domains.items()]
        found += [("service", name, node.name, seen) for name, seen in node.services.items()]
        for name, views in node.from_peers.items():
            found += [("service", name, peer, seen) for peer, seen in views.items()]
        for kind, name, observer, seen in found:
            if snapshot.is_reachable(observer):
                yield {"node": node.name, "observer": observer, "kind": kind, "target": name}, seen


def _client(snapshot: MetricsSnapshot) -> Probes:
    profile = snapshot.state.profile
    for name, seen in snapshot.state.client.items():
        address = profile.vrrp[name].address if name in profile.vrrp else str(profile.public_address)
        if _client_fresh(seen, snapshot.now):
            yield {"target": name if name in profile.vrrp else PUBLIC, "address": address}, seen


def _client_fresh(seen: Observed[ProbeReport], now: float) -> bool:
    return freshness(seen.at, now, max(CLIENT_CADENCE_S, seen.every_s)) is not Freshness.UNKNOWN


def _datastores(snapshot: MetricsSnapshot) -> Probes:
    for store, views in snapshot.state.datastores.items():
        for observer, seen in views.items():
            if snapshot.is_reachable(observer):
                yield {"datastore": store, "from": observer}, seen


def _success(probes: Callable[[MetricsSnapshot], Probes]) -> Read:
    return lambda snapshot: (
        (labels, None if isinstance(seen, Unknown) else seen.value.ok) for labels, seen in probes(snapshot)
    )


def _duration(probes: Callable[[MetricsSnapshot], Probes]) -> Read:
    def read(snapshot: MetricsSnapshot) -> Values:
        for labels, seen in probes(snapshot):
            if isinstance(seen, Known):
                yield labels, _scaled(seen.value.latency_ms, 1000)

    return read


def _scaled(value: float | None, divisor: float) -> float | None:
    return None if value is None else value / divisor


metric(
    "iamops_http_probe_success",
    "1: the domain (through nginx) or service (at its own port) on the node answers the observer well.",
)(_success(_http))
metric("iamops_http_probe_duration_seconds", "How long the answer took, where there was one.")(_duration(_http))
metric("iamops_client_probe_success", "1: a client gets a good answer there.")(_success(_client))
metric("iamops_client_probe_duration_seconds", "How long the client's answer took, where there was one.")(
    _duration(_client)
)
metric("iamops_datastore_probe_success", "1: the datastore greets the node as it should.")(_success(_datastores))
metric("iamops_datastore_probe_duration_seconds", "How long the greeting took, where there was one.")(
    _duration(_datastores)
)


# --- requests ---


def _of_nodes(seen: Callable[[NodeState], Observed[T]], value: Callable[[T], float | None]) -> Read:
    def read(snapshot: MetricsSnapshot) -> Values:
        for node in snapshot.reachable():
            if isinstance(found := seen(node), Known):
                yield {"node": node.name}, value(found.value)

    return read


def _of_requests(value: Callable[[RequestCount], float]) -> Read:
    return _of_nodes(lambda node: node.requests, value)


metric(
    "iamops_requests", "Requests in the node's access log, health checks of iamops among them.", MetricKind.COUNTER
)(_of_requests(lambda count: count.total))


@metric("iamops_responses", "The same requests by the class of their answer.", MetricKind.COUNTER)
def _responses(snapshot: MetricsSnapshot) -> Values:
    """Every class, so that the first 5xx is an increase. What is no class of HTTP is `other`."""
    for node in snapshot.reachable():
        if isinstance(node.requests, Unknown):
            continue
        counts = node.requests.value.by_class
        for code_class in CLASSES:
            yield {"node": node.name, "code_class": code_class}, counts.get(code_class, 0)
        odd = sum(number for code_class, number in counts.items() if code_class not in CLASSES)
        yield {"node": node.name, "code_class": "other"}, odd


metric(
    "iamops_requests_unparsed",
    "Lines of the access log that are not in its format; in no other count.",
    MetricKind.COUNTER,
)(_of_requests(lambda count: count.unparsed))


# --- the machine and its files ---


def _of_host(value: Callable[[HostReport], float | None], divisor: float = 1) -> Read:
    return _of_nodes(lambda node: node.host, lambda host: _scaled(value(host), divisor))


metric("iamops_node_load1", "Load average over one minute.")(_of_host(lambda host: host.load1))
metric("iamops_node_memory_used_ratio", "Memory in use, 0 to 1.")(_of_host(lambda host: host.memory_used_pct, 100))
metric("iamops_node_disk_used_ratio", "Use of the root file system, 0 to 1.")(
    _of_host(lambda host: host.disk_used_pct, 100)
)
metric("iamops_node_clock_offset_seconds", "The node's clock minus that of the machine iamops runs on.")(
    _of_host(lambda host: host.clock_offset_ms, 1000)
)
metric("iamops_node_clock_uncertainty_seconds", "How far the clock offset may be wrong.")(
    _of_host(lambda host: host.clock_uncertainty_ms, 1000)
)
metric("iamops_config_drift_files", "Managed files that differ from the profile.")(
    _of_nodes(lambda node: node.config, lambda config: len(config.differing))
)


# --- what the rules say, and what nobody can tell ---


def _counted(findings: Iterable[Finding]) -> Values:
    counts = Counter((finding.code, str(finding.severity), finding.node or "") for finding in findings)
    for (code, severity, node), number in sorted(counts.items()):
        yield {"code": code, "severity": severity, **({"node": node} if node else {})}, number


@metric("iamops_findings", "What is wrong: root causes, by rule.")
def _findings(snapshot: MetricsSnapshot) -> Values:
    return _counted(snapshot.findings)


@metric("iamops_findings_explained", "Findings that follow from one of the root causes.")
def _explained(snapshot: MetricsSnapshot) -> Values:
    def symptoms(findings: Sequence[Finding]) -> Iterator[Finding]:
        for finding in findings:
            yield from finding.explains
            yield from symptoms(finding.explains)

    return _counted(symptoms(snapshot.findings))


@metric("iamops_unknown", "How many values of this kind cannot be told of the node now.")
def _unknown(snapshot: MetricsSnapshot) -> Values:
    """Of what the node is asked for, and of what it is asked to see of others."""
    state = snapshot.state
    for node in state.nodes.values():
        others = [other for other in state.nodes.values() if other is not node]
        promised: dict[str, Sequence[object]] = {
            "addresses": [node.addresses],
            "vrrp": list(node.vrrp.values()),
            "units": list(node.units.values()),
            "domains": list(node.domains.values()),
            "services": list(node.services.values()),
            "peers": [v[node.name] for n in others for v in n.from_peers.values() if node.name in v],
            "datastores": [v[node.name] for v in state.datastores.values() if node.name in v],
            "requests": [node.requests],
            "host": [node.host],
            "config": [node.config],
        }
        silent = not snapshot.is_reachable(node.name)
        for what, values in promised.items():
            yield {"node": node.name, "what": what}, sum(silent or isinstance(seen, Unknown) for seen in values)
    client = state.client.values()
    unknown = [s for s in client if isinstance(s, Unknown) or not _client_fresh(s, snapshot.now)]
    yield {"what": "client"}, len(unknown)
