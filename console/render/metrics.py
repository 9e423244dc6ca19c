"""What iamops knows of a cluster as metrics. What is unknown has no sample: it is never 0. Pure.

Labels come from the profile and from our own words alone, so their number is bounded and nothing that a
node says can become one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from console import __version__
from console.model.state import ClusterState
from console.render import metrics_reads as reads
from console.render.exposition import Family, Kind, Sample
from console.render.metrics_sight import Said, Sight, Value


@dataclass(frozen=True, slots=True)
class Metric:
    """One family and how it is read. `read` gives None for what is unknown."""

    name: str
    kind: Kind
    help: str
    read: Callable[[Sight], Iterable[Value]]
    unit: str = ""


def _up(sight: Sight) -> Iterator[Value]:
    yield {}, True


def _build(sight: Sight) -> Iterator[Value]:
    yield {"version": __version__, "environment": str(sight.state.profile.environment)}, True


G, C = Kind.GAUGE, Kind.COUNTER
METRICS: tuple[Metric, ...] = (
    Metric("iamops_up", G, "1 while iamops watches this cluster.", _up),
    Metric("iamops_build", Kind.INFO, "The version of iamops and the environment of the profile.", _build),
    Metric("iamops_node_link_up", G, "1: the SSH link to the node is up; 0: it is down.", reads.link_up),
    Metric(
        "iamops_node_heard_age_seconds",
        G,
        "Time since anything last arrived from the node.",
        reads.heard_age,
        "seconds",
    ),
    Metric("iamops_vip_owner", G, "1: the node's kernel holds the VIP; 0: it does not.", reads.vip_owner),
    Metric("iamops_vip_owners", G, "How many kernels hold the VIP, of those that are seen.", reads.vip_owners),
    Metric("iamops_vip_moves", C, "Moves of the VIP to another node since iamops started.", reads.vip_moves),
    Metric(
        "iamops_vip_last_move_timestamp_seconds",
        G,
        "When the VIP last moved while iamops looked.",
        reads.last_move,
        "seconds",
    ),
    Metric("iamops_vrrp_state", G, "1 for the state that keepalived is in, 0 for the others.", reads.vrrp_state),
    Metric("iamops_vrrp_priority", G, "The configured VRRP priority.", reads.vrrp_priority),
    Metric(
        "iamops_vrrp_effective_priority",
        G,
        "The VRRP priority after the weights of scripts and track files.",
        reads.vrrp_effective_priority,
    ),
    Metric("iamops_unit_active", G, "1: systemd says that the unit runs; 0: it does not.", reads.unit_active),
    Metric(
        "iamops_http_probe_success",
        G,
        "1: the domain (through nginx) or service (at its own port) on the node answers the observer well.",
        reads.http_success,
    ),
    Metric(
        "iamops_http_probe_duration_seconds",
        G,
        "How long the answer took, where there was one.",
        reads.http_duration,
        "seconds",
    ),
    Metric("iamops_client_probe_success", G, "1: a client gets a good answer there.", reads.client_success),
    Metric(
        "iamops_client_probe_duration_seconds",
        G,
        "How long the client's answer took, where there was one.",
        reads.client_duration,
        "seconds",
    ),
    Metric(
        "iamops_datastore_probe_success",
        G,
        "1: the datastore greets the node as it should.",
        reads.datastore_success,
    ),
    Metric(
        "iamops_datastore_probe_duration_seconds",
        G,
        "How long the greeting took, where there was one.",
        reads.datastore_duration,
        "seconds",
    ),
    Metric(
        "iamops_requests",
        C,
        "Requests in the node's access log, health checks of iamops among them.",
        reads.requests,
    ),
    Metric("iamops_responses", C, "The same requests by the class of their answer.", reads.responses),
    Metric(
        "iamops_requests_unparsed",
        C,
        "Lines of the access log that are not in its format; in no other count.",
        reads.unparsed,
    ),
    Metric("iamops_node_load1", G, "Load average over one minute.", reads.load1),
    Metric("iamops_node_memory_used_ratio", G, "Memory in use, 0 to 1.", reads.memory, "ratio"),
    Metric("iamops_node_disk_used_ratio", G, "Use of the root file system, 0 to 1.", reads.disk, "ratio"),
    Metric(
        "iamops_node_clock_offset_seconds",
        G,
        "The node's clock minus that of the machine iamops runs on.",
        reads.clock_offset,
        "seconds",
    ),
    Metric(
        "iamops_node_clock_uncertainty_seconds",
        G,
        "How far the clock offset may be wrong.",
        reads.clock_uncertainty,
        "seconds",
    ),
    Metric("iamops_config_drift_files", G, "Managed files that differ from the profile.", reads.drift, "files"),
    Metric("iamops_findings", G, "What is wrong: root causes, by rule.", reads.findings),
    Metric("iamops_findings_explained", G, "Findings that follow from one of the root causes.", reads.explained),
    Metric("iamops_unknown", G, "How many values of this kind cannot be told of the node now.", reads.unknown),
)


def families(state: ClusterState, findings: Iterable[Said], now: float) -> tuple[Family, ...]:
    """Every family that has anything to say. All samples carry the cluster's name."""
    sight = Sight(state, tuple(findings), now)
    made = (Family(m.name, m.kind, m.help, _samples(m, sight), m.unit) for m in METRICS)
    return tuple(family for family in made if family.samples)


def _samples(metric: Metric, sight: Sight) -> tuple[Sample, ...]:
    cluster: Mapping[str, str] = {"cluster": sight.state.profile.name}
    return tuple(
        Sample(float(value), {**cluster, **labels})
        for labels, value in metric.read(sight)
        if value is not None and math.isfinite(value)
    )
