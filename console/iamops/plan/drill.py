"""The plan of a drill: steps with commands, undos and deadlines from theory; what must hold around it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from iamops.model.drill import (
    TAKES,
    Bound,
    Drill,
    DrillVerb,
    ResolvedStep,
    StateOf,
    SteadyState,
    VipMovesTo,
    VipStays,
    resolved_steps,
)
from iamops.model.facts import LinkState, VrrpState
from iamops.model.running import LiveVrrp
from iamops.model.state import ClusterState
from iamops.model.vip import OwnedBy, owner_of
from iamops.plan.action import DrillAction, ServiceAction, UnitVerb, instance_of
from iamops.plan.backends import others_serve, serving_again
from iamops.plan.expectation import (
    ClientAnswered,
    DatastoreAnswers,
    DomainsAnswer,
    Expectation,
    ServiceHealthy,
    StateExpectation,
    UnitRuns,
    UnitStopped,
    VipOn,
    VrrpIn,
)
from iamops.plan.impact import Whereabouts, instances_of, preferred_of, successors
from iamops.plan.predict import of_drill
from iamops.plan.rolling import all_well
from iamops.plan.service import ServicePlanner
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
    start_again,
    stays_up,
    wake_again,
)
from iamops.plan.steps import SUDO, Handover, Impact, Plan, Planner, Step, StepKind, Undo
from iamops.plan.switchover import moving_steps, why_not_raised
from iamops.plan.vrrp_timing import Pair, Window, filled, vrrp_source, window
from iamops.render import privileges

# How much longer than its budget something is waited for: late is not never.
GRACE_S = 3.0
SETTLE_S = 10.0
BACK = {DrillVerb.POWER_OFF: DrillVerb.POWER_ON, DrillVerb.FREEZE: DrillVerb.THAW}


def course_of(action: DrillAction, state: ClusterState, impact: Impact) -> tuple[ResolvedStep, ...]:
    """The steps with their roles resolved; nothing where nobody is known to own the VIP, or to take it."""
    owner, taker = impact.owner, impact.taker
    if owner is None or taker is None:
        return ()
    name = instance_of(state.profile, action.instance)
    return resolved_steps(action.drill, owner, taker, preferred_of(state, name, owner, taker))


def live_of(action: DrillAction, state: ClusterState, instance: str, node: str) -> LiveVrrp:
    """What the node runs with; the profile's values where it did not tell: then it is `assumed`."""
    return filled(state, node, instance, action.live.get(node) or vrrp_source(state, node, instance))


