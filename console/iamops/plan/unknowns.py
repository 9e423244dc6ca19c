"""What a plan says of the unknown: facts it would have used, and goes without. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from iamops.model.drill import MACHINE_VERBS
from iamops.model.facts import LinkState
from iamops.model.need import NeedWhen
from iamops.model.observed import Known, Observed, Unknown
from iamops.model.running import Unloaded
from iamops.model.state import ClusterState
from iamops.model.vip import OwnedBy, OwnerUnknown, ownership, why_unseen
from iamops.plan.action import ConfigPush, DrainedRestart, DrillAction, RollingRestart, ServiceAction
from iamops.plan.backends import proxy_notes
from iamops.plan.check_timing import watched_nodes
from iamops.plan.expectation import DomainsAnswer
from iamops.plan.impact import datastores_of
from iamops.plan.needs import falls
from iamops.plan.preemption import preemption_unknown, preemption_unknown_text
from iamops.plan.step_builders import loads
from iamops.plan.steps import Plan


def unknown_notes(plan: Plan, state: ClusterState, now: float) -> tuple[str, ...]:
    """One sentence for each. What cannot be done without is no note: see `known.NotKnown` and the guards."""
    found = [*_owners(state, now), *_clients(state)]
    for unit, node in _acted_on(plan, state):
        found += [*_process(state, unit, node), *_health(plan, state, unit, node), *proxy_notes(state, unit, node)]
    for unit, node in _lost(plan, state):
        found += proxy_notes(state, unit, node)
    for unit, node in _fallen(plan, state):
        found += [*_health(plan, state, unit, node), *proxy_notes(state, unit, node)]
    found += [note for unit, node in loads(plan, state.profile) for note in _uncompared(state, unit, node)]
    push = isinstance(plan.action, ConfigPush)
    for node in state.profile.nodes if push else watched_nodes(plan.action, state):
        found += _vrrp(state, node)
    found += [note for name in plan.impact.moves for note in (*_raised(state, name), *_others(plan, state, name))]
    found += _back(plan, state)
    return tuple(dict.fromkeys(found))


def _acted_on(plan: Plan, state: ClusterState) -> Iterator[tuple[str, str]]:
    """The units that the plan starts, stops, restarts or reloads, each with its node."""
    action, nginx = plan.action, state.profile.nginx.unit
    match action:
        case ServiceAction():
            yield action.unit, action.node
        case RollingRestart():
            yield from ((action.unit, node) for node in plan.nodes)
        case DrainedRestart():
            yield from ((unit, node) for node in plan.nodes for unit in (action.unit, nginx))
        case ConfigPush():
            yield from ((nginx, node) for node in plan.nodes)
        case DrillAction():
            units = {move.unit for move in action.drill.moves if move.unit}
            for node in plan.nodes:
                yield from ((unit, node) for unit in sorted(units & state.nodes[node].units.keys()))


def _lost(plan: Plan, state: ClusterState) -> Iterator[tuple[str, str]]:
    """The backends that go with the machines that a drill takes away."""
    action = plan.action
    if isinstance(action, DrillAction) and any(move.verb in MACHINE_VERBS for move in action.drill.moves):
        for node in plan.nodes:
            yield from ((each.unit, node) for each in state.profile.services.values() if each.runs_on(node))


def _fallen(plan: Plan, state: ClusterState) -> Iterator[tuple[str, str]]:
    """What a rolling restart waits for besides: the units that fall with each node's, and their nodes."""
    if isinstance(plan.action, RollingRestart | DrainedRestart):
        for node in plan.nodes:
            for fall in falls(state.profile, plan.action.unit, node):
                if fall.need.when is NeedWhen.ALWAYS:
                    yield state.profile.services[fall.service].unit, fall.node


def _owners(state: ClusterState, now: float) -> Iterator[str]:
    for name, vrrp in state.profile.vrrp.items():
        seen = ownership(state, name, now)
        why = "; ".join(why_unseen(state, node, now) for node in seen.unseen)
        match seen.owner:
            case OwnerUnknown():
                yield f"who has VIP {vrrp.address} is not known ({why}), so nothing is checked about it"
            case OwnedBy(node) if seen.unseen:
                yield f"whether VIP {vrrp.address} is on {node} alone is not known ({why})"
            case _:
                pass


