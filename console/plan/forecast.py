"""What a client may lose by a plan, and for how long its effects may still show. Pure.

The measured gap is judged by it. Times in seconds. The numbers come from VRRP's theory with the priorities that
keepalived tells, from the check's interval, and from what nginx does when a backend goes. Nothing has succeeded
before keepalived's check has had its time, or has been asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from console.model.live import LiveVrrp
from console.model.state import ClusterState
from console.plan.action import (
    ALLOWANCE_S,
    Action,
    ConfigPush,
    DrainedRestart,
    DrillAction,
    RollingRestart,
    ServiceAction,
    Switchover,
    Verb,
)
from console.plan.caught import NGINX_RESTART_S, gap_s
from console.plan.deciding import asked_checks, decides_s, undecided_s
from console.plan.known import answered, holding
from console.plan.live import all_on, all_pushed, counted_priority, vrrp_on
from console.plan.sending import serving_besides
from console.plan.steps import Forecast, Handover, Impact
from console.plan.timing import HIGHEST_PRIORITY, check_window_s, falls_at_once, master_down_s, outvoted_s, skew_s

# What a change of a backend or of nginx's workers does shows at once.
AT_ONCE_S = 1.0


def forecast_of(
    action: Action, impact: Impact, state: ClusterState, now: float, *, raised: bool
) -> Forecast | None:
    """None: a drill has budgets of its own. `raised`: the taker's priority is raised first."""
    match action:
        case DrillAction():
            return None
        case Switchover():
            return Forecast(_move_s(impact, state, raised=raised), _elected_s(state))
        case ConfigPush():
            new_s = max(master_down_s(live.priority, live) for live in all_pushed(state)) + ALLOWANCE_S
            dark_s = max(_elected_s(state), new_s) if action.apart else 0.0
            return Forecast(dark_s, dark_s or AT_ONCE_S)
        case DrainedRestart():
            open_s = max((decides_s(state, n) for n in impact.touches if not asked_checks(state, n)), default=0.0)
            return Forecast(0.0, max(AT_ONCE_S, open_s))
        case RollingRestart():
            # Gaps are judged by their sum, so that is what is forecast.
            each = [
                _of_unit(ServiceAction(Verb.RESTART, action.unit, n), own, state, now)
                for n, own in _by_node(impact)
            ]
            known = [one.gap_s for one in each if one.gap_s is not None]
            return Forecast(sum(known) if len(known) == len(each) else None, max(one.lasts_s for one in each))
        case ServiceAction():
            return _of_unit(action, impact, state, now)


def _by_node(impact: Impact) -> Iterator[tuple[str, Impact]]:
    """Each node of a rolling restart, with what it hands over itself."""
    for node in impact.touches:
        own = tuple(each for each in impact.handovers if each.owner == node)
        moves = tuple(name for each in own for name in each.moves)
        yield node, replace(impact, handovers=own, moves=moves)


def _of_unit(action: ServiceAction, impact: Impact, state: ClusterState, now: float) -> Forecast:
    profile = state.profile
    if action.unit == profile.keepalived.unit:
        lasts_s = AT_ONCE_S if action.verb is Verb.STOP else max(_elected_s(state), undecided_s(action, state))
        return Forecast(_move_s(impact, state, raised=False), lasts_s)
    if action.unit == profile.nginx.unit:
        return _of_nginx(action, impact, state, now)
    if action.verb in (Verb.START, Verb.RELOAD):
        return Forecast(0.0, AT_ONCE_S)
    return Forecast(None if _alone(action, impact, state) else 0.0, AT_ONCE_S)


def _of_nginx(action: ServiceAction, impact: Impact, state: ClusterState, now: float) -> Forecast:
    if action.verb is Verb.STOP:
        if not impact.moves:
            return Forecast(0.0, AT_ONCE_S)
        gone_s = [
            check_window_s(own := vrrp_on(state, each.owner, name))[1] + _outvoted_s(own, name, each.taker, state)
            for each in impact.handovers
            for name in each.moves
        ]
        return Forecast(max(gone_s) + _move_s(impact, state, raised=False), 1.0)
    # With a check that fails at once, one bad look moves the VIP.
    quick = [live for live in all_on(state, action.node) if falls_at_once(live, NGINX_RESTART_S)]
    lasts_s = max((check_window_s(live)[1] for live in quick), default=AT_ONCE_S)
    lasts_s = max(lasts_s, undecided_s(action, state))
    if action.verb is Verb.RESTART and holding(state, action.node, now).any:
        return Forecast(NGINX_RESTART_S + gap_s(state, action.node, now), lasts_s)
    return Forecast(0.0, lasts_s)


def _outvoted_s(own: LiveVrrp, name: str, taker: str | None, state: ClusterState) -> float:
    if taker is None:
        return 0.0
    return outvoted_s(own, counted_priority(state, name, taker), vrrp_on(state, taker, name))


def _alone(action: ServiceAction, impact: Impact, state: ClusterState) -> bool:
    """Is there nobody else to serve a published service, or does everything hang on what is stopped?"""
    if impact.stops_datastore:
        return True
    services = [state.profile.services[name] for name in impact.stops_service]
    return any(
        not any(answered(state.nodes[n].services[each.name]) for n in serving_besides(state, each, action.node))
        for each in services
        if each.domain
    )


def _move_s(impact: Impact, state: ClusterState, *, raised: bool) -> float:
    """The takers' skews, one handover after the other. Nothing where no VIP moves."""
    return sum(_skew_s(each, state, raised=raised) for each in impact.handovers)


def _skew_s(handover: Handover, state: ClusterState, *, raised: bool) -> float:
    """Of the VIPs that go at once, the last one."""
    taker = handover.taker
    if taker is None:
        return 0.0
    return max(
        skew_s(HIGHEST_PRIORITY if raised else counted_priority(state, name, taker), vrrp_on(state, taker, name))
        for name in handover.moves
    )


def _elected_s(state: ClusterState) -> float:
    """A keepalived that has just begun, and hears nobody, would be master after this long."""
    lives = [live for node in state.profile.nodes for live in all_on(state, node)]
    return max(master_down_s(live.priority, live) for live in lives) + ALLOWANCE_S
