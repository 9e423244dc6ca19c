"""Plans for one unit on one node, and for a rolling restart. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from iamops.model.need import NeedWhen
from iamops.model.state import ClusterState
from iamops.plan.action import RollingRestart, ServiceAction, UnitVerb
from iamops.plan.backends import idle_notes, others_serve, serving_again
from iamops.plan.check_timing import asked_checks, may_go, undecided_s
from iamops.plan.expectation import DomainsAnswer, Expectation, FreshWorkers, StateExpectation
from iamops.plan.impact import impact_of, restarts
from iamops.plan.known import holding, unit_of
from iamops.plan.needs import falls
from iamops.plan.predict import of_move, of_service, open_connections
from iamops.plan.preemption import comes_within_s, open_vips
from iamops.plan.step_builders import (
    HEALTHY_WITHIN_S,
    SHORT_TIMEOUT_S,
    alive,
    arm,
    config_check,
    control,
    disarm,
    do,
    domains_elsewhere,
    healthy_again,
    moved,
    out_of_fault,
    resigning,
    runs,
    start_again,
    stays,
    stopped,
    vips_stay,
)
from iamops.plan.steps import Impact, Plan, Step, StepKind, Undo
from iamops.plan.vrrp_timing import (
    all_on,
    check_window_s,
    counted_priority,
    master_down_s,
    outvoted_s,
    rises_s,
    vrrp_on,
)

# A VIP that moves because of a farewell needs less than a second; keepalived takes one to stop.
MOVE_WITHIN_S = 5.0
# systemd starts what has ended anew after five seconds in the published units; then it must answer.
FALLEN_BACK_S = 20.0


def service_plan(action: ServiceAction, state: ClusterState, now: float) -> Plan:
    """Steps are empty where the unit already is as it is to be."""
    impact = impact_of(action, state, now)
    steps = with_looks(action, STEPS[action.verb](action, state, impact, now), state)
    prediction = of_service(action, state, impact, now)
    return Plan(
        action,
        prediction if steps else f"{action.unit} is already {_already(action)} on {action.node}: nothing to do",
        steps,
        _steady(action, state, impact, now),
        impact,
        _notes(action, state, impact),
        resigning(state, impact),
    )


def rolling_plan(action: RollingRestart, state: ClusterState, now: float) -> Plan:
    """Restarts node after node; the next begins when the one before gets requests again from every nginx."""
    impact = impact_of(action, state, now)
    steps: list[Step] = []
    for node, own in restarts(state, action.unit, now):
        each = ServiceAction(UnitVerb.RESTART, action.unit, node)
        steps += looked_at_before(each, _restart(each, state, own, now), state, steps)
        steps += all_well(state, action.unit, node, last=node == impact.touches[-1])
        steps += serving_again(state, action.unit, node)
    order = " then ".join(impact.touches)
    return Plan(
        action,
        f"{action.unit} restarts on {order}; {_of_rolling(action.unit, state, impact, now)}",
        tuple(steps),
        _steady(action, state, impact, now),
        impact,
        open_connections(impact),
        resigning(state, impact),
    )


def _of_rolling(unit: str, state: ClusterState, impact: Impact, now: float) -> str:
    """What each restart that clients notice means to them; where none does, the last one."""
    if impact.moves:
        return of_move(state, impact, now, raised=False)
    nginx = unit == state.profile.nginx.unit
    felt = [node for node in impact.touches if nginx and holding(state, node, now).any] or [impact.touches[-1]]
    each = (of_service(ServiceAction(UnitVerb.RESTART, unit, node), state, impact, now) for node in felt)
    return "; then ".join(each)


def all_well(state: ClusterState, unit: str, node: str, *, last: bool) -> Iterator[Step]:
    """Before the next node is touched: what fell with this one is back, and keepalived would take a VIP here."""
    fallen = [fall for fall in falls(state.profile, unit, node) if fall.need.when is NeedWhen.ALWAYS]
    for fall in fallen:
        title = f"wait until {fall.service} on {fall.node} is healthy again"
        well = healthy_again(state, fall.service, fall.node)
        if well:
            yield Step(StepKind.LOOK, title, fall.node, (), SHORT_TIMEOUT_S, well, within_s=FALLEN_BACK_S)
            yield from serving_again(state, state.profile.services[fall.service].unit, fall.node)
    standing_by = out_of_fault(state, node)
    undecided = undecided_s(ServiceAction(UnitVerb.RESTART, unit, node), state)
    if undecided and standing_by and not last:
        title = f"watch that keepalived's check passes on {node} for {undecided:g} s"
        yield Step(StepKind.WATCH, title, node, (), undecided, standing_by, lasts_s=undecided)
    if unit == state.profile.nginx.unit and standing_by and not last:
        title = f"wait until keepalived on {node} has seen that nginx is back"
        within_s = HEALTHY_WITHIN_S + max(rises_s(live) for live in all_on(state, node))
        yield Step(StepKind.LOOK, title, node, (), SHORT_TIMEOUT_S, standing_by, within_s=within_s)


def with_looks(
    action: ServiceAction, steps: tuple[Step, ...], state: ClusterState, *, vips_move: bool = False
) -> tuple[Step, ...]:
    """What is asked before anything is touched, and what is waited for after it."""
    if not steps:
        return ()
    after = (
        serving_again(state, action.unit, action.node) if action.verb in (UnitVerb.START, UnitVerb.RESTART) else ()
    )
    return (*looked_at_before(action, steps, state, vips_move=vips_move), *after)


def looked_at_before(
    action: ServiceAction,
    steps: tuple[Step, ...],
    state: ClusterState,
    done: Sequence[Step] = (),
    *,
    vips_move: bool = False,
) -> tuple[Step, ...]:
    """The steps, and what is asked before them. `done`: the steps of the plan so far."""
    before: list[Step] = []
    if action.verb is not UnitVerb.STOP:
        before += config_check(state, action.unit, action.node)
    if action.verb in (UnitVerb.STOP, UnitVerb.RESTART) and _running(state, action):
        before += others_serve(state, action.unit, action.node, (*done, *before), vips_move=vips_move)
    return (*before, *steps)


def restart_steps(action: ServiceAction, state: ClusterState, now: float) -> tuple[Step, ...]:
    """A restart as a part of something larger: arm, restart, observe, disarm."""
    return _restart(action, state, impact_of(action, state, now), now)


def _start(action: ServiceAction, state: ClusterState, impact: Impact, now: float) -> tuple[Step, ...]:
    if _running(state, action):
        return ()
    return (_starting(action, state, impact),)


def _starting(action: ServiceAction, state: ClusterState, impact: Impact) -> Step:
    """A unit that did not run leaves nothing to go back to: it has no undo."""
    served = domains_elsewhere(state, action.node) if action.unit == state.profile.nginx.unit else ()
    well = (DomainsAnswer(action.node, served),) if served else alive(state, action.unit, action.node)
    comes = replace(impact, handovers=tuple(each for each in impact.handovers if each.comes))
    expect: tuple[Expectation, ...] = (
        runs(state, action.unit, action.node),
        *well,
        *moved(state, comes),
        *_checked(action, state),
        stays(state, action.unit, action.node),
    )
    within_s = HEALTHY_WITHIN_S + comes_within_s(state, action.unit, impact)
    return do(action.sentence, action.node, control(action.verb, action.unit), expect, within_s=within_s)


def _stop(action: ServiceAction, state: ClusterState, impact: Impact, now: float) -> tuple[Step, ...]:
    if unit_of(state, action.unit, action.node).stopped:
        return ()
    undo = _again(action, state)
    expect = (stopped(action.unit, action.node), *moved(state, impact))
    needs_s = _move_needs_s(action, state, impact)
    step = do(
        action.sentence,
        action.node,
        control("stop", action.unit),
        expect,
        within_s=max(MOVE_WITHIN_S, needs_s),
        needs_s=needs_s,
        spoils=undo.name,
    )
    return (arm(undo, state), step, disarm(undo))


def _restart(action: ServiceAction, state: ClusterState, impact: Impact, now: float) -> tuple[Step, ...]:
    if not _running(state, action):
        return (_starting(action, state, impact),)
    undo = _again(action, state)
    expect = (
        runs(state, action.unit, action.node, replaced=True),
        *alive(state, action.unit, action.node),
        *moved(state, impact),
        *_checked(action, state),
        lasting := stays(state, action.unit, action.node),
    )
    argv = control("restart", action.unit)
    comes_s = comes_within_s(state, action.unit, impact)
    step = do(
        action.sentence,
        action.node,
        argv,
        expect,
        within_s=HEALTHY_WITHIN_S + comes_s,
        needs_s=lasting.lasts_s + comes_s,
        spoils=undo.name,
        mends=undo.name,
    )
    return (arm(undo, state), step, disarm(undo))


def _reload(action: ServiceAction, state: ClusterState, impact: Impact, now: float) -> tuple[Step, ...]:
    expect: tuple[Expectation, ...] = (
        runs(state, action.unit, action.node),
        *alive(state, action.unit, action.node),
    )
    report = unit_of(state, action.unit, action.node)
    if action.unit == state.profile.nginx.unit and report.main_pid:
        expect = (*expect, FreshWorkers(action.node, action.unit, report.main_pid))
    expect = (*expect, *_checked(action, state))
    return (do(action.sentence, action.node, control("reload", action.unit), expect),)


def _checked(action: ServiceAction, state: ClusterState) -> tuple[Expectation, ...]:
    """nginx is what keepalived's check asks."""
    return asked_checks(state, action.node) if action.unit == state.profile.nginx.unit else ()


