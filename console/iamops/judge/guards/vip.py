"""The guard on VIPs with two owners, or with none. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from iamops.model.drill import DrillVerb, StateOf
from iamops.model.facts import LinkState, ProbeReport, VrrpState
from iamops.model.observed import STALE_AFTER_S, UNKNOWN_AFTER_S, Freshness, Known, Observed, Unknown
from iamops.model.state import ClusterState, NodeState
from iamops.model.text import being
from iamops.model.vip import ownership, why_unseen
from iamops.plan.action import DrillAction, ServiceAction, UnitVerb, instance_of
from iamops.plan.checks import of_leaving, why_it_may_stay, why_it_stays, why_no_fault
from iamops.plan.denial import Denial, GuardContext
from iamops.plan.drill import live_of
from iamops.plan.impact import preferred_of
from iamops.plan.predict import rests_on, serving
from iamops.plan.roles import resolved_steps
from iamops.plan.step_builders import nodes_let_down
from iamops.plan.steps import Handover
from iamops.plan.vrrp_timing import base_priority, preempted_s, pushed_on, reports_preemption, vrrp_on


def owner_in_doubt(case: GuardContext) -> Iterator[Denial]:
    """Two owners, or none, is something to look at before anything is moved."""
    impact, stopped = case.plan.impact, nodes_let_down(case.plan, case.state.profile)
    for name in case.state.profile.vrrp:
        seen = ownership(case.state, name, case.now)
        owners = [claim.node for claim in seen.owners]
        address = case.state.profile.vrrp[name].address
        if len(owners) > 1 and (name in impact.moves or not stopped.isdisjoint(owners)):
            text = f"VIP {address} is on {' and '.join(owners)} at once"
            about = tuple(f"{name} on {owner}" for owner in owners)
            yield Denial("split-brain", text, overridable=not impact.planned, subjects=about)
        elif not owners and impact.needs_owner and name in impact.moves:
            blind = "".join(f"; {why_unseen(case.state, node, case.now)}" for node in seen.unseen)
            yield Denial("no-owner", f"no node is seen to hold VIP {address}{blind}")


# Whether a VIP would be served on the node that takes it. Pure.


def nginx_unfit(case: GuardContext, node: NodeState) -> Iterator[Denial]:
    """Why clients of a VIP would not be served on this node."""
    unit = case.state.profile.nginx.unit
    runs = node.units[unit]
    # Without nginx no domain is answered: that is each of them, and whoever insists on it insists on each.
    every = tuple(node.domains) or (unit,)
    if isinstance(runs, Unknown):
        reason = f"whether {unit} runs on {node.name} is not known: {runs.reason}"
        yield Denial("standby-unhealthy", reason, True, node.name, every, known=False)
        return
    if not runs.value.running:
        yield Denial(
            "standby-unhealthy", f"{unit} {being(runs.value.active)} on {node.name}", True, node.name, every
        )
        return
    for domain, seen in node.domains.items():
        if isinstance(seen, Unknown):
            reason = f"{domain} on {node.name} is not known to answer: {seen.reason}"
            yield Denial("standby-unhealthy", reason, True, node.name, (domain,), known=False)
        elif not seen.value.ok:
            why = seen.value.detail or str(seen.value.outcome)
            yield Denial("standby-unhealthy", f"{domain} on {node.name}: {why}", True, node.name, (domain,))


# The guard on VIPs that come to a node by preemption: would they be served there? Pure.


def comes_unfit(case: GuardContext) -> Iterator[Denial]:
    """Its check would keep a keepalived whose nginx is bad from taking a VIP: if it sees that.

    An nginx that starts itself is asked by its own step.
    """
    nginx = case.state.profile.nginx.unit
    for each in case.plan.impact.handovers:
        starts_nginx = getattr(case.plan.action, "unit", None) == nginx
        if each.comes and each.taker is not None and not starts_nginx:
            yield from nginx_unfit(case, case.state.nodes[each.taker])


# The guard on moves that do not last: a node of a higher priority would take the VIP back. Pure.

PREEMPTED = "preempts"


def preempts(case: GuardContext) -> Iterator[Denial]:
    """Where keepalived does not tell, only the profile says that it preempts: then one may insist."""
    state, impact = case.state, case.plan.impact
    drill = isinstance(case.plan.action, DrillAction)
    for each in impact.handovers if impact.planned else ():
        if each.taker is None or each.taker == each.owner or each.comes:
            continue
        for name in each.moves:
            # A drill finds out what a node does that the profile does not want.
            if not (drill and pushed_on(state, each.owner, name).nopreempt):
                yield from _taken_from(state, name, each, each.taker)


def _taken_from(state: ClusterState, name: str, handover: Handover, taker: str) -> Iterator[Denial]:
    for node in state.profile.nodes:
        own, other = (base_priority(state, name, each) for each in (node, taker))
        live = vrrp_on(state, node, name)
        if live.nopreempt or own <= other or not _stands_by(state, name, node, handover.owner):
            continue
        delay_s = live.preempt_delay_s
        when = f"after its preempt_delay of {delay_s:g} s" if delay_s else "at once"
        within = f"; it may take up to {preempted_s(own, live):.0f} s" if delay_s else ""
        back = "back " if node == handover.owner else ""
        told = reports_preemption(state, node, name)
        guess = "" if told else "by the profile, for keepalived does not tell, "
        reason = f"{guess}{name} preempts: {node} (priority {own}) would take the VIP {back}{when}{within}"
        yield Denial(PREEMPTED, f"{reason}; set nopreempt first", not told, node, (name,), told)


def _stands_by(state: ClusterState, instance: str, node: str, owner: str) -> bool:
    """The owner will again; another node that is in FAULT takes nothing."""
    seen = state.nodes[node].vrrp[instance]
    return node == owner or (isinstance(seen, Known) and seen.value.state is VrrpState.BACKUP)


# The guard on what hangs on keepalived's check: whether it moves a VIP from a node without nginx. Pure.

WEIGHED = "check-weighs"
# What makes a check of nginx fail.
FAILS = (DrillVerb.STOP, DrillVerb.HANG)


def check_weighs(case: GuardContext) -> Iterator[Denial]:
    """Who waits for a FAULT, or for a VIP to leave a failing check, needs a check that does that."""
    match case.plan.action:
        case DrillAction() as action:
            yield from _of_drill(case, action)
        case ServiceAction(verb=UnitVerb.STOP, unit=unit) if unit == case.state.profile.nginx.unit:
            yield from _of_stop(case)


def _of_stop(case: GuardContext) -> Iterator[Denial]:
    """With nginx gone and the VIP still there, nobody is answered."""
    for handover in case.plan.impact.handovers:
        for name in handover.moves:
            owner, taker = handover.owner, handover.taker
            if taker is not None and (stays := of_leaving(case.state, name, owner, taker)):
                yield Denial(WEIGHED, stays.reason, True, owner, (name,), stays.known)


def _of_drill(case: GuardContext, action: DrillAction) -> Iterator[Denial]:
    impact = case.plan.impact
    if impact.owner is None or impact.taker is None:
        return
    name = instance_of(case.state.profile, action.instance)
    best = preferred_of(case.state, name, impact.owner, impact.taker)
    live = {node: live_of(action, case.state, name, node) for node in case.state.profile.nodes}
    for leg in resolved_steps(action.drill, impact.owner, impact.taker, best):
        move = leg.move
        waited = [(each.who, each.state) for each in move.expect if isinstance(each, StateOf)]
        waited += [(each.who, each.state) for each in move.transitions]
        for node in dict.fromkeys(leg.node(who) for who, state in waited if state is VrrpState.FAULT):
            if why := why_no_fault(node, live[node]):
                text = f"the drill waits for FAULT on {node}, but {why}"
                yield Denial(WEIGHED, text, True, node, (f"FAULT of {name}",))
        fails = move.verb in FAILS and move.unit == case.state.profile.nginx.unit and leg.acted_on == leg.owner
        if fails and leg.moves_vip:
            taker = leg.next_owner
            pair = (leg.owner, live[leg.owner], taker, live[taker])
            stays = why_it_stays(*pair)
            if why := stays or why_it_may_stay(*pair):
                reason = f"the drill waits for the VIP to leave {leg.owner}, but {why}"
                yield Denial(WEIGHED, reason, True, leg.owner, (name,), known=stays is not None)


# The guard on old evidence of nodes that are not touched, and that the plan rests on all the same. Pure.


def stale_elsewhere(case: GuardContext) -> Iterator[Denial]:
    """The standby that takes over, the backend that serves meanwhile: what they were a while ago proves nothing.

    A node whose link is down is known not to be heard: other guards and the plan's notes speak of that.
    """
    for name in rests_on(case.plan, case.state.profile):
        node = case.state.nodes[name]
        if name in case.plan.impact.touches or node.link.state is not LinkState.UP or node.last_event_at is None:
            continue
        if node.freshness(case.now) is not Freshness.LIVE:
            reason = (
                f"{name} was last heard {case.now - node.last_event_at:.0f} s ago, more than {STALE_AFTER_S:.0f} s"
            )
            insist = not case.plan.impact.planned
            text = f"{reason}, and the plan rests on what it was then"
            yield Denial("stale-evidence", text, insist, name, ("last heard",))


def old_answers(case: GuardContext) -> Iterator[Denial]:
    """A node may be heard while nobody asks its nginx and its services any more."""
    insist, nodes = not case.plan.impact.planned, case.state.nodes
    for node, what, seen in dict.fromkeys(_answers(case)):
        live = nodes[node].link.state is LinkState.UP and nodes[node].freshness(case.now) is Freshness.LIVE
        beside = live and node not in case.plan.impact.touches
        if beside and isinstance(seen, Known) and seen.value.ok:
            age_s = seen.age_s(case.now)
            if age_s > UNKNOWN_AFTER_S:
                reason = f"that {what} on {node} answers was last seen {age_s:.0f} s ago"
                text = f"{reason}, more than {UNKNOWN_AFTER_S:.0f} s"
                yield Denial("stale-evidence", text, insist, node, (what,))


def _answers(case: GuardContext) -> Iterator[tuple[str, str, Observed[ProbeReport]]]:
    """What the guards take for good of those who take over, and of those who serve meanwhile."""
    for each in case.plan.impact.handovers:
        if each.taker is not None:
            yield from (
                (each.taker, domain, seen) for domain, seen in case.state.nodes[each.taker].domains.items()
            )
    for name, node in serving(case.plan, case.state.profile):
        yield node, name, case.state.nodes[node].services[name]
