"""The plan for one unit on one node: start, stop, restart or reload. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from iamops.model.observed import Known
from iamops.model.state import ClusterState
from iamops.plan.action import ServiceAction, UnitVerb
from iamops.plan.backends import idle_notes, others_serve, serving_again
from iamops.plan.check_timing import NGINX_RESTART_S, asked_checks, decides_s, gap_s, may_go
from iamops.plan.expectation import (
    DomainsAnswer,
    Expectation,
    FreshWorkers,
    StateExpectation,
    UnitRuns,
    UnitStopped,
)
from iamops.plan.impact import AT_ONCE_S, Whereabouts, datastores_of, elected_s, move_s, moving, services_of
from iamops.plan.known import answered, holding, unit_of
from iamops.plan.predict import of_service, open_connections
from iamops.plan.preemption import comes_within_s, open_vips
from iamops.plan.sending import serving_besides
from iamops.plan.step_builders import (
    HEALTHY_WITHIN_S,
    RUNNING,
    alive,
    arm,
    config_check,
    control,
    disarm,
    do,
    domains_elsewhere,
    moved,
    resigning,
    start_again,
    stays,
    vips_stay,
)
from iamops.plan.steps import Forecast, Impact, Plan, Planner, Step
from iamops.plan.vrrp_timing import (
    all_on,
    check_window_s,
    counted_priority,
    falls_at_once,
    leaves_within_s,
    master_down_s,
    vrrp_on,
)

# A VIP that moves because of a resignation needs less than a second; keepalived takes one to stop.
MOVE_WITHIN_S = 5.0


class ServicePlanner(Planner[ServiceAction]):
    """Also plans the parts of larger plans: each restart of a rolling one, each unit step of a drill."""

    def __init__(self, action: ServiceAction, state: ClusterState, now: float) -> None:
        super().__init__(action, state, now)
        self.verb, self.unit, self.node = action.verb, action.unit, action.node
        self.is_nginx = self.unit == self.profile.nginx.unit
        self.is_keepalived = self.unit == self.profile.keepalived.unit

    @property
    def running(self) -> bool:
        """Raises NotKnown."""
        return unit_of(self.state, self.unit, self.node).running

    def impact(self, vips: Whereabouts | None = None) -> Impact:
        """`vips`: where they are when it is this unit's turn in a larger plan; None: where they are now."""
        vips = vips or Whereabouts(self.state, self.now)
        calm = Impact(touches=(self.node,), lasting=self.verb is UnitVerb.STOP)
        carries = self.is_nginx or self.is_keepalived
        if self.verb is UnitVerb.START:
            seen = self.state.nodes[self.node].units[self.unit]
            runs_already = isinstance(seen, Known) and seen.value.running
            return moving(calm, vips.takes(self.unit, self.node)) if carries and not runs_already else calm
        if carries:
            holding(self.state, self.node, self.now)  # raises where it is not known
        if self.verb is UnitVerb.RELOAD:
            return calm
        if carries:
            comes_back = self.verb is UnitVerb.RESTART
            # A restarted nginx is back before its check acts.
            stays_put = self.is_nginx and comes_back
            goes = () if stays_put else vips.lets_go(self.node, comes_back=comes_back)
            calm = moving(calm, goes + (vips.takes(self.unit, self.node) if comes_back else ()))
        if self.is_keepalived or (self.is_nginx and calm.lasting):
            return calm
        stores = datastores_of(self.profile, self.unit, self.node)
        return replace(calm, stops_service=services_of(self.profile, self.unit), stops_datastore=stores)

    def plan(self) -> Plan:
        """Steps are empty where the unit already is as it is to be."""
        impact = self.impact()
        steps = self.with_looks(self.steps(impact))
        prediction = of_service(self.action, self.state, impact, self.now)
        if not steps:
            already = "stopped" if self.verb is UnitVerb.STOP else "running"
            prediction = f"{self.unit} is already {already} on {self.node}: nothing to do"
        steady = steady_state(self.state, self.unit, self.verb, impact, self.now)
        return Plan(
            self.action, prediction, steps, steady, impact, self._notes(impact), resigning(self.state, impact)
        )

    def forecast(self, impact: Impact) -> Forecast:
        if self.is_nginx:
            return self._forecast_of_nginx(impact)
        if self.is_keepalived:
            stops = self.verb is UnitVerb.STOP
            lasts_s = AT_ONCE_S if stops else max(elected_s(self.state), self.undecided_s())
            return Forecast(move_s(impact, self.state, raised=False), lasts_s)
        down = self.verb in (UnitVerb.STOP, UnitVerb.RESTART) and self._nobody_else_serves(impact)
        return Forecast(None if down else 0.0, AT_ONCE_S)

    def watched_nodes(self) -> Iterator[str]:
        if self.is_nginx or self.is_keepalived:
            stops = self.verb is UnitVerb.STOP
            yield from (node for node in self.profile.nodes if not (stops and node == self.node))

    def acted_on(self, nodes: tuple[str, ...]) -> Iterator[tuple[str, str]]:
        yield self.unit, self.node

    def with_looks(self, steps: tuple[Step, ...], *, vips_move: bool = False) -> tuple[Step, ...]:
        """The steps, with what is asked before anything is touched, and what is waited for after it."""
        if not steps:
            return ()
        comes_up = self.verb in (UnitVerb.START, UnitVerb.RESTART)
        after = serving_again(self.state, self.unit, self.node) if comes_up else ()
        return (*self.looks_before(vips_move=vips_move), *steps, *after)

    def looks_before(self, done: Sequence[Step] = (), *, vips_move: bool = False) -> list[Step]:
        """`done`: the steps of the plan so far."""
        looks: list[Step] = []
        if self.verb is not UnitVerb.STOP:
            looks += config_check(self.state, self.unit, self.node)
        if self.verb in (UnitVerb.STOP, UnitVerb.RESTART) and self.running:
            looks += others_serve(self.state, self.unit, self.node, (*done, *looks), vips_move=vips_move)
        return looks

    def steps(self, impact: Impact) -> tuple[Step, ...]:
        """The commands themselves."""
        match self.verb:
            case UnitVerb.START:
                return () if self.running else (self._start(impact),)
            case UnitVerb.STOP:
                return self._stop(impact)
            case UnitVerb.RESTART:
                return self._restart(impact) if self.running else (self._start(impact),)
            case UnitVerb.RELOAD:
                master = unit_of(self.state, self.unit, self.node).main_pid
                fresh = (FreshWorkers(self.node, self.unit, master),) if self.is_nginx and master else ()
                expect = (*self._well(), *fresh, *self._checks())
                return (do(self.action.sentence, self.node, control("reload", self.unit), expect),)

    def undecided_s(self) -> float:
        """How long it is open afterwards whether keepalived's check passes.

        0: nothing that was read is new, a check was asked, there is none that could fail, or keepalived itself
        begins anew, which it does with a good check only.
        """
        seen = self.state.nodes[self.node]
        reads_on = self.verb is UnitVerb.RELOAD or (self.is_nginx and self.verb is not UnitVerb.STOP)
        if not reads_on or not (self.is_nginx or self.is_keepalived):
            return 0.0
        if all(isinstance(vrrp, Known) and vrrp.value.state not in RUNNING for vrrp in seen.vrrp.values()):
            return 0.0
        if isinstance(seen.files, Known) and self.unit in seen.files.value.current:
            return 0.0
        return 0.0 if self._checks() else decides_s(self.state, self.node)

    def _start(self, impact: Impact) -> Step:
        """A unit that did not run leaves nothing to go back to: it has no undo."""
        served = domains_elsewhere(self.state, self.node) if self.is_nginx else ()
        well = (DomainsAnswer(self.node, served),) if served else alive(self.state, self.unit, self.node)
        comes = replace(impact, handovers=tuple(handover for handover in impact.handovers if handover.comes))
        expect: tuple[Expectation, ...] = (
            UnitRuns(self.node, self.unit),
            *well,
            *moved(self.state, comes),
            *self._checks(),
            stays(self.state, self.unit, self.node),
        )
        within_s = HEALTHY_WITHIN_S + comes_within_s(self.state, self.unit, impact)
        return do(self.action.sentence, self.node, control(self.verb, self.unit), expect, within_s=within_s)

    def _stop(self, impact: Impact) -> tuple[Step, ...]:
        if unit_of(self.state, self.unit, self.node).stopped:
            return ()
        # What does not run, between two crashes for example, cannot be asked to run again.
        undo = start_again(self.unit, self.node, self._well() if self.running else ())
        needs_s = self._move_needs_s(impact)
        step = do(
            self.action.sentence,
            self.node,
            control("stop", self.unit),
            (UnitStopped(self.node, self.unit), *moved(self.state, impact)),
            within_s=max(MOVE_WITHIN_S, needs_s),
            needs_s=needs_s,
            requires_undo=undo.name,
        )
        return (arm(undo, self.state), step, disarm(undo))

    def _restart(self, impact: Impact) -> tuple[Step, ...]:
        undo = start_again(self.unit, self.node, self._well())
        expect = (
            UnitRuns(self.node, self.unit, unit_of(self.state, self.unit, self.node).main_pid),
            *alive(self.state, self.unit, self.node),
            *moved(self.state, impact),
            *self._checks(),
            lasting := stays(self.state, self.unit, self.node),
        )
        comes_s = comes_within_s(self.state, self.unit, impact)
        step = do(
            self.action.sentence,
            self.node,
            control("restart", self.unit),
            expect,
            within_s=HEALTHY_WITHIN_S + comes_s,
            needs_s=lasting.lasts_s + comes_s,
            requires_undo=undo.name,
            clears_undo=undo.name,
        )
        return (arm(undo, self.state), step, disarm(undo))

    def _well(self) -> tuple[StateExpectation, ...]:
        return (UnitRuns(self.node, self.unit), *alive(self.state, self.unit, self.node))

    def _checks(self) -> tuple[Expectation, ...]:
        """nginx is what keepalived's check asks."""
        return asked_checks(self.state, self.node) if self.is_nginx else ()

    def _move_needs_s(self, impact: Impact) -> float:
        """A stopped keepalived resigns; a stopped nginx must first be noticed by its check."""
        if not impact.moves or impact.taker is None:
            return 0.0
        needs_s = [1.0]
        for handover in impact.handovers:
            owner, taker = handover.owner, handover.taker
            if taker is None:
                continue
            for name in handover.moves:
                priority, live = counted_priority(self.state, name, taker), vrrp_on(self.state, taker, name)
                noticed_s = leaves_within_s(self.state, name, owner, taker) if self.is_nginx else 0.0
                needs_s.append(1.0 + noticed_s + master_down_s(priority, live))
        return max(needs_s)

    def _forecast_of_nginx(self, impact: Impact) -> Forecast:
        if self.verb is UnitVerb.STOP:
            if not impact.moves:
                return Forecast(0.0, AT_ONCE_S)
            gone_s = max(
                leaves_within_s(self.state, name, handover.owner, handover.taker)
                for handover in impact.handovers
                for name in handover.moves
            )
            return Forecast(gone_s + move_s(impact, self.state, raised=False), 1.0)
        # With a check that fails at once, one bad look moves the VIP.
        quick = [live for live in all_on(self.state, self.node) if falls_at_once(live, NGINX_RESTART_S)]
        lasts_s = max((check_window_s(live)[1] for live in quick), default=AT_ONCE_S)
        lasts_s = max(lasts_s, self.undecided_s())
        if self.verb is UnitVerb.RESTART and holding(self.state, self.node, self.now).any:
            return Forecast(NGINX_RESTART_S + gap_s(self.state, self.node, self.now), lasts_s)
        return Forecast(0.0, lasts_s)

    def _nobody_else_serves(self, impact: Impact) -> bool:
        """Is some published service served nowhere else, or does everything hang on what is stopped?"""
        if impact.stops_datastore:
            return True
        for service in (self.profile.services[name] for name in impact.stops_service):
            others = serving_besides(self.state, service, self.node)
            healthy = any(answered(self.state.nodes[other].services[service.name]) for other in others)
            if service.domain and not healthy:
                return True
        return False

    def _notes(self, impact: Impact) -> tuple[str, ...]:
        notes: list[str] = []
        if self.verb in (UnitVerb.STOP, UnitVerb.RESTART):
            notes += idle_notes(self.state, self.unit, self.node)
        # A VIP that is taken back after the restart would be taken back after a switchover too.
        if self.is_keepalived and impact.handovers and not any(handover.comes for handover in impact.handovers):
            notes.append("`iamops switchover` first would move the VIP with a gap of about 0.01 s")
        if self.verb is UnitVerb.RESTART and not self.running:
            notes.append(f"{self.unit} does not run on {self.node} now, so there is nothing to go back to")
        if self.is_nginx and self.verb in (UnitVerb.START, UnitVerb.RESTART):
            served = domains_elsewhere(self.state, self.node)
            unserved = [domain for domain in self.state.nodes[self.node].domains if domain not in served]
            if not self.running:
                note = "no nginx is known to answer for {}, so {} is not asked for it"
                notes += [note.format(domain, self.node) for domain in unserved]
        return (*notes, *open_connections(impact))


def steady_state(
    state: ClusterState, unit: str, verb: UnitVerb, impact: Impact, now: float
) -> tuple[StateExpectation, ...]:
    """What must hold in the end. VIPs that are not moved stay with their owner, as far as that is known."""
    names = tuple(name for name in state.profile.vrrp if name not in impact.moves)
    is_nginx = unit == state.profile.nginx.unit
    comes_up = verb in (UnitVerb.START, UnitVerb.RESTART)
    unsure: set[str] = set()
    for node in impact.touches:
        if comes_up and (is_nginx or unit == state.profile.keepalived.unit):
            unsure |= {*open_vips(state, unit, node, now)}
        if is_nginx and verb is UnitVerb.RESTART:
            unsure |= {*may_go(state, node, now)}
    return (*vips_stay(state, names, now, unsure), *moved(state, impact))
