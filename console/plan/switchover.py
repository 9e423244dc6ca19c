"""The plan of a planned VIP move: raise the standby, let the owner go, bring it back as standby. Pure.

The gap a client sees is the taker's skew time. At priority 254 that is 8 ms instead of 609 or 805.
"""

from __future__ import annotations

from collections.abc import Iterator

from console.model.facts import VrrpState
from console.model.state import ClusterState
from console.plan.action import Switchover
from console.plan.expectation import ClientAnswered, EffectivePriority, StateExpectation, VrrpIn
from console.plan.fingerprint import fingerprint
from console.plan.impact import impact_of
from console.plan.pieces import (
    SHORT_TIMEOUT_S,
    arm,
    arrived,
    control,
    disarm,
    do,
    lower_again,
    moved,
    resign,
    runs,
    start_again,
    stopped,
)
from console.plan.predict import of_move, open_connections
from console.plan.steps import SUDO, Impact, Plan, Step, Undo
from console.plan.timing import HIGHEST_PRIORITY
from console.render import privileges


def switchover_plan(action: Switchover, state: ClusterState, now: float) -> Plan:
    """Steps are empty when the VIP already is where it is wanted, or when nobody can be told to own it."""
    impact = impact_of(action, state, now)
    mark = fingerprint(action, impact, state, now)
    if impact.owner is None or impact.taker is None:
        return Plan(action, "nobody is known to own the VIP, or to take it", (), (), impact, mark)
    if impact.taker == impact.owner:
        vips = " and ".join(state.profile.vrrp[name].address for name in impact.moves)
        return Plan(action, f"{impact.owner} already owns VIP {vips}: nothing to do", (), (), impact, mark)
    able = () if action.plain else raisable(state, impact.moves, impact.taker)
    raised = able == impact.moves
    return Plan(
        action,
        of_move(state, impact, now, raised=raised),
        tuple(moving_steps(state, impact.moves, impact.owner, impact.taker, raised=raised)),
        tuple(_steady(state, impact, now)),
        impact,
        mark,
        (*(() if raised or action.plain else (_why_plain(impact, able),)), *open_connections(impact)),
        tuple(resign(name, impact.taker, state.profile.keepalived.unit) for name in impact.moves),
    )


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
    gone = (stopped(unit, owner), *arrived(state, names, taker))
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
    """What keepalived itself calls its base priority; the profile's where it does not say."""
    report = state.nodes[node].vrrp[instance].value
    if report is not None and report.priority is not None:
        return report.priority
    return state.profile.vrrp[instance].priority_of(state.profile.nodes[node])


def raisable(state: ClusterState, names: tuple[str, ...], taker: str) -> tuple[str, ...]:
    """The instances for which the taker's keepalived has made its track file."""
    safety = state.nodes[taker].safety.value
    files = safety.track_files if safety else ()
    return tuple(name for name in names if name in files)


def _why_plain(impact: Impact, able: tuple[str, ...]) -> str:
    missing = [name for name in impact.moves if name not in able]
    return (
        f"the plain way: keepalived on {impact.taker} has no track file for {', '.join(missing)} "
        "(config push brings it), so the gap is the skew of its own priority"
    )


def _steady(state: ClusterState, impact: Impact, now: float) -> Iterator[StateExpectation]:
    yield from moved(state, impact)
    for name in impact.moves:
        seen = state.client[name]
        if seen.value is not None and seen.value.ok:
            yield ClientAnswered(name)
