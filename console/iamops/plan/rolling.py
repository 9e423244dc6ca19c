"""The plan of a rolling restart: node after node, owners of a VIP last. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from iamops.model.profile import Profile
from iamops.model.state import ClusterState
from iamops.plan.action import RollingRestart, ServiceAction, UnitVerb
from iamops.plan.backends import serving_again
from iamops.plan.impact import Whereabouts, datastores_of, moving, owners_last, services_of
from iamops.plan.known import holding
from iamops.plan.needs import outages
from iamops.plan.predict import of_move, of_service, open_connections
from iamops.plan.service import ServicePlanner, steady_state
from iamops.plan.step_builders import (
    HEALTHY_WITHIN_S,
    SHORT_TIMEOUT_S,
    healthy_again,
    out_of_fault,
    resigning,
)
from iamops.plan.steps import Forecast, Impact, Plan, Planner, Step, StepKind
from iamops.plan.vrrp_timing import all_on, rises_s

# systemd starts what has ended anew after five seconds in the published units; then it must answer.
FALLEN_BACK_S = 20.0


class RollingPlanner(Planner[RollingRestart]):
    """The next node begins when the one before gets requests again from every nginx."""

    def impact(self) -> Impact:
        return rolling_impact(self.state, self.action.unit, self.now)

    def plan(self) -> Plan:
        impact, unit = self.impact(), self.action.unit
        steps: list[Step] = []
        for restart, own in _restarts(self.state, unit, self.now):
            commands = restart.steps(own)
            steps += restart.looks_before(steps)
            steps += commands
            steps += all_well(restart, last=restart.node == impact.touches[-1])
            steps += serving_again(self.state, unit, restart.node)
        if impact.moves:
            effect = of_move(self.state, impact, self.now, raised=False)
        else:
            # What each restart that clients notice means to them; where none does, the last one.
            is_nginx = unit == self.profile.nginx.unit
            noticed = [node for node in impact.touches if is_nginx and holding(self.state, node, self.now).any]
            restarts = (ServiceAction(UnitVerb.RESTART, unit, n) for n in noticed or impact.touches[-1:])
            effect = "; then ".join(of_service(each, self.state, impact, self.now) for each in restarts)
        return Plan(
            self.action,
            f"{unit} restarts on {' then '.join(impact.touches)}; {effect}",
            tuple(steps),
            steady_state(self.state, unit, UnitVerb.RESTART, impact, self.now),
            impact,
            open_connections(impact),
            resigning(self.state, impact),
        )

    def forecast(self, impact: Impact) -> Forecast:
        """Gaps are judged by their sum, so that is what is forecast."""
        forecasts = []
        for node in impact.touches:
            own = tuple(handover for handover in impact.handovers if handover.owner == node)
            moves = tuple(name for handover in own for name in handover.moves)
            restart = _restart(self.state, self.action.unit, node, self.now)
            forecasts.append(restart.forecast(replace(impact, handovers=own, moves=moves)))
        gaps_s = [forecast.gap_s for forecast in forecasts if forecast.gap_s is not None]
        lasts_s = max(forecast.lasts_s for forecast in forecasts)
        return Forecast(sum(gaps_s) if len(gaps_s) == len(forecasts) else None, lasts_s)

    def watched_nodes(self) -> tuple[str, ...]:
        carriers = (self.profile.nginx.unit, self.profile.keepalived.unit)
        return tuple(self.profile.nodes) if self.action.unit in carriers else ()

    def acted_on(self, nodes: tuple[str, ...]) -> Iterator[tuple[str, str]]:
        return ((self.action.unit, node) for node in nodes)

    def awaited(self, nodes: tuple[str, ...]) -> Iterator[tuple[str, str]]:
        return fallen_units(self.profile, self.action.unit, nodes)


def rolling_impact(state: ClusterState, unit: str, now: float) -> Impact:
    nodes = rolling_order(state, unit, now)
    stores = tuple(store for node in nodes for store in datastores_of(state.profile, unit, node))
    calm = Impact(touches=nodes, stops_service=services_of(state.profile, unit), stops_datastore=stores)
    return moving(calm, tuple(handover for _, own in _restarts(state, unit, now) for handover in own.handovers))


def rolling_order(state: ClusterState, unit: str, now: float) -> tuple[str, ...]:
    """The nodes that have the unit, owners of a VIP last, and those that may be one."""
    having = [node for node in state.profile.nodes if unit in state.profile.actionable_units_on(node)]
    return owners_last(state, having, now)


def all_well(restart: ServicePlanner, *, last: bool) -> Iterator[Step]:
    """Before the next node is touched: what fell with this one is back, and keepalived would take a VIP here."""
    state, unit, node = restart.state, restart.unit, restart.node
    for outage in outages(state.profile, unit, node):
        title = f"wait until {outage.service} on {outage.node} is healthy again"
        well = healthy_again(state, outage.service, outage.node)
        if well:
            yield Step(StepKind.LOOK, title, outage.node, (), SHORT_TIMEOUT_S, well, within_s=FALLEN_BACK_S)
            yield from serving_again(state, state.profile.services[outage.service].unit, outage.node)
    standing_by = out_of_fault(state, node)
    if last or not standing_by:
        return
    if undecided_s := restart.undecided_s():
        title = f"watch that keepalived's check passes on {node} for {undecided_s:g} s"
        yield Step(StepKind.WATCH, title, node, (), undecided_s, standing_by, lasts_s=undecided_s)
    if restart.is_nginx:
        title = f"wait until keepalived on {node} has seen that nginx is back"
        within_s = HEALTHY_WITHIN_S + max(rises_s(live) for live in all_on(state, node))
        yield Step(StepKind.LOOK, title, node, (), SHORT_TIMEOUT_S, standing_by, within_s=within_s)


def fallen_units(profile: Profile, unit: str, nodes: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """The units that fall with this one on these nodes, with the nodes they fall on."""
    for node in nodes:
        for outage in outages(profile, unit, node):
            yield profile.services[outage.service].unit, outage.node


def _restart(state: ClusterState, unit: str, node: str, now: float) -> ServicePlanner:
    return ServicePlanner(ServiceAction(UnitVerb.RESTART, unit, node), state, now)


def _restarts(state: ClusterState, unit: str, now: float) -> Iterator[tuple[ServicePlanner, Impact]]:
    """Each restart in order, with what it does once those before it are done."""
    vips = Whereabouts(state, now)
    for node in rolling_order(state, unit, now):
        restart = _restart(state, unit, node, now)
        yield restart, restart.impact(vips)
