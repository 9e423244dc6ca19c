"""A short name for the state a plan rests on: when it changes, the plan that was shown is void. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any

from console.model.observed import Known
from console.model.state import ClusterState, NodeState
from console.model.vip import owner_of
from console.plan.action import Action, ConfigPush, DrainedRestart
from console.plan.steps import Impact, Kind, Step

LENGTH = 12


def fingerprint(action: Action, impact: Impact, state: ClusterState, now: float) -> str:
    """Owners, VRRP states, priorities, units and their processes; no ages, loads or latencies."""
    owners = {name: str(owner_of(state, name, now)) for name in state.profile.vrrp}
    facts = {
        "action": action.identity if isinstance(action, ConfigPush | DrainedRestart) else action.argv,
        "owners": owners,
        "nodes": {name: _node(node) for name, node in state.nodes.items() if name in impact.touches},
        "taker": impact.taker,
        "handovers": impact.handovers,
    }
    text = json.dumps(facts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:LENGTH]


def with_commands(mark: str, steps: Iterable[Step]) -> str:
    """The fingerprint of the whole plan: whatever decides which commands are run has changed it with them.

    Looks are left out: who insists on what they refuse leaves them out of the plan that was shown.
    """
    run = [
        (step.node, step.kind, step.argv, step.stdin, step.here) for step in steps if step.kind is not Kind.LOOK
    ]
    text = json.dumps([mark, run])
    return hashlib.sha256(text.encode()).hexdigest()[:LENGTH]


def _node(node: NodeState) -> dict[str, Any]:
    return {
        "link": node.link.state,
        "vrrp": {
            name: (seen.value.state, seen.value.effective_priority) if isinstance(seen, Known) else None
            for name, seen in node.vrrp.items()
        },
        "units": {
            unit: (seen.value.active, seen.value.main_pid) if isinstance(seen, Known) else None
            for unit, seen in node.units.items()
        },
        "dead_men": node.safety.value.dead_men if isinstance(node.safety, Known) else None,
    }
