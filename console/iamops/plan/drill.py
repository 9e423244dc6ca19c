"""The plan of a drill: steps with commands, undos and deadlines from theory; what must hold around it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from iamops.model.drill import Bound, Drill, DrillVerb, StateOf, SteadyState, VipMovesTo, VipStays
from iamops.model.facts import LinkState, VrrpState
from iamops.model.running import LiveVrrp
from iamops.model.state import ClusterState
from iamops.plan import expectation as expect
from iamops.plan.action import DrillAction, ServiceAction, UnitVerb, instance_of
from iamops.plan.backends import others_serve, serving_again
from iamops.plan.expectation import Expectation, StateExpectation
from iamops.plan.impact import handed_over, impact_of, preferred_of
from iamops.plan.predict import of_drill
from iamops.plan.roles import ResolvedStep, resolved_steps
from iamops.plan.service import STEPS, all_well, with_looks
from iamops.plan.step_builders import (
    MACHINE_TIMEOUT_S,
    SHORT_TIMEOUT_S,
    alive,
    arm,
    bring_back,
    checked_first,
    control,
    disarm,
    do,
    moved,
    resign,
    runs,
    start_again,
    stays_up,
    stopped,
    wake_again,
)
from iamops.plan.steps import SUDO, Handover, Impact, Plan, Step, StepKind, Undo
from iamops.plan.switchover import moving_steps, why_not_raised
from iamops.plan.vrrp_timing import Pair, Window, filled, vrrp_source, window
from iamops.render import privileges

# How much longer than its budget something is looked for: late is told apart from never.
GRACE_S = 3.0
SETTLE_S = 10.0


def drill_plan(action: DrillAction, state: ClusterState, now: float) -> Plan:
    """Raises NoSuchTarget. No steps where nobody is known to own the VIP, or to take it."""
    impact = impact_of(action, state, now)
    name = instance_of(state.profile, action.instance)
    if impact.owner is None or impact.taker is None:
        return Plan(action, "nobody is known to own the VIP, or to take it", (), (), impact)
    best = preferred_of(state, name, impact.owner, impact.taker)
    course = resolved_steps(action.drill, impact.owner, impact.taker, best)
    builder = _Builder(action, state, name, now, dict(handed_over(course, name, state, now)))
    last = course[-1].next_owner if course else impact.owner
    plan = Plan(
        action,
        of_drill(state, course, name, impact),
        tuple(replace(step, move=leg.number) for leg in course for step in builder.steps(leg)),
        (*steady_state(action.drill, state, name, last), *moved(state, _besides(impact, name))),
        impact,
        builder.notes,
        tuple(
            resign(each, node, state.profile.keepalived.unit)
            for each in dict.fromkeys((name, *impact.moves))
            for node in (impact.taker, impact.owner)
        ),
        tuple(steady_state(action.drill, state, name, impact.owner)),
        settle_s=MACHINE_TIMEOUT_S if action.drill.disruptive else SETTLE_S,
    )
    return checked_first(plan, state)


def _besides(impact: Impact, instance: str) -> Impact:
    """What moves besides the drill's own VIP."""
    own = (replace(h, moves=tuple(n for n in h.moves if n != instance)) for h in impact.handovers)
    return replace(impact, handovers=tuple(each for each in own if each.moves))


def live_of(action: DrillAction, state: ClusterState, instance: str, node: str) -> LiveVrrp:
    """What the node runs with; the profile's word where it did not tell, which `assumed` says."""
    return filled(state, node, instance, action.live.get(node) or vrrp_source(state, node, instance))


def pair_of(action: DrillAction, state: ClusterState, instance: str, leg: ResolvedStep) -> Pair:
    return Pair(live_of(action, state, instance, leg.owner), live_of(action, state, instance, leg.standby))


def steady_state(drill: Drill, state: ClusterState, instance: str, owner: str) -> Iterator[StateExpectation]:
    """What must hold before a drill, and again after it with the owner it leaves behind."""
    for each in drill.steady_state:
        yield from STEADY[each](state, instance, owner)


