"""Guards on VIPs: who has one, who would take it, and whether it would be served and stay there. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from iamops.judge.guards.nodes import link_reason, unit_report
from iamops.model.facts import LinkState, VrrpState
from iamops.model.observed import Known, Unknown
from iamops.model.state import NodeState, on_our_clock
from iamops.model.text import being
from iamops.model.vip import ownership, why_unseen
from iamops.plan.action import DrillAction
from iamops.plan.denial import Denial, GuardContext
from iamops.plan.step_builders import nodes_let_down
from iamops.plan.vrrp_timing import base_priority, preempted_s, pushed_on, reports_preemption, vrrp_on

# A node's clock and ours agree so well that a later time is of a clock that was set since.
CLOCK_SLACK_S = 2.0


def owner_in_doubt(case: GuardContext) -> Iterator[Denial]:
    """Two owners, or none, is something to look at before anything is moved."""
    impact, stopped = case.plan.impact, nodes_let_down(case.plan, case.state.profile)
    for name, vrrp in case.state.profile.vrrp.items():
        seen = ownership(case.state, name, case.now)
        owners = [claim.node for claim in seen.owners]
        if len(owners) > 1 and (name in impact.moves or not stopped.isdisjoint(owners)):
            text = f"VIP {vrrp.address} is on {' and '.join(owners)} at once"
            subjects = tuple(f"{name} on {owner}" for owner in owners)
            yield Denial("split-brain", text, overridable=not impact.planned, subjects=subjects)
        elif not owners and impact.needs_owner and name in impact.moves:
            blind = "".join(f"; {why_unseen(case.state, node, case.now)}" for node in seen.unseen)
            yield Denial("no-owner", f"no node is seen to hold VIP {vrrp.address}{blind}")


def standby_unfit(case: GuardContext) -> Iterator[Denial]:
    """Would someone take each VIP, and would it be served there?"""
    had: set[tuple[str, str]] = set()
    for handover in case.plan.impact.handovers:
        if handover.taker == handover.owner or handover.comes:
            continue
        if handover.taker is None:
            yield Denial("no-standby", f"{handover.owner} has no other node to hand the VIP to")
            continue
        node, insist = case.state.nodes[handover.taker], not case.plan.impact.planned
        if node.link.state is not LinkState.UP:
            yield Denial("standby-unreachable", link_reason(node), insist, node.name, ("link",))
            continue
        # What a node hands over and gets back it takes as the standby that it has become by then.
        first = tuple(name for name in handover.moves if (name, node.name) not in had)
        had |= {(name, handover.owner) for name in handover.moves}
        yield from _not_in_backup(case, node, first, insist)
        yield from _nginx_unfit(case, node)


def _not_in_backup(case: GuardContext, node: NodeState, names: tuple[str, ...], insist: bool) -> Iterator[Denial]:
    silence, process = node.keepalived_silence, unit_report(node, case.state.profile.keepalived.unit)
    if isinstance(silence, Known) and silence.value and process is not None and process.running:
        reason = f"keepalived on {node.name} does not answer ({silence.value}): it would take no VIP"
        yield Denial("standby-silent", reason, insist, node.name, names)
    names_by_state: dict[VrrpState, list[str]] = {}
    for name in names:
        seen = node.vrrp[name]
        if isinstance(seen, Unknown):
            reason = f"the VRRP state of {name} on {node.name} is not known: {seen.reason}"
            yield Denial("stale-evidence", reason, node=node.name)
        else:
            names_by_state.setdefault(seen.value.state, []).append(name)
    for state, own in names_by_state.items():
        if state is VrrpState.FAULT:
            reason = f"{node.name} is in FAULT and would not take the VIP"
            yield Denial("standby-fault", reason, insist, node.name, tuple(own))
        elif state is not VrrpState.BACKUP:
            reason = f"{node.name} is {state}, not BACKUP; no standby would take the VIP"
            yield Denial("standby-unhealthy", reason, insist, node.name, tuple(own))


def _nginx_unfit(case: GuardContext, node: NodeState) -> Iterator[Denial]:
    """Why clients of a VIP would not be served on this node."""
    code, unit = "standby-unhealthy", case.state.profile.nginx.unit
    process = node.units[unit]
    # Without nginx no domain is answered: that is all of them, and to insist on it is to insist on each.
    every = tuple(node.domains) or (unit,)
    if isinstance(process, Unknown):
        reason = f"whether {unit} runs on {node.name} is not known: {process.reason}"
        yield Denial(code, reason, True, node.name, every, known=False)
        return
    if not process.value.running:
        yield Denial(code, f"{unit} {being(process.value.active)} on {node.name}", True, node.name, every)
        return
    for domain, seen in node.domains.items():
        if isinstance(seen, Unknown):
            reason = f"{domain} on {node.name} is not known to answer: {seen.reason}"
            yield Denial(code, reason, True, node.name, (domain,), known=False)
        elif not seen.value.ok:
            why = seen.value.detail or str(seen.value.outcome)
            yield Denial(code, f"{domain} on {node.name}: {why}", True, node.name, (domain,))


def comes_unfit(case: GuardContext) -> Iterator[Denial]:
    """A check would keep a keepalived whose nginx is bad from taking a VIP that it preempts: if it sees that.

    An nginx that starts itself is asked by its own step.
    """
    starts_nginx = getattr(case.plan.action, "unit", None) == case.state.profile.nginx.unit
    for handover in case.plan.impact.handovers:
        if handover.comes and handover.taker is not None and not starts_nginx:
            yield from _nginx_unfit(case, case.state.nodes[handover.taker])


def check_blind(case: GuardContext) -> Iterator[Denial]:
    """nginx does not run, and yet keepalived would take the VIP: its check does not see what it should."""
    unit = case.state.profile.nginx.unit
    for handover in case.plan.impact.handovers:
        taker = handover.taker
        report = unit_report(case.state.nodes[taker], unit) if taker is not None else None
        if taker is None or handover.comes or report is None or report.running:
            continue
        for name in handover.moves:
            seen = case.state.nodes[taker].vrrp[name]
            if isinstance(seen, Known) and seen.value.state is VrrpState.BACKUP:
                reason = f"{unit} {being(report.active)} on {taker}, and keepalived there still is BACKUP"
                text = f"{reason}: its check does not see it, or not yet"
                yield Denial("check-blind", text, True, taker, (name,))


def priority_raised(case: GuardContext) -> Iterator[Denial]:
    """A raised priority that nobody lowers would decide the next election."""
    for node in case.node_states if case.plan.impact.moves else ():
        for name in case.plan.impact.moves:
            seen = node.vrrp[name]
            report = seen.value if isinstance(seen, Known) else None
            if report is None or report.effective_priority is None or report.priority is None:
                continue  # the plan's notes say so
            raised = report.effective_priority - report.priority
            if raised > 0:
                reason = f"the priority of {name} on {node.name} is raised by {raised}"
                yield Denial("priority-raised", reason, True, node.name, (name,))


def anti_flap(case: GuardContext) -> Iterator[Denial]:
    """A VIP that has just moved stays for a while: nobody fixes anything by moving it back and forth."""
    quiet_s = case.state.profile.safety.anti_flap_s
    leaves: dict[str, str] = {}
    for handover in case.plan.impact.handovers:
        if handover.taker != handover.owner:
            leaves = dict.fromkeys(handover.moves, handover.owner) | leaves
    for name, owner in leaves.items():
        came = f"VIP {case.state.profile.vrrp[name].address} came to {owner}"
        moved_at, subjects = _moved_at(case, name, owner), (f"{name} on {owner}",)
        if isinstance(moved_at, Unknown):
            text = f"when {came} is not known: {moved_at.reason}"
            yield Denial("anti-flap", text, overridable=True, subjects=subjects, known=False)
        elif moved_at is not None and case.now - moved_at < quiet_s:
            ago_s = max(0.0, case.now - moved_at)
            text = f"{came} {ago_s:.0f} s ago; wait {quiet_s - ago_s:.0f} s more"
            yield Denial("anti-flap", text, overridable=True, subjects=subjects)


def _moved_at(case: GuardContext, instance: str, owner: str) -> float | Unknown | None:
    """When the VIP came to its owner, on our clock. None: it has not moved for as long as it must not.

    Unknown where keepalived does not tell, or not by a clock that can be compared with ours, and we have not
    watched for long enough to say that it did not move.
    """
    state, quiet_s = case.state, case.state.profile.safety.anti_flap_s
    reported = _reported_move(state.nodes[owner], instance, case.now)
    times = [move.at for move in state.moves if move.instance == instance]
    if isinstance(reported, float):
        return max([*times, reported])
    if times and case.now - max(times) < quiet_s:
        return max(times)
    held_since = [c.since for c in ownership(state, instance, case.now).owners if c.node == owner]
    if quiet_s == 0 or any(case.now - since >= quiet_s for since in held_since):
        return None
    return reported


def _reported_move(node: NodeState, instance: str, now: float) -> float | Unknown:
    """When the node became MASTER, by keepalived's word, on our clock."""
    seen = node.vrrp[instance]
    if isinstance(seen, Unknown):
        return seen
    if seen.value.state is not VrrpState.MASTER or seen.value.last_transition is None:
        return Unknown("keepalived does not tell its last transition")
    at = on_our_clock(node, seen.value.last_transition)
    if isinstance(at, float) and at - now > CLOCK_SLACK_S:
        dated = f"keepalived dates it {at - now:.0f} s from now"
        return Unknown(f"{dated}: the clock of {node.name} was set back since")
    return at


