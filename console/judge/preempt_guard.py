"""The guard on moves that do not last: a node of a higher priority would take the VIP back. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from console.judge.denial import Case, Denial
from console.model.facts import VrrpState
from console.model.observed import Known
from console.model.state import ClusterState
from console.plan.action import DrillAction
from console.plan.live import base_priority, pushed_on, tells_preemption, vrrp_on
from console.plan.steps import Handover
from console.plan.timing import preempted_s

CODE = "preempts"


def preempts(case: Case) -> Iterator[Denial]:
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
        told = tells_preemption(state, node, name)
        guess = "" if told else "by the profile, for keepalived does not tell, "
        reason = f"{guess}{name} preempts: {node} (priority {own}) would take the VIP {back}{when}{within}"
        yield Denial(CODE, f"{reason}; set nopreempt first", not told, node, (name,), told)


def _stands_by(state: ClusterState, instance: str, node: str, owner: str) -> bool:
    """The owner will again; another node that is in FAULT takes nothing."""
    seen = state.nodes[node].vrrp[instance]
    return node == owner or (isinstance(seen, Known) and seen.value.state is VrrpState.BACKUP)
