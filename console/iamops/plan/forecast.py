"""What a client may lose by a plan, and for how long its effects may still show. Pure.

The measured gap is judged by it. Times in seconds. The numbers come from VRRP's theory with the priorities that
keepalived tells, from the check's interval, and from what nginx does when a backend goes. Nothing has succeeded
before keepalived's check has had its time, or has been asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from iamops.model.observed import Known, Unknown
from iamops.model.running import LiveVrrp
from iamops.model.state import ClusterState
from iamops.plan.action import (
    ALLOWANCE_S,
    Action,
    ConfigPush,
    DrainedRestart,
    DrillAction,
    RollingRestart,
    ServiceAction,
    Switchover,
    UnitVerb,
)
from iamops.plan.check_timing import NGINX_RESTART_S, asked_checks, decides_s, gap_s, undecided_s
from iamops.plan.known import answered, holding
from iamops.plan.sending import serving_besides
from iamops.plan.steps import Forecast, Handover, Impact, Plan, StepKind
from iamops.plan.vrrp_timing import (
    HIGHEST_PRIORITY,
    all_on,
    all_pushed,
    check_window_s,
    counted_priority,
    falls_at_once,
    master_down_s,
    outvoted_s,
    skew_s,
    vrrp_on,
)

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
            dark_s = max(_elected_s(state), new_s) if action.incompatible else 0.0
            return Forecast(dark_s, dark_s or AT_ONCE_S)
        case DrainedRestart():
            open_s = max((decides_s(state, n) for n in impact.touches if not asked_checks(state, n)), default=0.0)
            return Forecast(0.0, max(AT_ONCE_S, open_s))
        case RollingRestart():
            # Gaps are judged by their sum, so that is what is forecast.
            each = [
                _of_unit(ServiceAction(UnitVerb.RESTART, action.unit, n), own, state, now)
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
        lasts_s = AT_ONCE_S if action.verb is UnitVerb.STOP else max(_elected_s(state), undecided_s(action, state))
        return Forecast(_move_s(impact, state, raised=False), lasts_s)
    if action.unit == profile.nginx.unit:
        return _of_nginx(action, impact, state, now)
    if action.verb in (UnitVerb.START, UnitVerb.RELOAD):
        return Forecast(0.0, AT_ONCE_S)
    return Forecast(None if _alone(action, impact, state) else 0.0, AT_ONCE_S)


def _of_nginx(action: ServiceAction, impact: Impact, state: ClusterState, now: float) -> Forecast:
    if action.verb is UnitVerb.STOP:
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
    if action.verb is UnitVerb.RESTART and holding(state, action.node, now).any:
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


# Where the client's gap is measured: at nginx itself, where the services behind it are not touched. Pure.
#
# A request every 10 ms through to a service fills its log with our own probes, and pushes out what happened.

# Where nginx itself is asked, every so many of its requests one goes on to a service.
ASKED_THROUGH = 20


def unserved(plan: Plan, state: ClusterState) -> Iterator[str]:
    """VIPs at which no client is answered now: what is lost there is not measured."""
    for name, vrrp in state.profile.vrrp.items():
        seen = state.client[name]
        if plan.steps and isinstance(seen, Known) and not seen.value.ok:
            why = seen.value.detail or str(seen.value.outcome)
            yield f"no client is answered at VIP {vrrp.address} now ({why}), so a loss there is not measured"


def measured(plan: Plan, state: ClusterState) -> tuple[str | None, tuple[str, ...]]:
    """A host that every nginx answers without a backend, or None where there is none or that is not enough; and
    what a plan says of it.
    """
    if not plan.steps or _touches_services(plan, state):
        return None, ()
    hosts: list[tuple[str, ...]] = []
    for node in state.nodes.values():
        match node.files:
            case Known(report):
                hosts.append(report.answers_itself)
            case Unknown(reason):
                why = f"whether nginx on {node.name} answers without a service is not known ({reason})"
                return None, (f"{why}: every request that measures the gap goes on to one",)
    host = next((host for host in hosts[0] if all(host in each for each in hosts)), None)
    if host is None:
        return None, ()
    note = f"the gap is measured at nginx itself ({host}); every {ASKED_THROUGH}th request goes on to each service"
    return host, (note,)


def _touches_services(plan: Plan, state: ClusterState) -> bool:
    """Whether a unit behind nginx, or a whole machine, is acted on."""
    profile = state.profile
    carriers = {f"{unit}.service" for unit in (profile.keepalived.unit, profile.nginx.unit)}
    acting = [step for step in plan.steps if step.kind is StepKind.DO]
    named = {word for step in acting for word in step.argv if word.endswith(".service")}
    return any(step.here for step in acting) or not named <= carriers
