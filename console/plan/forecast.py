"""What a client may lose by a plan, and for how long its effects may still show. Pure.

The measured gap is judged by it. Times in seconds. The numbers come from VRRP's theory with the priorities that
keepalived tells, from the check's interval, and from what nginx does when a backend goes.
"""

from __future__ import annotations

from console.model.observed import Known
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
from console.plan.known import answered, holding
from console.plan.sending import serving_besides
from console.plan.steps import Forecast, Impact
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
            return Forecast(0.0, AT_ONCE_S)
        case RollingRestart():
            each = [
                _of_unit(ServiceAction(Verb.RESTART, action.unit, n), impact, state, now) for n in impact.touches
            ]
            gaps = [one.gap_s for one in each]
            known = [gap_s for gap_s in gaps if gap_s is not None]
            return Forecast(max(known) if len(known) == len(gaps) else None, max(one.lasts_s for one in each))
        case ServiceAction():
            return _of_unit(action, impact, state, now)


def _of_unit(action: ServiceAction, impact: Impact, state: ClusterState, now: float) -> Forecast:
    profile = state.profile
    if action.unit == profile.keepalived.unit:
        lasts_s = AT_ONCE_S if action.verb is Verb.STOP else _elected_s(state)
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
        return Forecast(
            check_window_s(state.profile.vrrp[impact.moves[0]])[1] + _move_s(impact, state, raised=False), 1.0
        )
    # With a check that fails at once, one bad look moves the VIP.
    quick = [vrrp for vrrp in state.profile.vrrp.values() if vrrp.check.fall == 1]
    lasts_s = max((check_window_s(vrrp)[1] for vrrp in quick), default=AT_ONCE_S)
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
    """The taker's skew. Nothing where no VIP moves."""
    if not impact.moves or impact.taker is None:
        return 0.0
    vrrp = state.profile.vrrp[impact.moves[0]]
    if raised:
        return skew_s(HIGHEST_PRIORITY, vrrp)
    seen = state.nodes[impact.taker].vrrp[vrrp.name]
    told = seen.value.effective_priority if isinstance(seen, Known) else None
    return skew_s(vrrp.priority_of(state.profile.nodes[impact.taker]) if told is None else told, vrrp)


def _elected_s(state: ClusterState) -> float:
    """A keepalived that has just begun, and hears nobody, would be master after this long."""
    vrrps = state.profile.vrrp.values()
    return (
        max(master_down_s(v.priority_of(n), v) for v in vrrps for n in state.profile.nodes.values()) + ALLOWANCE_S
    )
