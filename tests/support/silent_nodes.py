"""A state in which one node is connected and tells nothing."""

from __future__ import annotations

from iamops.judge.rules import findings
from iamops.model.events import LinkChanged, Source, SourceLost
from iamops.model.facts import Link, LinkState
from iamops.model.state import ClusterState
from tests.support.cluster_states import NOW, fed, healthy

UP = Link(LinkState.UP, NOW)
OWN = (Source.ADDRESSES, Source.UNITS, Source.VRRP, Source.HOST, Source.SAFETY)


def connected(*reasons: str) -> ClusterState:
    """A fresh state in which only iam-b is connected, and each source of it failed for one of the reasons."""
    blank = ClusterState.of(healthy().profile)
    lost = [SourceLost(NOW + 1, "iam-b", s, r) for r in reasons for s in OWN]
    return fed(blank, [LinkChanged(NOW, "iam-b", UP), *lost])


def codes_of_silence(state: ClusterState, at: float, *, final: bool = False) -> list[str]:
    return [finding.code for finding in findings(state, at, final=final)]
