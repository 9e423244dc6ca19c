"""What iamops knows of a cluster as metrics. What is unknown has no sample: it is never 0. Pure.

Labels come from the profile and from our own words alone, so their number is bounded and nothing that a
node says can become one.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from iamops import __version__
from iamops.model.state import ClusterState
from iamops.model.text import HARMFUL
from iamops.report import readings as reads
from iamops.report.readings import CountedFinding, MetricsSnapshot, Value

# The text formats that Prometheus reads: OpenMetrics 1.0 and the older exposition format 0.0.4. Pure.

OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
CLASSIC = "text/plain; version=0.0.4; charset=utf-8"
# Legal in a label, and a nuisance to whoever reads the page on a terminal; surrogates are no text at all.
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
class Sample:
    """One value. Labels stand in the order in which they are printed."""

    value: float
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Family:
    """All samples of one name. `name` has no suffix; `unit` is its last word, where there is one."""

    name: str
    kind: MetricKind
    help: str
    samples: tuple[Sample, ...]
    unit: str = ""

    @property
    def sample_name(self) -> str:
        return self.name + self.kind.suffix


def openmetrics(families: Iterable[Family]) -> str:
    """OpenMetrics 1.0: the family is named without its suffix, and the end of the page is told."""
    return "".join(f"{line}\n" for family in families for line in _openmetrics(family)) + "# EOF\n"


def classic(families: Iterable[Family]) -> str:
    """Format 0.0.4: what is declared is the sample's own name, and it knows neither info nor units."""
    return "".join(f"{line}\n" for family in families for line in _classic(family))


def _openmetrics(family: Family) -> Iterator[str]:
    yield f"# TYPE {family.name} {family.kind}"
    if family.unit:
        yield f"# UNIT {family.name} {family.unit}"
    yield f"# HELP {family.name} {_escaped(family.help)}"
    yield from _sample_lines(family)


def _classic(family: Family) -> Iterator[str]:
    # Here a quotation mark in a help text stands for itself.
    told = family.help.replace("\\", "\\\\").replace("\n", "\\n")
    yield f"# HELP {family.sample_name} {told}"
    yield f"# TYPE {family.sample_name} {MetricKind.GAUGE if family.kind is MetricKind.INFO else family.kind}"
    yield from _sample_lines(family)


def _sample_lines(family: Family) -> Iterator[str]:
    for sample in family.samples:
        labels = ",".join(f'{name}="{_escaped(_printable(text))}"' for name, text in sample.labels.items())
        yield f"{family.sample_name}{{{labels}}} {_number(sample.value)}"


def _printable(text: str) -> str:
    return _UNPRINTABLE.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    """Whole numbers without a point; the shortest text that gives the others back."""
    if math.isfinite(value) and value == int(value) and abs(value) < 1e15:
        return str(int(value))
    return repr(float(value))


@dataclass(frozen=True, slots=True)
class Metric:
    """One family and how it is read. `read` gives None for what is unknown."""

    name: str
    kind: MetricKind
    help: str
    read: Callable[[MetricsSnapshot], Iterable[Value]]
    unit: str = ""


def _up(sight: MetricsSnapshot) -> Iterator[Value]:
    yield {}, True


def _build(sight: MetricsSnapshot) -> Iterator[Value]:
    yield {"version": __version__, "environment": str(sight.state.profile.environment)}, True


G, C = MetricKind.GAUGE, MetricKind.COUNTER
METRICS: tuple[Metric, ...] = (
    Metric("iamops_up", G, "1 while iamops watches this cluster.", _up),
    Metric("iamops_build", MetricKind.INFO, "The version of iamops and the environment of the profile.", _build),
    Metric("iamops_node_link_up", G, "1: the SSH link to the node is up; 0: it is down.", reads.link_up),
    Metric(
        "iamops_node_heard_age_seconds",
        G,
        "Time since anything last arrived from the node.",
        reads.last_event_age,
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


def families(state: ClusterState, findings: Iterable[CountedFinding], now: float) -> tuple[Family, ...]:
    """Every family that has anything to say. All samples carry the cluster's name."""
    sight = MetricsSnapshot(state, tuple(findings), now)
    made = (Family(m.name, m.kind, m.help, _samples(m, sight), m.unit) for m in METRICS)
    return tuple(family for family in made if family.samples)


def _samples(metric: Metric, sight: MetricsSnapshot) -> tuple[Sample, ...]:
    cluster: Mapping[str, str] = {"cluster": sight.state.profile.name}
    return tuple(
        Sample(float(value), {**cluster, **labels})
        for labels, value in metric.read(sight)
        if value is not None and math.isfinite(value)
    )