class DrillPlanner(Planner[DrillAction]):
    """Plans the steps of the drill one after the other."""

    def __init__(self, action: DrillAction, state: ClusterState, now: float) -> None:
        super().__init__(action, state, now)
        self._instance = instance_of(self.profile, action.instance)
        self._keepalived = self.profile.keepalived.unit
        self._handovers: Mapping[ResolvedStep, tuple[Handover, ...]] = {}
        self._notes: list[str] = []

    def impact(self) -> Impact:
        """Every node is touched. The VIP moves where some step says so, or takes a machine away."""
        match owner_of(self.state, self._instance, self.now):
            case OwnedBy(owner):
                pass
            case _:
                moves = (self._instance,)
                return Impact(tuple(self.profile.nodes), moves, planned=True, needs_owner=True)
        taker = next(iter(successors(self.state, self._instance, owner)), None)
        calm = Impact(tuple(self.profile.nodes), (), owner, taker, planned=True, needs_owner=True)
        course = course_of(self.action, self.state, calm)
        handovers = tuple(handover for _, own in self._handed_over(course) for handover in own)
        stores: list[str] = []
        for part in (part for part in course if part.move.verb in TAKES):
            # With their unit or with their whole machine.
            taken = [d for d in self.profile.datastores.values() if part.move.unit in (None, d.unit)]
            for node in part.nodes(self.profile.nodes):
                stores += [store.name for store in taken if store.node == node]
        return replace(
            calm,
            moves=tuple(sorted(instances_of(handovers), key=lambda name: name != self._instance)),
            handovers=handovers,
            stops_datastore=tuple(dict.fromkeys(stores)),
        )

    def plan(self) -> Plan:
        action, state, name, impact = self.action, self.state, self._instance, self.impact()
        if impact.owner is None or impact.taker is None:
            return Plan(action, "nobody is known to own the VIP, or to take it", (), (), impact)
        course = course_of(action, state, impact)
        self._handovers = dict(self._handed_over(course))
        assumed = [node for node in self.profile.nodes if live_of(action, state, name, node).assumed]
        silent = f"keepalived on {', '.join(assumed)} did not tell all of its configuration"
        self._notes = [f"{silent}: budgets follow the profile"] if assumed else []
        last = course[-1].next_owner if course else impact.owner
        resigning = (
            (instance, node) for instance in (name, *impact.moves) for node in (impact.taker, impact.owner)
        )
        plan = Plan(
            action,
            of_drill(state, course, name, impact),
            tuple(replace(step, move=part.number) for part in course for step in self._steps(part)),
            (*steady_state(action.drill, state, name, last), *moved(state, self._besides(impact))),
            impact,
            tuple(self._notes),
            tuple(resign(each, node, self._keepalived) for each, node in dict.fromkeys(resigning)),
            tuple(steady_state(action.drill, state, name, impact.owner)),
            settle_s=MACHINE_TIMEOUT_S if action.drill.disruptive else SETTLE_S,
        )
        return checked_first(plan, state)

    def forecast(self, impact: Impact) -> None:
        """A drill has budgets of its own."""

    def acted_on(self, nodes: tuple[str, ...]) -> Iterator[tuple[str, str]]:
        for node in nodes:
            units = self.action.units(self.profile) & self.state.nodes[node].units.keys()
            yield from ((unit, node) for unit in sorted(units))

    def lost_backends(self, nodes: tuple[str, ...]) -> Iterator[tuple[str, str]]:
        if self.action.drill.disruptive:
            for node in nodes:
                yield from (
                    (service.unit, node) for service in self.profile.services.values() if service.runs_on(node)
                )

    def _handed_over(
        self, course: tuple[ResolvedStep, ...]
    ) -> Iterator[tuple[ResolvedStep, tuple[Handover, ...]]]:
        """The steps, each with everything that moves in it: also VIPs that the drill does not speak of."""
        vips = Whereabouts(self.state, self.now)
        for part in course:
            moving = self._moving(part, vips)
            follows = vips.follows(self._instance, part.owner, part.next_owner) if part.moves_vip else ()
            yield part, moving + follows

    def _moving(self, part: ResolvedStep, vips: Whereabouts) -> tuple[Handover, ...]:
        unit, keepalived = part.move.unit, self._keepalived
        nodes = part.nodes(self.profile.nodes)
        match part.move.verb:
            case DrillVerb.SWITCHOVER:
                return vips.lets_go(part.owner, part.standby)
            case DrillVerb.POWER_OFF | DrillVerb.FREEZE:
                return vips.lets_go(nodes[0], comes_back=False)
            case DrillVerb.THAW if part.moves_vip:
                return vips.goes_back(part.next_owner)
            case DrillVerb.STOP | DrillVerb.HANG if unit in (keepalived, self.profile.nginx.unit):
                return tuple(handover for node in nodes for handover in vips.lets_go(node, comes_back=False))
            case DrillVerb.RESTART if unit == keepalived:
                return tuple(
                    handover for n in nodes for handover in (*vips.lets_go(n), *vips.takes(keepalived, n))
                )
            case _:
                return ()

    def _besides(self, impact: Impact) -> Impact:
        """What moves besides the drill's own VIP."""
        own = self._instance
        others = (replace(h, moves=tuple(name for name in h.moves if name != own)) for h in impact.handovers)
        return replace(impact, handovers=tuple(handover for handover in others if handover.moves))

    def _steps(self, part: ResolvedStep) -> Iterator[Step]:
        if part.move.verb is not DrillVerb.WATCH:
            yield from MAKERS[part.move.verb](self, part)
        # What must stay as it is for a while, once the step is done.
        for expected in part.move.expect:
            if isinstance(expected, VipStays):
                owner, lasts_s = part.next_owner, self._window(part, expected.lasting).upper_s
                title = f"watch that the VIP stays on {owner} for {lasts_s:.1f} s"
                seen = (VipOn(self._instance, owner),)
                yield Step(StepKind.WATCH, title, owner, (), 0.0, seen, lasts_s=lasts_s)

    def take_unit(self, part: ResolvedStep) -> Iterator[Step]:
        unit, node, undo = part.unit, part.target, self._unit_undo(part)
        yield from others_serve(self.state, unit, node, vips_move=True)
        yield arm(undo, self.state)
        if part.move.verb is DrillVerb.HANG:
            yield self._do(part, (*SUDO, *privileges.hang(unit)), (), undo, back=False)
        else:
            yield self._do(part, control("stop", unit), (UnitStopped(node, unit),), undo, back=False)

    def give_unit_back(self, part: ResolvedStep) -> Iterator[Step]:
        unit, node, undo = part.unit, part.target, self._unit_undo(part)
        yield self._do(part, undo.argv, undo.expect, undo, back=True)
        if part.move.verb is DrillVerb.START:
            yield stays_up(self.state, unit, node)
        yield disarm(undo)
        yield from serving_again(self.state, unit, node)

    def _unit_undo(self, part: ResolvedStep) -> Undo:
        unit, node = part.unit, part.target
        well = alive(self.state, unit, node)
        if part.move.verb in (DrillVerb.HANG, DrillVerb.WAKE):
            return wake_again(unit, node, well)
        return start_again(unit, node, (UnitRuns(node, unit), *well))

    def unit_action(self, part: ResolvedStep) -> Iterator[Step]:
        """As without a drill. No node is touched before the last one is well again."""
        verb, nodes = UnitVerb(part.move.verb), part.nodes(self.profile.nodes)
        for node in nodes:
            planner = ServicePlanner(ServiceAction(verb, part.unit, node), self.state, self.now)
            own = [h for h in self._handovers[part] if (h.taker if h.comes else h.owner) == node]
            impact = replace(planner.impact(), handovers=tuple(own))
            yield from planner.with_looks(planner.steps(impact), vips_move=True)
            if verb is UnitVerb.RESTART and len(nodes) > 1:
                yield from all_well(planner, last=node == nodes[-1])

    def take_machine(self, part: ResolvedStep) -> Iterator[Step]:
        verb, node = part.move.verb, part.target
        undo = self._machine_undo(BACK[verb], node)
        title = f"arm here: {undo.title} in {self.profile.safety.dead_man_s} s unless disarmed"
        yield Step(StepKind.ARM, title, node, undo.argv, SHORT_TIMEOUT_S, undo=undo, here=True)
        yield replace(self._do(part, self._fence(verb, node), (), undo, back=False), here=True)

    def give_machine_back(self, part: ResolvedStep) -> Iterator[Step]:
        undo = self._machine_undo(part.move.verb, part.target)
        step = self._do(part, undo.argv, undo.expect, undo, back=True)
        yield replace(step, here=True, within_s=MACHINE_TIMEOUT_S)
        title = f"disarm here: {undo.title}"
        yield Step(StepKind.DISARM, title, part.target, (), SHORT_TIMEOUT_S, clears_undo=undo.name, here=True)

    def _machine_undo(self, verb: DrillVerb, node: str) -> Undo:
        return bring_back(verb, self._fence(verb, node), node, (UnitRuns(node, self._keepalived),))

    def _fence(self, verb: DrillVerb, node: str) -> tuple[str, ...]:
        by_verb = {str(name): words for name, words in self.profile.fencing.items()}
        return tuple(word.replace("{node}", node) for word in by_verb.get(str(verb), ()))

    def switchover(self, part: ResolvedStep) -> Iterator[Step]:
        names = tuple(dict.fromkeys((self._instance, *instances_of(self._handovers[part]))))
        why_plain = why_not_raised(self.state, names, part.standby)
        if why_plain is not None:
            self._notes.append(f"the plain way: {why_plain}")
        yield from moving_steps(self.state, names, part.owner, part.standby, raised=why_plain is None)

    def requests(self, part: ResolvedStep) -> Iterator[Step]:
        count = part.move.count
        title = f"send {count} requests to each published domain through the VIP"
        yield Step(StepKind.ASK, title, part.owner, (), timeout_s=5.0 + count * 0.5, count=count)

    def _do(
        self, part: ResolvedStep, argv: tuple[str, ...], effect: tuple[Expectation, ...], undo: Undo, *, back: bool
    ) -> Step:
        """The command of a step, with what the drill expects of it and by when. `back`: it takes a change back."""
        node, move = part.target, part.move
        seen, windows = [*effect], list[Window]()
        for expected in move.expect:
            if isinstance(expected, VipMovesTo):
                seen.append(VipOn(self._instance, part.node(expected.who)))
            elif isinstance(expected, StateOf):
                seen.append(VrrpIn(part.node(expected.who), self._instance, (expected.state,)))
            else:
                continue
            windows.append(self._window(part, expected.within))
        if part.moves_vip:
            seen += moved(self.state, self._besides(Impact(touches=(), handovers=self._handovers[part])))
        needs_s = max((span.upper_s for span in windows), default=0.0) + self.action.allowance_s
        within_s = max(needs_s + GRACE_S, 12.0 if back else 5.0)
        title = f"{move.verb} {f'{move.unit} on ' if move.unit else ''}{node}"
        step = do(title, node, argv, tuple(seen), within_s=within_s, needs_s=needs_s)
        return replace(step, clears_undo=undo.name) if back else replace(step, requires_undo=undo.name)

    def _window(self, part: ResolvedStep, bound: Bound) -> Window:
        owner, taker, acted_on = (
            live_of(self.action, self.state, self._instance, node)
            for node in (part.owner, part.standby, part.acted_on)
        )
        return window(bound, Pair(owner, taker), acted_on)


