"""A look at a pair in trouble, and one at a pair in health, made by hand."""

from __future__ import annotations

from dataclasses import dataclass, field

from iamops.judge.findings import Diagnosis, Evidence, Finding, NotEvaluated
from iamops.model.facts import Severity
from iamops.model.journal import TimelineEvent, TimelineEventKind
from iamops.model.profile import Profile
from iamops.model.state import ClusterState
from tests.support.profiles import pair

AT = 1_760_000_000.0
DARK = Finding(
    "client-dark",
    Severity.CRITICAL,
    "a client gets no good answer from VIP 10.0.4.99",
    (Evidence("timeout: no answer within 1 s", "the client probe", None, 0.3),),
    "iamops status",
)
FLAPPING = Finding(
    "vip-flapping",
    Severity.WARNING,
    "the VIP moved 4 times in 10 minutes",
    (Evidence("iam-a to iam-b", "keepalived's journal", "iam-b", 61.0),),
    "iamops triage --since 1h",
)
SPLIT = Finding(
    "split-brain",
    Severity.CRITICAL,
    "VIP 10.0.4.99 is on iam-a and iam-b at once",
    (
        Evidence("has 10.0.4.99", "kernel addresses", "iam-a", 0.4),
        Evidence("has 10.0.4.99", "kernel addresses", "iam-b", 0.2),
    ),
    "iamops lab exec iam-a -- nft list ruleset",
    explains=(DARK, FLAPPING),
    cause="adverts do not arrive: VRRP is IP protocol 112",
)
NO_GRANT = Finding(
    "datastore-host-not-allowed",
    Severity.WARNING,
    "MariaDB does not let iam-b in (error 1130)",
    (Evidence("host not allowed", "MariaDB's greeting", "iam-b", 2.0),),
    "iamops triage explain datastore-host-not-allowed",
    "iam-b",
)
SILENT = "no answer on 10.0.4.21:22 within 5 s"
BLINDS = (
    NotEvaluated("nginx-hung", "whether nginx answers", SILENT, "iam-b"),
    NotEvaluated("disk-full", "how full the disk is", SILENT, "iam-b"),
)
MOVED = TimelineEvent(
    AT - 50, TimelineEventKind.VIP, "VI_1 entered MASTER, VIP 10.0.4.99", "keepalived's journal", "iam-b"
)


@dataclass(frozen=True)
class Look:
    """What is told of a look."""

    diagnosis: Diagnosis
    profile: Profile = field(default_factory=pair)
    at: float = AT
    took_s: float = 1.25
    not_inspected: dict[str, str] = field(default_factory=dict)
    timeline: tuple[TimelineEvent, ...] = ()
    unavailable: tuple[str, ...] = ()

    @property
    def state(self) -> ClusterState:
        return ClusterState.of(self.profile)


CHECKED = ("split-brain", "client-dark", "vip-flapping", "datastore-host-not-allowed", "vip-nowhere")


def healthy(**changes: object) -> Look:
    return Look(Diagnosis((), (), CHECKED), **changes)  # type: ignore[arg-type]


def half_blind() -> Look:
    """Nothing wrong, as far as one of two nodes can tell."""
    return Look(Diagnosis((), BLINDS, CHECKED), not_inspected={"iam-b": SILENT})


def troubled(**changes: object) -> Look:
    """A cause with two symptoms, a warning, and a node that cannot be asked."""
    return Look(Diagnosis((SPLIT, NO_GRANT), BLINDS, CHECKED), **changes)  # type: ignore[arg-type]
