"""What a client may lose by a plan, and for how long its effects may still show. Pure.

The measured gap is judged by it. Times in seconds. The numbers come from VRRP's theory with the priorities that
keepalived tells, from the check's interval, and from what nginx does when a backend goes. Nothing has succeeded
before keepalived's check has had its time, or has been asked.
"""

from __future__ import annotations

from collections.abc import Iterator

from iamops.model.observed import Known, Unknown
from iamops.model.state import ClusterState
from iamops.plan.action import ALLOWANCE_S
from iamops.plan.steps import Impact, Plan
from iamops.plan.vrrp_timing import HIGHEST_PRIORITY, all_on, counted_priority, master_down_s, skew_s, vrrp_on

# What a change of a backend or of nginx's workers does shows at once.
AT_ONCE_S = 1.0


def move_s(impact: Impact, state: ClusterState, *, raised: bool) -> float:
    """The takers' skews, one handover after the other; of VIPs that go at once, the last one. 0: none moves.

    `raised`: the taker's priority is raised first.
    """
    total_s = 0.0
    for handover in impact.handovers:
        taker = handover.taker
        if taker is not None:
            total_s += max(
                skew_s(
                    HIGHEST_PRIORITY if raised else counted_priority(state, name, taker),
                    vrrp_on(state, taker, name),
                )
                for name in handover.moves
            )
    return total_s


def elected_s(state: ClusterState) -> float:
    """A keepalived that has just begun, and hears nobody, would be master after this long."""
    lives = [live for node in state.profile.nodes for live in all_on(state, node)]
    return max(master_down_s(live.priority, live) for live in lives) + ALLOWANCE_S


# The client's gap is measured at nginx itself where the services behind it are not touched: a request every 10 ms
# through to a service fills its log with our own probes. Every so many of them one goes on to a service anyway.
ASKED_THROUGH = 20


def unserved(plan: Plan, state: ClusterState) -> Iterator[str]:
    """VIPs at which no client is answered now: what is lost there is not measured."""
    for name, vrrp in state.profile.vrrp.items():
        seen = state.client[name]
        if plan.steps and isinstance(seen, Known) and not seen.value.ok:
            why = seen.value.detail or str(seen.value.outcome)
            yield f"no client is answered at VIP {vrrp.address} now ({why}), so a loss there is not measured"


def measured(plan: Plan, state: ClusterState) -> tuple[str | None, tuple[str, ...]]:
    """A host that every nginx answers without a backend, or None where there is none or that is not enough; and
    what a plan says of it.
    """
    # A unit behind nginx, or a whole machine, is acted on.
    carriers = {f"{unit}.service" for unit in (state.profile.keepalived.unit, state.profile.nginx.unit)}
    named = {word for step in plan.acting for word in step.argv if word.endswith(".service")}
    if not plan.steps or any(step.here for step in plan.acting) or not named <= carriers:
        return None, ()
    hosts: list[tuple[str, ...]] = []
    for node in state.nodes.values():
        match node.files:
            case Known(report):
                hosts.append(report.answers_itself)
            case Unknown(reason):
                why = f"whether nginx on {node.name} answers without a service is not known ({reason})"
                return None, (f"{why}: every request that measures the gap goes on to one",)
    host = next((host for host in hosts[0] if all(host in answering for answering in hosts)), None)
    if host is None:
        return None, ()
    note = f"the gap is measured at nginx itself ({host}); every {ASKED_THROUGH}th request goes on to each service"
    return host, (note,)
