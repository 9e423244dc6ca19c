"""The guards on drills: never the last backend of a service, nor what this pair could not do anyway. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from console.judge.denial import Case, Denial
from console.model.drill import GIVES_BACK, TAKES, StateOf, Verb
from console.model.facts import VrrpState
from console.model.state import ClusterState
from console.plan.action import DrillAction
from console.plan.drill_plan import live_of
from console.plan.impact import instance_of, preferred_of, services_of
from console.plan.legs import Leg, legs
from console.plan.outside import meanwhile
from console.plan.sending import doubted, serves
from console.plan.weighing import why_it_stays, why_no_fault

# What makes a check of nginx fail.
FAILS = (Verb.STOP, Verb.HANG)


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


def check_weighs(case: Case) -> Iterator[Denial]:
    """A drill that waits for a FAULT, or for a VIP to leave a failing check, needs a check that does that."""
    action, impact = case.plan.action, case.plan.impact
    if not isinstance(action, DrillAction) or impact.owner is None or impact.taker is None:
        return
    name = instance_of(case.state.profile, action.instance)
    best = preferred_of(case.state.profile, name, impact.owner, impact.taker)
    live = {node: live_of(action, case.state, name, node) for node in case.state.profile.nodes}
    for leg in legs(action.drill, impact.owner, impact.taker, best):
        move = leg.move
        waited = [(each.who, each.state) for each in move.expect if isinstance(each, StateOf)]
        waited += [(each.who, each.state) for each in move.transitions]
        for node in dict.fromkeys(leg.node(who) for who, state in waited if state is VrrpState.FAULT):
            if why := why_no_fault(node, live[node]):
                yield Denial("check-weighs", f"the drill waits for FAULT on {node}, but {why}", True, node)
        fails = move.verb in FAILS and move.unit == case.state.profile.nginx.unit and leg.acted_on == leg.owner
        if fails and leg.moves_vip:
            taker = leg.next_owner
            if why := why_it_stays(leg.owner, live[leg.owner], taker, live[taker]):
                reason = f"the drill waits for the VIP to leave {leg.owner}, but {why}"
                yield Denial("check-weighs", reason, True, leg.owner)


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
