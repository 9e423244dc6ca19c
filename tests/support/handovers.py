"""A pair with two VIPs, one on each node or both on one."""

from __future__ import annotations

from typing import Any

from iamops.judge.guards.guards import denials
from iamops.model.events import AddressesListed, Event, VrrpReported
from iamops.model.facts import VrrpReport, VrrpState
from iamops.model.state import ClusterState
from iamops.plan.action import Action
from iamops.plan.build import plan_for
from iamops.plan.denial import GuardContext
from tests.support.cluster_states import NOW, fed, healthy
from tests.support.profiles import pair

AT = NOW + 1
BOTH = {
    "VI_1": {"virtual_router_id": 51, "vip": "10.0.4.99"},
    "VI_2": {"virtual_router_id": 52, "vip": "10.0.4.98"},
}


def vrrp(node: str, instance: str, state: VrrpState, priority: int) -> Event:
    return VrrpReported(NOW, node, instance, VrrpReport(state, "json", priority, priority, NOW - 3600))


def active_active(*events: Event, **changes: Any) -> ClusterState:
    """VI_1 is on iam-a, VI_2 on iam-b."""
    held = [
        AddressesListed(NOW, "iam-a", frozenset({"10.0.4.20", "10.0.4.99"})),
        AddressesListed(NOW, "iam-b", frozenset({"10.0.4.21", "10.0.4.98"})),
        vrrp("iam-a", "VI_2", VrrpState.BACKUP, 100),
        vrrp("iam-b", "VI_2", VrrpState.MASTER, 50),
    ]
    return fed(healthy(NOW, pair(vrrp=BOTH, **changes)), [*held, *events])


def both_on_a(*events: Event) -> ClusterState:
    held = AddressesListed(NOW, "iam-a", frozenset({"10.0.4.20", "10.0.4.98", "10.0.4.99"}))
    return fed(healthy(NOW, pair(vrrp=BOTH)), [held, *events])


def codes(action: Action, state: ClusterState) -> dict[str, bool]:
    said = denials(GuardContext(plan_for(action, state, AT), state, AT))
    return {denial.code: denial.overridable for denial in said}
