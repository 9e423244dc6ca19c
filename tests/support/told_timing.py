"""Plans on a pair whose keepalived tells of its checks."""

from __future__ import annotations

from iamops.model.running import LiveCheck
from iamops.model.state import ClusterState
from iamops.plan.action import Action
from iamops.plan.build import plan_for
from iamops.plan.steps import Plan
from tests.support.cluster_states import NOW, fed, healthy, tells
from tests.support.profiles import pair

PROFILE = pair()


def told(*checks: LiveCheck, **changes: object) -> ClusterState:
    return fed(healthy(), [tells(PROFILE, node, checks=checks, **changes) for node in PROFILE.nodes])


def planned(action: Action, state: ClusterState) -> Plan:
    return plan_for(action, state, NOW + 1)
