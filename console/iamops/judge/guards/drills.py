"""Guards on drills, and on what hangs on keepalived's check as a drill does. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from iamops.judge.guards.services import doubts, others_with
from iamops.model.drill import GIVES_BACK, MACHINE_VERBS, TAKES, DrillVerb, StateOf
from iamops.model.facts import VrrpState
from iamops.model.profile import Environment
from iamops.plan.action import DrillAction, ServiceAction, UnitVerb, instance_of
from iamops.plan.checks import of_leaving, why_it_may_stay, why_it_stays, why_no_fault
from iamops.plan.denial import Denial, GuardContext
from iamops.plan.drill import course_of, live_of
from iamops.plan.expectation import DomainsAnswer, StateExpectation
from iamops.plan.impact import services_of
from iamops.plan.observation import Judgement
from iamops.plan.sending import meanwhile, serves


def unsteady(case: GuardContext) -> Iterator[Denial]:
    """A drill on a pair that is not well proves nothing, and may finish it off."""
    alone = list[StateExpectation]()
    for condition in case.plan.before:
        # All that can fail alone: to insist on one domain is not to insist on the others.
        if isinstance(condition, DomainsAnswer):
            alone += (replace(condition, domains=(domain,)) for domain in condition.domains)
        else:
            alone.append(condition)
    for expected in alone:
        reading = expected.judge(case.state, float("-inf"), case.now)
        if not reading.holds:
            text, known = f"no steady state: {reading.text}", reading.verdict is not Judgement.UNKNOWN
            yield Denial("unsteady", text, overridable=True, subjects=(expected.sentence,), known=known)


def configured_apart(case: GuardContext) -> Iterator[Denial]:
    """Nodes that disagree on these drop each other's adverts, or never hear them."""
    action = case.plan.action
    live = action.live if isinstance(action, DrillAction) else {}
    settings = {
        "advert_int": {node: f"{own.advert_interval_s:g} s" for node, own in live.items()},
        "virtual_router_id": {node: str(own.virtual_router_id) for node, own in live.items()},
        "version": {node: str(own.version) for node, own in live.items()},
    }
    for name, values in settings.items():
        if len(set(values.values())) > 1:
            by_node = ", ".join(f"{value} on {node}" for node, value in values.items())
            yield Denial("config-differs", f"{name} is {by_node}", overridable=True, subjects=(name,))


def disruptive(case: GuardContext) -> Iterator[Denial]:
    """Taking a whole machine away is for labs, and for those who say that they mean it."""
    action = case.plan.action
    if not isinstance(action, DrillAction) or not action.drill.disruptive:
        return
    profile, name = case.state.profile, action.drill.name
    if profile.environment is not Environment.LAB and not action.disruptive:
        reason = f"{name} takes a machine away; outside of a lab it needs --allow-disruptive"
        yield Denial("disruptive", reason)
    for verb in dict.fromkeys(move.verb for move in action.drill.steps if move.verb in MACHINE_VERBS):
        if str(verb) not in profile.fencing:
            reason = f"the profile does not say how to {verb} a node: {name} needs fencing.{verb}"
            yield Denial("no-fencing", reason)


def last_backend_of_drill(case: GuardContext) -> Iterator[Denial]:
    """A drill may take one backend away while another one answers that it has not taken away itself."""
    action, state = case.plan.action, case.state
    if not isinstance(action, DrillAction):
        return
    away: set[tuple[str, str]] = set()
    for step in course_of(action, state, case.plan.impact):
        verb, unit = step.move.verb, step.move.unit
        names = tuple(state.profile.services) if unit is None else services_of(state.profile, unit)
        nodes = step.nodes(state.profile.nodes)
        for name, node in ((name, node) for node in nodes for name in names if name in state.nodes[node].services):
            if verb in TAKES:
                service, others = state.profile.services[name], others_with(state, name, node)
                left = (other for other in others if (name, other) not in away)
                if not any(serves(state, service, other, vips_move=True) for other in left):
                    reason = (
                        f"{name} is not known to be healthy on {doubts(state, service, others, vips_move=True)}"
                    )
                    text = f"{reason} when {node}'s goes: {meanwhile(state, service)}"
                    yield Denial("last-backend", text, True, node, (name,))
                away.add((name, node))
            if verb in GIVES_BACK:
                away.discard((name, node))


def check_weighs(case: GuardContext) -> Iterator[Denial]:
    """Who waits for a FAULT, or for a VIP to leave a failing check, needs a check that does that."""
    match case.plan.action:
        case DrillAction() as action:
            yield from _check_weighs_in_drill(case, action)
        case ServiceAction(verb=UnitVerb.STOP, unit=unit) if unit == case.state.profile.nginx.unit:
            # Without nginx and with the VIP still there, nobody is answered.
            for handover in case.plan.impact.handovers:
                for name in handover.moves:
                    owner, taker = handover.owner, handover.taker
                    if taker is not None and (stays := of_leaving(case.state, name, owner, taker)):
                        yield Denial("check-weighs", stays.reason, True, owner, (name,), stays.known)


def _check_weighs_in_drill(case: GuardContext, action: DrillAction) -> Iterator[Denial]:
    state = case.state
    name = instance_of(state.profile, action.instance)
    live = {node: live_of(action, state, name, node) for node in state.profile.nodes}
    for step in course_of(action, state, case.plan.impact):
        move, owner, taker = step.move, step.owner, step.next_owner
        awaited = [(expected.who, expected.state) for expected in move.expect if isinstance(expected, StateOf)]
        awaited += [(entered.who, entered.state) for entered in move.transitions]
        for node in dict.fromkeys(step.node(who) for who, vrrp in awaited if vrrp is VrrpState.FAULT):
            if why := why_no_fault(node, live[node]):
                text = f"the drill waits for FAULT on {node}, but {why}"
                yield Denial("check-weighs", text, True, node, (f"FAULT of {name}",))
        check_fails = move.verb in (DrillVerb.STOP, DrillVerb.HANG) and move.unit == state.profile.nginx.unit
        if check_fails and step.acted_on == owner and taker != owner:
            stays = why_it_stays(owner, live[owner], taker, live[taker])
            if why := stays or why_it_may_stay(owner, live[owner], taker, live[taker]):
                reason = f"the drill waits for the VIP to leave {owner}, but {why}"
                yield Denial("check-weighs", reason, True, owner, (name,), known=stays is not None)
