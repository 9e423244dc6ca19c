"""What a plan says of the unknown: facts it would have used, and goes without. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from iamops.model.facts import LinkState, ProbeReport
from iamops.model.observed import Known, Observed, Unknown
from iamops.model.running import Unloaded
from iamops.model.state import NOT_WATCHED, ClusterState
from iamops.model.vip import OwnedBy, OwnerUnknown, ownership, why_unseen
from iamops.plan.action import Action
from iamops.plan.backends import proxy_notes
from iamops.plan.expectation import DomainsAnswer
from iamops.plan.impact import datastores_of
from iamops.plan.preemption import preemption_unknown, preemption_unknown_text
from iamops.plan.step_builders import loads
from iamops.plan.steps import Plan, Planner


def unknown_notes(plan: Plan, planner: Planner[Action]) -> tuple[str, ...]:
    """One sentence for each. What cannot be done without is no note: see `known.NotKnown` and the guards."""
    state, found = planner.state, [*_owners(planner.state, planner.now), *_clients(planner.state)]
    for unit, node in planner.acted_on(plan.nodes):
        if unit in state.nodes[node].units:
            found += (*_process(state, unit, node), *_health(plan, state, unit, node))
            found += proxy_notes(state, unit, node)
        else:
            found.append(
                f"the state of {unit} on {node} is not known ({NOT_WATCHED}), so nothing is checked about it"
            )
    for unit, node in planner.lost_backends(plan.nodes):
        found += proxy_notes(state, unit, node)
    for unit, node in planner.awaited(plan.nodes):
        found += [*_health(plan, state, unit, node), *proxy_notes(state, unit, node)]
    for unit, node in loads(plan, state.profile):
        # What a daemon would load is compared with its peers as far as they are seen; the rest is the guards'.
        files = state.nodes[node].files
        found += files.value.unloaded.get(unit, Unloaded()).unseen if isinstance(files, Known) else ()
    for node in planner.vrrp_nodes():
        for name, seen in state.nodes[node].vrrp.items():
            if isinstance(seen, Unknown):
                found.append(
                    f"the VRRP state of {name} on {node} is not known ({seen.reason}), so it is not checked"
                )
    found += [note for name in plan.impact.moves for note in (*_raised(state, name), *_others(plan, state, name))]
    found += _taken_back(plan, state)
    return tuple(dict.fromkeys(found))


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


def _process(state: ClusterState, unit: str, node: str) -> Iterator[str]:
    """systemd names a main process for nearly every unit; without one its replacement cannot be seen."""
    seen = state.nodes[node].units[unit]
    if isinstance(seen, Known) and seen.value.running and seen.value.main_pid is None:
        yield f"systemd names no main process of {unit} on {node}, so that it is replaced is not checked"


def _health(plan: Plan, state: ClusterState, unit: str, node: str) -> Iterator[str]:
    """What is not known to have answered before is not asked for afterwards."""
    profile, seen = state.profile, state.nodes[node]
    views: dict[str, Observed[ProbeReport]] = {}
    if unit == profile.nginx.unit:
        expected = [answer for step in plan.steps for answer in step.expect if isinstance(answer, DomainsAnswer)]
        asked = {domain for answer in expected if answer.node == node for domain in answer.domains}
        views |= {f"{d} on {node}": answer for d, answer in seen.domains.items() if d not in asked}
    for store in datastores_of(profile, unit, node):
        peers = {peer.name for peer in profile.peers_of(node)}
        views |= _from_peers(
            store, {n: answer for n, answer in state.datastores[store].items() if n in peers}, state
        )
    for service in profile.services.values():
        if service.unit == unit and service.name in seen.services:
            what = f"{service.name} on {node}"
            views[what] = seen.services[service.name]
            views |= _from_peers(what, seen.from_peers[service.name], state)
    for what, answer in views.items():
        if isinstance(answer, Unknown):
            yield f"whether {what} answers is not known ({answer.reason}), so it is not asked for afterwards"


def _from_peers(
    what: str, views: Mapping[str, Observed[ProbeReport]], state: ClusterState
) -> dict[str, Observed[ProbeReport]]:
    up = (peer for peer in views if state.nodes[peer].link.state is LinkState.UP)
    return {f"{what} seen from {peer}": views[peer] for peer in up}


def _others(plan: Plan, state: ClusterState, instance: str) -> Iterator[str]:
    """A silent node may have the higher priority."""
    takes_part = {node for handover in plan.impact.handovers for node in (handover.owner, handover.taker)}
    for node in state.nodes.values():
        seen = node.vrrp[instance]
        if isinstance(seen, Unknown) and node.name not in takes_part and plan.impact.handovers:
            yield f"whether {node.name} would take {instance} is not known: {seen.reason}"


def _taken_back(plan: Plan, state: ClusterState) -> Iterator[str]:
    """An owner that is there again after it has let go may take its VIP back, where it does not tell."""
    keepalived = state.profile.keepalived.unit
    for handover in plan.impact.handovers if not plan.impact.lasting else ():
        owner, taker = handover.owner, handover.taker
        if taker is None or handover.comes:
            continue
        for name in handover.moves:
            if preemption_unknown(state, name, keepalived, owner, taker):
                address = state.profile.vrrp[name].address
                yield f"whether {owner} takes VIP {address} back is not known: {preemption_unknown_text(owner)}"


def _raised(state: ClusterState, instance: str) -> Iterator[str]:
    """A raised priority decides the election that follows; a build that does not tell leaves that open."""
    for node in state.nodes.values():
        seen = node.vrrp[instance]
        if isinstance(seen, Known) and None in (seen.value.priority, seen.value.effective_priority):
            yield f"whether {instance} is raised on {node.name} is not known: keepalived does not tell"