STEPS = {UnitVerb.START: _start, UnitVerb.STOP: _stop, UnitVerb.RESTART: _restart, UnitVerb.RELOAD: _reload}


def _again(action: ServiceAction, state: ClusterState) -> Undo:
    """What did not run, between two crashes for example, cannot be asked to run again."""
    well = (runs(state, action.unit, action.node), *alive(state, action.unit, action.node))
    back = well if _running(state, action) else ()
    return start_again(action.unit, action.node, back)


def _running(state: ClusterState, action: ServiceAction) -> bool:
    """Raises NotKnown."""
    return unit_of(state, action.unit, action.node).running


def _already(action: ServiceAction) -> str:
    return "stopped" if action.verb is UnitVerb.STOP else "running"


def _move_needs_s(action: ServiceAction, state: ClusterState, impact: Impact) -> float:
    """A stopped keepalived says farewell; a stopped nginx must first be noticed by its check."""
    if not impact.moves or impact.taker is None:
        return 0.0
    nginx = action.unit == state.profile.nginx.unit
    needs_s = [1.0]
    for each in impact.handovers:
        taker = each.taker
        if taker is None:
            continue
        for name in each.moves:
            own = vrrp_on(state, each.owner, name)
            priority, live = counted_priority(state, name, taker), vrrp_on(state, taker, name)
            noticed_s = check_window_s(own)[1] + outvoted_s(own, priority, live) if nginx else 0.0
            needs_s.append(1.0 + noticed_s + master_down_s(priority, live))
    return max(needs_s)


