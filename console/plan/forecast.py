"""What a client may lose by a plan, and for how long its effects may still show. Pure.

The measured gap is judged by it. Times in seconds. The numbers come from VRRP's theory with the priorities that
keepalived tells, from the check's interval, and from what nginx does when a backend goes. Nothing has succeeded
before keepalived's check has had its time, or has been asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

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
from console.plan.deciding import asked_checks, decides_s, undecided_s
from console.plan.known import answered, counted_priority, holding
from console.plan.sending import serving_besides
from console.plan.steps import Forecast, Handover, Impact
from console.plan.timing import HIGHEST_PRIORITY, check_window_s, master_down_s, skew_s

# nginx is stopped and started again within this on any machine that can carry it.
NGINX_RESTART_S = 1.0
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
            dark_s = _elected_s(state) if action.apart else 0.0
            return Forecast(dark_s, _elected_s(state) if action.apart else AT_ONCE_S)
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
        noticed_s = max(check_window_s(state.profile.vrrp[name])[1] for name in impact.moves)
        return Forecast(noticed_s + _move_s(impact, state, raised=False), 1.0)
    # With a check that fails at once, one bad look moves the VIP.
    quick = [vrrp for vrrp in state.profile.vrrp.values() if vrrp.check.fall == 1]
    lasts_s = max((check_window_s(vrrp)[1] for vrrp in quick), default=AT_ONCE_S)
    lasts_s = max(lasts_s, undecided_s(action, state))
    if action.verb is Verb.RESTART and holding(state, action.node, now).any:
        return Forecast(NGINX_RESTART_S, lasts_s)
    return Forecast(0.0, lasts_s)


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
    taker, vrrp = handover.taker, state.profile.vrrp
    if taker is None:
        return 0.0
    return max(
        skew_s(HIGHEST_PRIORITY if raised else counted_priority(state, name, taker), vrrp[name])
        for name in handover.moves
    )


def _elected_s(state: ClusterState) -> float:
    """A keepalived that has just begun, and hears nobody, would be master after this long."""
    vrrps = state.profile.vrrp.values()
    return (
        max(master_down_s(v.priority_of(n), v) for v in vrrps for n in state.profile.nodes.values()) + ALLOWANCE_S
    )
