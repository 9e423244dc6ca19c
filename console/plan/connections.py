"""What nginx does to open connections when it is restarted or reloaded: gaps are timed with new ones. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from console.model.state import ClusterState
from console.plan.known import may_hold
from console.plan.pieces import control
from console.plan.predict import OPEN_ARE_CUT, OPEN_WERE_CUT
from console.plan.steps import Kind, Plan

IDLE_ARE_CLOSED = "nginx closes idle (keep-alive) connections when it reloads: clients open new ones"
IDLE_WERE_CLOSED = "measured with new connections; idle (keep-alive) ones were closed as nginx reloaded"
# What a plan said before, and what is said of it once it is done.
AFTERWARDS = {OPEN_ARE_CUT: OPEN_WERE_CUT, IDLE_ARE_CLOSED: IDLE_WERE_CLOSED}


def cut_by_nginx(plan: Plan, state: ClusterState, now: float) -> Iterator[str]:
    """Where clients come to: a node that has a VIP, or may have one."""
    unit = state.profile.nginx.unit
    done = [step for step in plan.steps if step.kind is Kind.DO and may_hold(state, step.node, now)]
    if OPEN_ARE_CUT in plan.notes:
        return
    if any(step.argv in (control("restart", unit), control("stop", unit)) for step in done):
        yield OPEN_ARE_CUT
    elif any(step.argv == control("reload", unit) for step in done):
        yield IDLE_ARE_CLOSED