def _steady(
    action: ServiceAction | RollingRestart, state: ClusterState, impact: Impact, now: float
) -> tuple[StateExpectation, ...]:
    """What must hold in the end. VIPs that are not moved stay with their owner, as far as that is known."""
    names = tuple(name for name in state.profile.vrrp if name not in impact.moves)
    verb = action.verb if isinstance(action, ServiceAction) else UnitVerb.RESTART
    unsure: set[str] = set()
    for node in impact.touches:
        if action.unit in (state.profile.keepalived.unit, state.profile.nginx.unit):
            unsure |= (
                {*open_vips(state, action.unit, node, now)}
                if verb in (UnitVerb.START, UnitVerb.RESTART)
                else set()
            )
        if action.unit == state.profile.nginx.unit and verb is UnitVerb.RESTART:
            unsure |= {*may_go(state, node, now)}
    return (*vips_stay(state, names, now, unsure), *moved(state, impact))


def _notes(action: ServiceAction, state: ClusterState, impact: Impact) -> tuple[str, ...]:
    notes = (
        [*idle_notes(state, action.unit, action.node)] if action.verb in (UnitVerb.STOP, UnitVerb.RESTART) else []
    )
    # A VIP that is taken back after the restart would be taken back after a switchover too.
    goes = [each for each in impact.handovers if not each.comes]
    if goes and len(goes) == len(impact.handovers) and action.unit == state.profile.keepalived.unit:
        notes.append("`iamops switchover` first would move the VIP with a gap of about 0.01 s")
    if action.verb is UnitVerb.RESTART and not _running(state, action):
        notes.append(f"{action.unit} does not run on {action.node} now, so there is nothing to go back to")
    if action.unit == state.profile.nginx.unit and action.verb in (UnitVerb.START, UnitVerb.RESTART):
        served = domains_elsewhere(state, action.node)
        unserved = [d for d in state.nodes[action.node].domains if d not in served]
        if not _running(state, action):
            told = "no nginx is known to answer for {}, so {} is not asked for it"
            notes += [told.format(domain, action.node) for domain in unserved]
    return (*notes, *open_connections(impact))
