"""When keepalived's check has had its say about a change of nginx or keepalived, and what must hold then. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from iamops.model.observed import Known, Unknown
from iamops.model.state import ClusterState
from iamops.plan.checks import CheckPasses
from iamops.plan.expectation import StateExpectation, VrrpIn
from iamops.plan.impact import successors
from iamops.plan.known import holding
from iamops.plan.step_builders import out_of_fault
from iamops.plan.vrrp_timing import (
    all_on,
    counted_priority,
    decision_s,
    falls_at_once,
    reports_checks,
    rises_s,
    skew_s,
    vrrp_on,
)


def asked_checks(state: ClusterState, node: str) -> tuple[CheckPasses, ...]:
    """keepalived's checks on the node, where they are known to us and pass now: nothing has to be waited for."""
    files = state.nodes[node].files
    if isinstance(files, Unknown) or not out_of_fault(state, node):
        return ()
    return tuple(CheckPasses(node, argv) for argv in files.value.checks)


def decides_s(state: ClusterState, node: str) -> float:
    """How long keepalived on the node may take to see that its check fails."""
    files = state.nodes[node].files
    if isinstance(files, Known) and files.value.decides_s is not None:
        return files.value.decides_s
    return max(decision_s(live) for live in all_on(state, node))


def recovers_s(state: ClusterState, watched: Iterable[StateExpectation]) -> float:
    """How long keepalived on the watched nodes may take to leave a FAULT whose cause is over."""
    nodes = {expected.node for expected in watched if isinstance(expected, VrrpIn)}
    return max((rises_s(live) for node in nodes for live in all_on(state, node)), default=0.0)


# nginx is stopped and started again within this on any machine that can carry it.
NGINX_RESTART_S = 1.0


def may_go(state: ClusterState, node: str, now: float) -> tuple[str, ...]:
    """The instances whose VIP may leave the node while nginx restarts there: one bad look is enough."""
    held = holding(state, node, now).alone
    return tuple(name for name in held if falls_at_once(vrrp_on(state, node, name), NGINX_RESTART_S))


def gap_s(state: ClusterState, node: str, now: float) -> float:
    """What that may cost beside the restart itself."""
    longest_s = 0.0
    for name in may_go(state, node, now):
        for taker in successors(state, name, node)[:1]:
            priority = counted_priority(state, name, taker)
            longest_s = max(longest_s, skew_s(priority, vrrp_on(state, taker, name)))
    return longest_s


def of_vips(state: ClusterState, node: str, now: float) -> str:
    """What a restart of nginx does to the VIPs of its node, in words."""
    held, going = holding(state, node, now).alone, may_go(state, node, now)
    if not going:
        return f"no VIP moves{as_profiled(state, [(node, name) for name in held])}"
    addresses = " and ".join(state.profile.vrrp[name].address for name in going)
    checks = dict.fromkeys(check for name in going for check in vrrp_on(state, node, name).known_checks)
    failing = "; ".join(
        f"{check.name} on {node} (every {check.interval_s:g} s, fall {check.fall}) may fail in between"
        for check in checks
        if (check.fall - 1) * check.interval_s < NGINX_RESTART_S
    )
    return f"whether VIP {addresses} stays is not known: {failing}"


def as_profiled(state: ClusterState, owners: list[tuple[str, str]]) -> str:
    """Nodes, each with an instance: what a sentence has to add where their checks are only assumed."""
    silent = dict.fromkeys(node for node, name in owners if not reports_checks(state, node, name))
    if not silent:
        return ""
    return f", if the check runs as the profile says: keepalived on {' and '.join(silent)} does not tell"