class _Builder:
    """Makes the steps of one leg after the other."""

    def __init__(
        self,
        action: DrillAction,
        state: ClusterState,
        instance: str,
        now: float,
        handovers: Mapping[ResolvedStep, tuple[Handover, ...]],
    ) -> None:
        self._action, self._state, self._instance, self._now = action, state, instance, now
        self._handovers = handovers
        assumed = [node for node in state.profile.nodes if live_of(action, state, instance, node).assumed]
        self.notes: tuple[str, ...] = ()
        if assumed:
            told = f"keepalived on {', '.join(assumed)} did not tell all of its configuration"
            self.notes = (f"{told}: budgets follow the profile",)

    def steps(self, leg: ResolvedStep) -> Iterator[Step]:
        yield from MAKERS[leg.move.verb](self, leg)
        yield from self._held(leg)

    # --- what a unit can be told ---

    def stop(self, leg: ResolvedStep) -> Iterator[Step]:
        unit, node = leg.move.unit or "", leg.node(leg.move.on)
        undo = start_again(unit, node, (runs(self._state, unit, node), *alive(self._state, unit, node)))
        yield from others_serve(self._state, unit, node, vips_move=True)
        yield arm(undo, self._state)
        yield self._do(
            f"stop {unit} on {node}", leg, control("stop", unit), (stopped(unit, node),), spoils=undo.name
        )

    def start(self, leg: ResolvedStep) -> Iterator[Step]:
        unit, node = leg.move.unit or "", leg.node(leg.move.on)
        back = (runs(self._state, unit, node), *alive(self._state, unit, node))
        undo = start_again(unit, node, back)
        yield self._do(f"start {unit} on {node}", leg, control("start", unit), back, mends=undo.name)
        yield stays_up(self._state, unit, node)
        yield disarm(undo)
        yield from serving_again(self._state, unit, node)

    def hang(self, leg: ResolvedStep) -> Iterator[Step]:
        unit, node = leg.move.unit or "", leg.node(leg.move.on)
        undo = wake_again(unit, node, alive(self._state, unit, node))
        yield from others_serve(self._state, unit, node, vips_move=True)
        yield arm(undo, self._state)
        argv = (*SUDO, *privileges.hang(unit))
        yield self._do(f"hang {unit} on {node}", leg, argv, (), spoils=undo.name)

    def wake(self, leg: ResolvedStep) -> Iterator[Step]:
        unit, node = leg.move.unit or "", leg.node(leg.move.on)
        undo = wake_again(unit, node, alive(self._state, unit, node))
        yield self._do(f"wake {unit} on {node}", leg, undo.argv, undo.expect, mends=undo.name)
        yield disarm(undo)
        yield from serving_again(self._state, unit, node)

    def unit_action(self, leg: ResolvedStep) -> Iterator[Step]:
        """As it is without a drill. No node is touched before the last one is whole."""
        verb, nodes = UnitVerb(leg.move.verb), leg.nodes(self._state.profile.nodes)
        for node in nodes:
            each = ServiceAction(verb, leg.move.unit or "", node)
            own = [h for h in self._handovers[leg] if (h.taker if h.comes else h.owner) == node]
            impact = replace(impact_of(each, self._state, self._now), handovers=tuple(own))
            steps = STEPS[verb](each, self._state, impact, self._now)
            yield from with_looks(each, steps, self._state, vips_move=True)
            if verb is UnitVerb.RESTART and len(nodes) > 1:
                yield from all_well(self._state, each.unit, node, last=node == nodes[-1])

    # --- whole machines ---

    def take_away(self, leg: ResolvedStep) -> Iterator[Step]:
        verb, node = leg.move.verb, leg.node(leg.move.on)
        undo = self._back(BACK[verb], node)
        title = f"arm here: {undo.title} in {self._state.profile.safety.dead_man_s} s unless disarmed"
        yield Step(StepKind.ARM, title, node, undo.argv, SHORT_TIMEOUT_S, undo=undo, here=True)
        argv = self._fence(verb, node)
        yield replace(self._do(f"{verb} {node}", leg, argv, (), spoils=undo.name), here=True)

    def bring_back(self, leg: ResolvedStep) -> Iterator[Step]:
        verb, node = leg.move.verb, leg.node(leg.move.on)
        undo = self._back(verb, node)
        step = self._do(f"{verb} {node}", leg, undo.argv, undo.expect, mends=undo.name)
        yield replace(step, here=True, within_s=MACHINE_TIMEOUT_S)
        yield Step(
            StepKind.DISARM,
            f"disarm here: {undo.title}",
            node,
            (),
            SHORT_TIMEOUT_S,
            clears_undo=undo.name,
            here=True,
        )

    def _back(self, verb: DrillVerb, node: str) -> Undo:
        seen = (runs(self._state, self._state.profile.keepalived.unit, node),)
        return bring_back(str(verb), self._fence(verb, node), node, seen)

    def _fence(self, verb: DrillVerb, node: str) -> tuple[str, ...]:
        by_verb = {str(name): words for name, words in self._state.profile.fencing.items()}
        return tuple(word.replace("{node}", node) for word in by_verb.get(str(verb), ()))

    # --- the others ---

    def switchover(self, leg: ResolvedStep) -> Iterator[Step]:
        going = (name for each in self._handovers[leg] for name in each.moves)
        names = tuple(dict.fromkeys((self._instance, *going)))
        why_plain = why_not_raised(self._state, names, leg.standby)
        if why_plain is not None:
            self.notes = (*self.notes, f"the plain way: {why_plain}")
        yield from moving_steps(self._state, names, leg.owner, leg.standby, raised=why_plain is None)

    def requests(self, leg: ResolvedStep) -> Iterator[Step]:
        count = leg.move.count
        title = f"send {count} requests to each published domain through the VIP"
        yield Step(StepKind.ASK, title, leg.owner, (), timeout_s=5.0 + count * 0.5, count=count)

    def watch(self, leg: ResolvedStep) -> Iterator[Step]:
        return iter(())

    # --- shared ---

    def _do(
        self,
        title: str,
        leg: ResolvedStep,
        argv: tuple[str, ...],
        effect: tuple[Expectation, ...],
        *,
        spoils: str | None = None,
        mends: str | None = None,
    ) -> Step:
        node, move = leg.node(leg.move.on), leg.move
        windows = [
            self._window(leg, each.within) for each in move.expect if isinstance(each, (VipMovesTo, StateOf))
        ]
        needs_s = max((each.upper_s for each in windows), default=0.0) + self._action.allowance_s
        seen = (*effect, *self._expected(leg))
        within_s = max(needs_s + GRACE_S, 12.0 if mends else 5.0)
        return do(title, node, argv, seen, within_s=within_s, needs_s=needs_s, spoils=spoils, mends=mends)

    def _expected(self, leg: ResolvedStep) -> Iterator[StateExpectation]:
        for each in leg.move.expect:
            if isinstance(each, VipMovesTo):
                yield expect.VipOn(self._instance, leg.node(each.who))
            elif isinstance(each, StateOf):
                yield expect.VrrpIn(leg.node(each.who), self._instance, (each.state,))
        own = Impact(touches=(), handovers=self._handovers[leg])
        if leg.moves_vip:
            yield from moved(self._state, _besides(own, self._instance))

    def _held(self, leg: ResolvedStep) -> Iterator[Step]:
        """What must stay as it is for a while, once the step is done."""
        for each in leg.move.expect:
            if isinstance(each, VipStays):
                lasts_s = self._window(leg, each.lasting).upper_s
                stays = expect.VipOn(self._instance, leg.next_owner)
                title = f"watch that the VIP stays on {leg.next_owner} for {lasts_s:.1f} s"
                yield Step(StepKind.WATCH, title, leg.next_owner, (), 0.0, (stays,), lasts_s=lasts_s)

    def _window(self, leg: ResolvedStep, bound: Bound) -> Window:
        pair = pair_of(self._action, self._state, self._instance, leg)
        acted_on = live_of(self._action, self._state, self._instance, leg.acted_on)
        return window(bound, pair, acted_on)


