"""What carries a VIP on a node: keepalived, nginx and the machine; and from where a plan takes one away. Pure."""

from __future__ import annotations

from console.model.profile import Profile
from console.plan.pieces import control
from console.plan.steps import SUDO, Kind, Plan
from console.render import privileges


def nodes_let_down(plan: Plan, profile: Profile) -> frozenset[str]:
    """Nodes on which some step stops, restarts or hangs keepalived or nginx, or takes the machine away."""
    argvs = {
        argv
        for unit in (profile.keepalived.unit, profile.nginx.unit)
        for argv in (control("stop", unit), control("restart", unit), (*SUDO, *privileges.hang(unit)))
    }
    acting = (step for step in plan.steps if step.kind is Kind.DO)
    return frozenset(step.node for step in acting if step.here or step.argv in argvs)