MAKERS: Mapping[DrillVerb, Callable[[DrillPlanner, ResolvedStep], Iterator[Step]]] = {
    DrillVerb.STOP: DrillPlanner.take_unit,
    DrillVerb.START: DrillPlanner.give_unit_back,
    DrillVerb.HANG: DrillPlanner.take_unit,
    DrillVerb.WAKE: DrillPlanner.give_unit_back,
    DrillVerb.RESTART: DrillPlanner.unit_action,
    DrillVerb.RELOAD: DrillPlanner.unit_action,
    DrillVerb.SWITCHOVER: DrillPlanner.switchover,
    DrillVerb.REQUESTS: DrillPlanner.requests,
    DrillVerb.POWER_OFF: DrillPlanner.take_machine,
    DrillVerb.FREEZE: DrillPlanner.take_machine,
    DrillVerb.POWER_ON: DrillPlanner.give_machine_back,
    DrillVerb.THAW: DrillPlanner.give_machine_back,
}


def steady_state(drill: Drill, state: ClusterState, instance: str, owner: str) -> Iterator[StateExpectation]:
    """What must hold before a drill, and again after it with the owner it leaves behind."""
    for part in drill.steady_state:
        yield from _steady(part, state, instance, owner)


def _steady(part: SteadyState, state: ClusterState, instance: str, owner: str) -> Iterator[StateExpectation]:
    profile = state.profile
    match part:
        case SteadyState.OWNED:
            yield VipOn(instance, owner)
        case SteadyState.STANDBY_READY:
            standbys = (node for node in profile.nodes if node != owner)
            yield from (VrrpIn(node, instance, (VrrpState.BACKUP,)) for node in standbys)
        case SteadyState.UNITS:
            for node in profile.nodes:
                yield from (UnitRuns(node, unit) for unit in profile.actionable_units_on(node))
        case SteadyState.DOMAINS:
            if profile.domains:
                yield from (DomainsAnswer(node, tuple(profile.domains)) for node in profile.nodes)
        case SteadyState.SERVICES:
            # Seen from itself and from every peer: a backend bound to loopback is no backend for the other.
            up = [node.name for node in state.nodes.values() if node.link.state is LinkState.UP]
            for node, seen in state.nodes.items():
                peers = tuple(peer for peer in up if peer != node)
                yield from (ServiceHealthy(node, service, peers) for service in seen.services)
        case SteadyState.DATASTORES:
            yield from map(DatastoreAnswers, state.datastores)
        case SteadyState.CLIENT:
            yield ClientAnswered(instance)
