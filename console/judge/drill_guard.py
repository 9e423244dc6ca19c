"""The guard on what a drill takes away besides the VIP: never the last backend of a service. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from console.judge.denial import Case, Denial
from console.model.drill import GIVES_BACK, TAKES
from console.model.state import ClusterState
from console.plan.action import DrillAction
from console.plan.impact import instance_of, preferred_of, services_of
from console.plan.legs import Leg, legs
from console.plan.outside import meanwhile
from console.plan.sending import doubted, serves


def last_backend_of_drill(case: Case) -> Iterator[Denial]:
    """A drill may take one backend away while another one answers that it has not taken away itself."""
    action, impact = case.plan.action, case.plan.impact
    if not isinstance(action, DrillAction) or impact.owner is None or impact.taker is None:
        return
    best = preferred_of(
        case.state.profile, instance_of(case.state.profile, action.instance), impact.owner, impact.taker
    )
    away: set[tuple[str, str]] = set()
    for leg in legs(action.drill, impact.owner, impact.taker, best):
        for service, node in _touched(case.state, leg):
            if leg.move.verb in TAKES:
                yield from _last(case.state, service, node, away)
                away.add((service, node))
            if leg.move.verb in GIVES_BACK:
                away.discard((service, node))


def _touched(state: ClusterState, leg: Leg) -> Iterator[tuple[str, str]]:
    """The services of a step's unit, or of a whole machine, with their nodes."""
    profile, move = state.profile, leg.move
    names = tuple(profile.services) if move.unit is None else services_of(profile, move.unit)
    for node in leg.nodes(profile.nodes):
        yield from ((name, node) for name in names if name in state.nodes[node].services)


def _last(state: ClusterState, service: str, stopped: str, away: set[tuple[str, str]]) -> Iterator[Denial]:
    others = [n for n in state.nodes.values() if n.name != stopped and service in n.services]
    left = [n for n in others if (service, n.name) not in away]
    known = state.profile.services[service]
    if any(serves(state, known, n.name) for n in left):
        return
    named = ", ".join(doubted(state, known, n.name) for n in others)
    reason = f"{service} is not known to be healthy on {named or 'any other node'}"
    yield Denial("last-backend", f"{reason} when {stopped}'s goes: {meanwhile(state, known)}", True, stopped)
