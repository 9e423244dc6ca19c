"""A pair of which everything is known, and something wrong: every metric has a value."""

from __future__ import annotations

from iamops.judge.findings import Evidence, Finding
from iamops.model.events import AddressChanged, ConfigCompared, Event
from iamops.model.facts import ConfigReport, Severity
from iamops.model.state import ClusterState
from tests.support.cluster_states import NOW, VIP, fed, healthy

SYMPTOM = Finding("client-dark", Severity.CRITICAL, "dark", (Evidence("timeout"),), "iamops status")
CAUSE = Finding(
    "unit-down", Severity.CRITICAL, "down", (Evidence("inactive"),), "iamops status", "iam-a", explains=(SYMPTOM,)
)
LATER = NOW + 2


def moved(at: float, away: str, to: str) -> list[Event]:
    return [
        AddressChanged(at - 0.1, away, VIP, present=False),
        AddressChanged(at, to, VIP, present=True),
    ]


def full() -> ClusterState:
    """The VIP moved once, and both nodes' files were compared."""
    files = [
        ConfigCompared(NOW, "iam-a", ConfigReport(("/etc/nginx/nginx.conf",))),
        ConfigCompared(NOW, "iam-b", ConfigReport()),
    ]
    return fed(healthy(), [*files, *moved(NOW + 1, "iam-a", "iam-b")])