MAKERS: Mapping[DrillVerb, Callable[[_Builder, ResolvedStep], Iterator[Step]]] = {
    DrillVerb.STOP: _Builder.stop,
    DrillVerb.START: _Builder.start,
    DrillVerb.HANG: _Builder.hang,
    DrillVerb.WAKE: _Builder.wake,
    DrillVerb.RESTART: _Builder.unit_action,
    DrillVerb.RELOAD: _Builder.unit_action,
    DrillVerb.SWITCHOVER: _Builder.switchover,
    DrillVerb.REQUESTS: _Builder.requests,
    DrillVerb.WATCH: _Builder.watch,
    DrillVerb.POWER_OFF: _Builder.take_away,
    DrillVerb.FREEZE: _Builder.take_away,
    DrillVerb.POWER_ON: _Builder.bring_back,
    DrillVerb.THAW: _Builder.bring_back,
}
BACK = {DrillVerb.POWER_OFF: DrillVerb.POWER_ON, DrillVerb.FREEZE: DrillVerb.THAW}


def _owned(state: ClusterState, instance: str, owner: str) -> Iterator[StateExpectation]:
    yield expect.VipOn(instance, owner)


def _standby_ready(state: ClusterState, instance: str, owner: str) -> Iterator[StateExpectation]:
    for node in state.profile.nodes:
        if node != owner:
            yield expect.VrrpIn(node, instance, (VrrpState.BACKUP,))


def _units(state: ClusterState, instance: str, owner: str) -> Iterator[StateExpectation]:
    for node in state.profile.nodes:
        for unit in state.profile.actionable_units_on(node):
            yield expect.UnitRuns(node, unit)


def _domains(state: ClusterState, instance: str, owner: str) -> Iterator[StateExpectation]:
    for node in state.profile.nodes:
        if state.profile.domains:
            yield expect.DomainsAnswer(node, tuple(state.profile.domains))


def _services(state: ClusterState, instance: str, owner: str) -> Iterator[StateExpectation]:
    """Seen from itself and from every peer: a backend bound to loopback is no backend for the other."""
    up = [node.name for node in state.nodes.values() if node.link.state is LinkState.UP]
    for node, seen in state.nodes.items():
        for service in seen.services:
            yield expect.ServiceHealthy(node, service, tuple(peer for peer in up if peer != node))


def _datastores(state: ClusterState, instance: str, owner: str) -> Iterator[StateExpectation]:
    for store in state.datastores:
        yield expect.DatastoreAnswers(store)


def _client(state: ClusterState, instance: str, owner: str) -> Iterator[StateExpectation]:
    yield expect.ClientAnswered(instance)


STEADY: Mapping[SteadyState, Callable[[ClusterState, str, str], Iterator[StateExpectation]]] = {
    SteadyState.OWNED: _owned,
    SteadyState.STANDBY_READY: _standby_ready,
    SteadyState.UNITS: _units,
    SteadyState.DOMAINS: _domains,
    SteadyState.SERVICES: _services,
    SteadyState.DATASTORES: _datastores,
    SteadyState.CLIENT: _client,
}