def preempts(case: GuardContext) -> Iterator[Denial]:
    """A node of a higher priority would take the VIP back. Where keepalived does not tell, only the profile says
    that it preempts: then one may insist.
    """
    state, impact = case.state, case.plan.impact
    drill = isinstance(case.plan.action, DrillAction)
    for handover in impact.handovers if impact.planned else ():
        owner, taker = handover.owner, handover.taker
        if taker is None or taker == owner or handover.comes:
            continue
        for name in handover.moves:
            # A drill finds out what a node does that the profile does not want.
            if drill and pushed_on(state, owner, name).nopreempt:
                continue
            for node in state.profile.nodes:
                yield from _taken_from(case, name, owner, taker, node)


def _taken_from(case: GuardContext, name: str, owner: str, taker: str, node: str) -> Iterator[Denial]:
    own, other = (base_priority(case.state, name, candidate) for candidate in (node, taker))
    live, seen = vrrp_on(case.state, node, name), case.state.nodes[node].vrrp[name]
    # The owner will stand by again; another node that is in FAULT takes nothing.
    stands_by = node == owner or (isinstance(seen, Known) and seen.value.state is VrrpState.BACKUP)
    if live.nopreempt or own <= other or not stands_by:
        return
    delay_s, when, within = live.preempt_delay_s, "at once", ""
    if delay_s:
        when = f"after its preempt_delay of {delay_s:g} s"
        within = f"; it may take up to {preempted_s(own, live):.0f} s"
    back = "back " if node == owner else ""
    known = reports_preemption(case.state, node, name)
    guess = "" if known else "by the profile, for keepalived does not tell, "
    reason = f"{guess}{name} preempts: {node} (priority {own}) would take the VIP {back}{when}{within}"
    yield Denial("preempts", f"{reason}; set nopreempt first", not known, node, (name,), known)
