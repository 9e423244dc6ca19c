"""The plan of a planned VIP move: raise the standby, let the owner go, bring it back as standby. Pure.

The gap a client sees is the taker's skew time. At priority 254 that is 8 ms instead of 609 or 805.
"""

from __future__ import annotations

from collections.abc import Iterator

from iamops.model.facts import VrrpState
from iamops.model.observed import Unknown
from iamops.model.state import ClusterState
from iamops.plan.action import Switchover
from iamops.plan.expectation import ClientAnswered, EffectivePriority, StateExpectation, VipOn, VrrpIn
from iamops.plan.impact import impact_of
from iamops.plan.known import NotKnown, answered, vrrp_of
from iamops.plan.predict import of_move, open_connections
from iamops.plan.step_builders import (
    SHORT_TIMEOUT_S,
    arm,
    checked_first,
    control,
    disarm,
    do,
    lower_again,
    moved,
    resigning,
    runs,
    start_again,
    stopped,
)
from iamops.plan.steps import SUDO, Impact, Plan, Step, Undo
from iamops.plan.vrrp_timing import HIGHEST_PRIORITY
from iamops.render import privileges


def switchover_plan(action: Switchover, state: ClusterState, now: float) -> Plan:
    """Steps are empty when the VIP already is where it is wanted, or when nobody can be told to own it."""
    impact = impact_of(action, state, now)
    if impact.owner is None or impact.taker is None:
        return Plan(action, "nobody is known to own the VIP, or to take it", (), (), impact)
    if impact.taker == impact.owner:
        vips = " and ".join(state.profile.vrrp[name].address for name in impact.moves)
        return Plan(action, f"{impact.owner} already owns VIP {vips}: nothing to do", (), (), impact)
    why_plain = None if action.plain else why_not_raised(state, impact.moves, impact.taker)
    raised = not action.plain and why_plain is None
    plan = Plan(
        action,
        of_move(state, impact, now, raised=raised),
        tuple(moving_steps(state, impact.moves, impact.owner, impact.taker, raised=raised)),
        tuple(_steady(state, impact, now)),
        impact,
        (*((f"the plain way: {why_plain}",) if why_plain else ()), *open_connections(impact)),
        resigning(state, impact),
    )
    return checked_first(plan, state)


def moving_steps(
    state: ClusterState, names: tuple[str, ...], owner: str, taker: str, *, raised: bool
) -> Iterator[Step]:
    """From owner to taker, whoever owns the VIPs of these instances now: also a later leg of a drill."""
    lowers = [_lower(state, name, taker) for name in names] if raised else []
    for name, undo in zip(names, lowers, strict=False):
        yield arm(undo, state)
        yield _raise(state, name, taker, undo)
    unit = state.profile.keepalived.unit
    back: tuple[StateExpectation, ...] = (
        runs(state, unit, owner),
        *(VrrpIn(owner, name, (VrrpState.BACKUP, VrrpState.MASTER)) for name in names),
    )
    undo = start_again(unit, owner, back)
    yield arm(undo, state)
    gone: tuple[StateExpectation, ...] = (stopped(unit, owner), *(VipOn(name, taker) for name in names))
    yield do(f"stop {unit} on {owner}", owner, control("stop", unit), gone, spoils=undo.name)
    yield do(f"start {unit} on {owner}", owner, control("start", unit), back, mends=undo.name)
    yield disarm(undo)
    for undo in lowers:
        yield do(f"{undo.title} on {taker}", taker, undo.argv, undo.expect, within_s=5.0, mends=undo.name)
        yield disarm(undo)


def _raise(state: ClusterState, instance: str, taker: str, undo: Undo) -> Step:
    base = _base(state, instance, taker)
    return do(
        f"raise the priority of {instance} on {taker} from {base} to {HIGHEST_PRIORITY}",
        taker,
        (*SUDO, *privileges.set_priority(instance)),
        (EffectivePriority(taker, instance, HIGHEST_PRIORITY),),
        within_s=SHORT_TIMEOUT_S,
        stdin=f"{HIGHEST_PRIORITY - base}\n",
        spoils=undo.name,
    )


def _lower(state: ClusterState, instance: str, taker: str) -> Undo:
    return lower_again(instance, taker, _base(state, instance, taker))


def _base(state: ClusterState, instance: str, node: str) -> int:
    """What keepalived itself calls its base priority. Raises NotKnown."""
    base = vrrp_of(state, instance, node).priority
    if base is None:
        raise NotKnown(f"the base priority of {instance} on {node} is not known: keepalived does not tell it")
    return base


def why_not_raised(state: ClusterState, names: tuple[str, ...], taker: str) -> str | None:
    """Why the taker's priority cannot be raised first, which leaves the gap of its own skew; None: it can be.

    A raise that cannot be seen is not made: it would have to be believed.
    """
    seen, plain = state.nodes[taker], "so the gap is the skew of its own priority"
    if isinstance(seen.safety, Unknown):
        return f"whether keepalived on {taker} has a track file is not known ({seen.safety.reason}), {plain}"
    missing = [name for name in names if name not in seen.safety.value.track_files]
    if missing:
        what = f"no track file for {', '.join(missing)} (config push brings it)"
        return f"keepalived on {taker} has {what}, {plain}"
    for name in names:
        report = seen.vrrp[name]
        if isinstance(report, Unknown):
            return f"the VRRP state of {name} on {taker} is not known ({report.reason}), {plain}"
        if report.value.priority is None or report.value.effective_priority is None:
            return f"keepalived on {taker} does not tell its priority, so a raised one could not be seen, {plain}"
    return None


def _steady(state: ClusterState, impact: Impact, now: float) -> Iterator[StateExpectation]:
    yield from moved(state, impact)
    for name in impact.moves:
        if answered(state.client[name]):
            yield ClientAnswered(name)
