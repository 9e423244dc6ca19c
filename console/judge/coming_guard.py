"""The guard on VIPs that come to a node by preemption: would they be served there? Pure."""

from __future__ import annotations

from collections.abc import Iterator

from console.judge.denial import Case, Denial
from console.judge.nginx_guard import nginx_unfit


def comes_unfit(case: Case) -> Iterator[Denial]:
    """Its check would keep a keepalived whose nginx is bad from taking a VIP: if it sees that.

    An nginx that starts itself is asked by its own step.
    """
    nginx = case.state.profile.nginx.unit
    for each in case.plan.impact.handovers:
        starts_nginx = getattr(case.plan.action, "unit", None) == nginx
        if each.comes and each.taker is not None and not starts_nginx:
            yield from nginx_unfit(case, case.state.nodes[each.taker])
