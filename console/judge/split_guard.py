"""The guard on VIPs with two owners, or with none. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from console.judge.denial import Case, Denial
from console.model.vip import ownership, why_unseen
from console.plan.carriers import nodes_let_down


def owner_in_doubt(case: Case) -> Iterator[Denial]:
    """Two owners, or none, is something to look at before anything is moved."""
    impact, stopped = case.plan.impact, nodes_let_down(case.plan, case.state.profile)
    for name in case.state.profile.vrrp:
        seen = ownership(case.state, name, case.now)
        owners = [claim.node for claim in seen.owners]
        address = case.state.profile.vrrp[name].address
        if len(owners) > 1 and (name in impact.moves or not stopped.isdisjoint(owners)):
            text = f"VIP {address} is on {' and '.join(owners)} at once"
            yield Denial("split-brain", text, overridable=not impact.planned)
        elif not owners and impact.needs_owner and name in impact.moves:
            blind = "".join(f"; {why_unseen(case.state, node, case.now)}" for node in seen.unseen)
            yield Denial("no-owner", f"no node is seen to hold VIP {address}{blind}")
