"""The codes that guards refuse an action with, in a state made of events."""

from __future__ import annotations

from typing import Any

from iamops.judge.guards.guards import denials
from iamops.model.events import Event, VrrpReported
from iamops.model.facts import VrrpReport, VrrpState
from iamops.plan.action import Action
from iamops.plan.build import plan_for
from iamops.plan.denial import GuardContext
from tests.support.cluster_states import NOW, fed, healthy

AT = NOW + 1


def codes(action: Action, *events: Event, now: float = AT, **changes: Any) -> dict[str, bool]:
    """Code -> overridable."""
    profile = changes.pop("profile", None)
    state = fed(healthy(profile=profile), events)
    said = denials(GuardContext(plan_for(action, state, now), state, now, **changes))
    return {denial.code: denial.overridable for denial in said}


def vrrp(node: str, state: VrrpState, since: float = NOW - 3600, at: float = NOW) -> VrrpReported:
    priority = 100 if node == "iam-a" else 50
    return VrrpReported(at, node, "VI_1", VrrpReport(state, "json", priority, priority, since))