def _clients(state: ClusterState) -> Iterator[str]:
    for name, seen in state.client.items():
        if isinstance(seen, Unknown):
            at = state.profile.vrrp[name].address if name in state.profile.vrrp else state.profile.public_address
            yield f"what a client gets from {at} is not known ({seen.reason}), so it is not asked for afterwards"


def _uncompared(state: ClusterState, unit: str, node: str) -> tuple[str, ...]:
    """What a daemon would load is compared with its peers as far as they are seen; the rest is the guards'."""
    seen = state.nodes[node].files
    return seen.value.unloaded.get(unit, Unloaded()).unseen if isinstance(seen, Known) else ()


def _process(state: ClusterState, unit: str, node: str) -> Iterator[str]:
    """systemd names a main process for nearly every unit; without one its replacement cannot be seen."""
    seen = state.nodes[node].units[unit]
    if isinstance(seen, Known) and seen.value.running and seen.value.main_pid is None:
        yield f"systemd names no main process of {unit} on {node}, so that it is replaced is not checked"


def _health(plan: Plan, state: ClusterState, unit: str, node: str) -> Iterator[str]:
    """What is not known to have answered before is not asked for afterwards."""
    profile, seen = state.profile, state.nodes[node]
    if unit == profile.nginx.unit:
        expected = [
            e for step in plan.steps for e in step.expect if isinstance(e, DomainsAnswer) and e.node == node
        ]
        asked = {domain for each in expected for domain in each.domains}
        yield from _unasked({f"{d} on {node}": each for d, each in seen.domains.items() if d not in asked})
    for store in datastores_of(profile, unit, node):
        peers = {peer.name for peer in profile.peers_of(node) if state.nodes[peer.name].link.state is LinkState.UP}
        views = state.datastores[store]
        yield from _unasked({f"{store} seen from {each}": views[each] for each in views if each in peers})
    for service in profile.services.values():
        if service.unit == unit and service.name in seen.services:
            what = f"{service.name} on {node}"
            yield from _unasked({what: seen.services[service.name]})
            views = seen.from_peers[service.name]
            up = [peer for peer in views if state.nodes[peer].link.state is LinkState.UP]
            yield from _unasked({f"{what} seen from {peer}": views[peer] for peer in up})


def _unasked(views: Mapping[str, Observed[Any]]) -> Iterator[str]:
    for what, seen in views.items():
        if isinstance(seen, Unknown):
            yield f"whether {what} answers is not known ({seen.reason}), so it is not asked for afterwards"


def _vrrp(state: ClusterState, node: str) -> Iterator[str]:
    for name, seen in state.nodes[node].vrrp.items():
        if isinstance(seen, Unknown):
            yield f"the VRRP state of {name} on {node} is not known ({seen.reason}), so it is not checked"


def _others(plan: Plan, state: ClusterState, instance: str) -> Iterator[str]:
    """A node that is not heard may have the higher priority."""
    takes_part = {node for each in plan.impact.handovers for node in (each.owner, each.taker)}
    for node in state.nodes.values():
        seen = node.vrrp[instance]
        if isinstance(seen, Unknown) and node.name not in takes_part and plan.impact.handovers:
            yield f"whether {node.name} would take {instance} is not known: {seen.reason}"


def _back(plan: Plan, state: ClusterState) -> Iterator[str]:
    """An owner that is there again after it has let go may take its VIP back, where it does not tell."""
    keepalived = state.profile.keepalived.unit
    for each in plan.impact.handovers if not plan.impact.lasting else ():
        owner, taker = each.owner, each.taker
        if taker is None or each.comes:
            continue
        for name in each.moves:
            if preemption_unknown(state, name, keepalived, owner, taker):
                address = state.profile.vrrp[name].address
                yield f"whether {owner} takes VIP {address} back is not known: {preemption_unknown_text(owner)}"


def _raised(state: ClusterState, instance: str) -> Iterator[str]:
    """A raised priority decides the election that follows; a build that does not tell leaves that open."""
    for node in state.nodes.values():
        seen = node.vrrp[instance]
        if isinstance(seen, Known) and None in (seen.value.priority, seen.value.effective_priority):
            yield f"whether {instance} is raised on {node.name} is not known: keepalived does not tell"
