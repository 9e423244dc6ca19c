"""When keepalived's check has had its say about a change of nginx or keepalived, and what must hold then. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from console.model.observed import Known, Unknown
from console.model.state import ClusterState
from console.plan.action import Action, DrainedRestart, RollingRestart, ServiceAction, Switchover, Verb
from console.plan.check_passes import CheckPasses
from console.plan.expectation import StateExpectation, VrrpIn
from console.plan.live import all_on
from console.plan.pieces import RUNNING, out_of_fault
from console.plan.timing import decision_s, rises_s


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


def undecided_s(action: ServiceAction, state: ClusterState) -> float:
    """How long it is open after the action whether the check passes. 0: nothing that was read is new, a check was
    asked, there is none that could fail, or keepalived itself begins anew, which it does with a good check only.
    """
    profile, node = state.profile, state.nodes[action.node]
    anew = action.unit == profile.keepalived.unit and action.verb is not Verb.RELOAD
    if action.verb is Verb.STOP or anew or action.unit not in (profile.nginx.unit, profile.keepalived.unit):
        return 0.0
    if all(isinstance(seen, Known) and seen.value.state not in RUNNING for seen in node.vrrp.values()):
        return 0.0
    if isinstance(node.files, Known) and action.unit in node.files.value.current:
        return 0.0
    if action.unit == profile.nginx.unit and asked_checks(state, action.node):
        return 0.0
    return decides_s(state, action.node)


def recovers_s(state: ClusterState, watched: Iterable[StateExpectation]) -> float:
    """How long keepalived on the watched nodes may take to leave a FAULT whose reason is gone."""
    nodes = {each.node for each in watched if isinstance(each, VrrpIn)}
    return max((rises_s(live) for node in nodes for live in all_on(state, node)), default=0.0)


def watched(action: Action, state: ClusterState) -> tuple[VrrpIn, ...]:
    """No node that was well is in FAULT when all effects have shown, but the one that is stopped."""
    return tuple(each for node in watched_nodes(action, state) for each in out_of_fault(state, node))


def watched_nodes(action: Action, state: ClusterState) -> Iterator[str]:
    """The nodes whose keepalived must be as well afterwards as it was before."""
    daemons = (state.profile.nginx.unit, state.profile.keepalived.unit)
    match action:
        case Switchover() | DrainedRestart():
            yield from state.profile.nodes
        case RollingRestart() if action.unit in daemons:
            yield from state.profile.nodes
        case ServiceAction() if action.unit in daemons:
            stopped = action.node if action.verb is Verb.STOP else None
            yield from (node for node in state.profile.nodes if node != stopped)
        case _:
            pass
