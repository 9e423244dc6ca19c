"""The guard on what hangs on keepalived's check: whether it moves a VIP from a node without nginx. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from console.judge.denial import Case, Denial
from console.model.drill import StateOf
from console.model.drill import Verb as DrillVerb
from console.model.facts import VrrpState
from console.model.live import LiveVrrp
from console.model.observed import Unknown
from console.model.state import ClusterState
from console.plan.action import DrillAction, ServiceAction, Verb
from console.plan.drill_plan import live_of
from console.plan.impact import instance_of, preferred_of
from console.plan.legs import legs
from console.plan.weighing import why_it_stays, why_no_fault

CODE = "check-weighs"
# What makes a check of nginx fail.
FAILS = (DrillVerb.STOP, DrillVerb.HANG)


def check_weighs(case: Case) -> Iterator[Denial]:
    """Who waits for a FAULT, or for a VIP to leave a failing check, needs a check that does that."""
    match case.plan.action:
        case DrillAction() as action:
            yield from _of_drill(case, action)
        case ServiceAction(verb=Verb.STOP, unit=unit) if unit == case.state.profile.nginx.unit:
            yield from _of_stop(case)


def _of_stop(case: Case) -> Iterator[Denial]:
    """With nginx gone and the VIP still there, nobody is answered."""
    for handover in case.plan.impact.handovers:
        for name in handover.moves:
            own, other = (_told(case.state, node, name) for node in (handover.owner, handover.taker))
            if own is None or other is None or handover.taker is None:
                continue
            if why := why_it_stays(handover.owner, own, handover.taker, other):
                address = case.state.profile.vrrp[name].address
                reason = f"VIP {address} would stay on {handover.owner}, where nobody answers: {why}"
                yield Denial(CODE, reason, True, handover.owner)


def _told(state: ClusterState, node: str | None, instance: str) -> LiveVrrp | None:
    """What keepalived on the node tells of the instance; None: nothing."""
    files = state.nodes[node].files if node is not None else Unknown("no node")
    return None if isinstance(files, Unknown) else files.value.live.get(instance)


def _of_drill(case: Case, action: DrillAction) -> Iterator[Denial]:
    impact = case.plan.impact
    if impact.owner is None or impact.taker is None:
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
                yield Denial(CODE, f"the drill waits for FAULT on {node}, but {why}", True, node)
        fails = move.verb in FAILS and move.unit == case.state.profile.nginx.unit and leg.acted_on == leg.owner
        if fails and leg.moves_vip:
            taker = leg.next_owner
            if why := why_it_stays(leg.owner, live[leg.owner], taker, live[taker]):
                reason = f"the drill waits for the VIP to leave {leg.owner}, but {why}"
                yield Denial(CODE, reason, True, leg.owner)
