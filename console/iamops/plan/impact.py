"""What an action does to the VIPs and to the service, worked out from the observed state. Pure."""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import replace

from iamops.model.drill import TAKES, DrillVerb
from iamops.model.facts import LinkState, VrrpState
from iamops.model.observed import Known
from iamops.model.profile import Profile
from iamops.model.state import ClusterState
from iamops.model.vip import OwnedBy, OwnerUnknown, owner_of, why_unseen
from iamops.plan.action import (
    Action,
    ConfigPush,
    DrainedRestart,
    DrillAction,
    RollingRestart,
    ServiceAction,
    Switchover,
    UnitVerb,
    check_targets,
    instance_of,
)
from iamops.plan.known import NotKnown, holding, may_hold
from iamops.plan.preemption import takes_back
from iamops.plan.roles import ResolvedStep, resolved_steps
from iamops.plan.steps import Handover, Impact
from iamops.plan.vrrp_timing import base_priority, counted_priority


def impact_of(action: Action, state: ClusterState, now: float) -> Impact:
    """Raises NoSuchTarget, and NotKnown where what it does to a VIP cannot be told."""
    check_targets(action, state.profile)
    match action:
        case ServiceAction():
            return _of_service(action, state, now)
        case RollingRestart():
            return _of_rolling(action, state, now)
        case Switchover():
            return _of_switchover(action, state, now)
        case DrillAction():
            return _of_drill(action, state, now)
        case ConfigPush():
            return _of_push(action, state, now)
        case DrainedRestart():
            return _of_rolling(RollingRestart(action.unit), state, now)


def successors(
    state: ClusterState, instance: str, owner: str, back: Container[str] = frozenset()
) -> tuple[str, ...]:
    """Who would take the VIP over, the most likely first: by VRRP's order among those that can.

    `back`: nodes that have handed over before in the same plan, and stand by since.
    """

    def order(node: str) -> tuple[bool, int]:
        ready = node in back or _stands_by(state, node, instance)
        return not ready, -counted_priority(state, instance, node)

    return tuple(sorted((name for name in state.profile.nodes if name != owner), key=order))


class Whereabouts:
    """Which node has each VIP while a plan runs: a node that was restarted may have got one from another."""

    def __init__(self, state: ClusterState, now: float) -> None:
        self._state, self._now = state, now
        owners = {name: owner_of(state, name, now) for name in state.profile.vrrp}
        self._at = {name: owner.node for name, owner in owners.items() if isinstance(owner, OwnedBy)}
        self._unseen = {name: owner.unseen for name, owner in owners.items() if isinstance(owner, OwnerUnknown)}
        self._back: set[str] = set()

    def lets_go(self, node: str, to: str | None = None, *, comes_back: bool = True) -> tuple[Handover, ...]:
        """All that the node has goes to its successors, or `to`. Raises NotKnown where it may have one unseen.

        `comes_back`: the node is there again afterwards, and stands by; see `takes` for what it preempts then.
        """
        for name, unseen in self._unseen.items():
            if node in unseen:
                address, why = self._state.profile.vrrp[name].address, why_unseen(self._state, node, self._now)
                raise NotKnown(f"whether {node} has VIP {address} is not known: {why}")
        going: dict[str | None, list[str]] = {}
        for name in [name for name, at in self._at.items() if at == node]:
            taker = to or next(iter(successors(self._state, name, node, self._back)), None)
            going.setdefault(taker, []).append(name)
            if taker is not None:
                self._at[name] = taker
        if comes_back:
            self._back.add(node)
        return tuple(Handover(tuple(names), node, taker) for taker, names in going.items())

    def takes(self, unit: str, node: str) -> tuple[Handover, ...]:
        """The unit comes up on the node, which gets what it preempts from others."""
        names: dict[str, list[str]] = {}
        for name, at in self._at.items():
            if takes_back(self._state, name, unit, node, at):
                names.setdefault(at, []).append(name)
                self._at[name] = node
        return tuple(Handover(tuple(each), at, node, comes=True) for at, each in names.items())

    def follows(self, instance: str, owner: str, to: str) -> tuple[Handover, ...]:
        """A drill expects its own VIP there, for whatever reason."""
        if self._at.get(instance) == to:
            return ()
        self._at[instance] = to
        return (Handover((instance,), owner, to),)

    def goes_back(self, to: str) -> tuple[Handover, ...]:
        """A node wakes up that still believes to be master: it gets what it has the highest priority for."""
        names: dict[str, list[str]] = {}
        for name, at in self._at.items():
            if at != to and preferred_of(self._state, name, at, to) == to:
                names.setdefault(at, []).append(name)
                self._at[name] = to
        return tuple(Handover(tuple(each), at, to) for at, each in names.items())


def rolling_order(state: ClusterState, unit: str, now: float) -> tuple[str, ...]:
    """The nodes that have the unit, owners of a VIP last, and those that may be one."""
    nodes = [name for name in state.profile.nodes if unit in state.profile.actionable_units_on(name)]
    return tuple(sorted(nodes, key=lambda name: may_hold(state, name, now)))


def services_of(profile: Profile, unit: str) -> tuple[str, ...]:
    return tuple(service.name for service in profile.services.values() if service.unit == unit)


def datastores_of(profile: Profile, unit: str, node: str) -> tuple[str, ...]:
    return tuple(d.name for d in profile.datastores.values() if d.unit == unit and d.node == node)


def _of_service(action: ServiceAction, state: ClusterState, now: float) -> Impact:
    profile = state.profile
    calm = Impact(touches=(action.node,))
    carries = action.unit in (profile.keepalived.unit, profile.nginx.unit)
    if action.verb is UnitVerb.START:
        starts = carries and not _runs(state, action.unit, action.node)
        return _moving(calm, Whereabouts(state, now).takes(action.unit, action.node)) if starts else calm
    calm = replace(calm, lasting=action.verb is UnitVerb.STOP)
    if carries:
        holding(state, action.node, now)  # raises where it is not known
    if action.verb is UnitVerb.RELOAD:
        return calm
    if carries:
        calm = _moving(calm, _carrier_goes(Whereabouts(state, now), action, profile))
    if action.unit == profile.keepalived.unit or (action.unit == profile.nginx.unit and calm.lasting):
        return calm
    return replace(
        calm,
        stops_service=services_of(profile, action.unit),
        stops_datastore=datastores_of(profile, action.unit, action.node),
    )


def _carrier_goes(vips: Whereabouts, action: ServiceAction, profile: Profile) -> tuple[Handover, ...]:
    """What moves when keepalived or nginx stops or restarts: nginx is back before its check acts."""
    back = action.verb is UnitVerb.RESTART
    goes = action.unit == profile.keepalived.unit or not back
    gone = vips.lets_go(action.node, comes_back=back) if goes else ()
    return gone + (vips.takes(action.unit, action.node) if back else ())


def _of_rolling(action: RollingRestart, state: ClusterState, now: float) -> Impact:
    profile = state.profile
    order = rolling_order(state, action.unit, now)
    stores = tuple(store for node in order for store in datastores_of(profile, action.unit, node))
    calm = Impact(touches=order, stops_service=services_of(profile, action.unit), stops_datastore=stores)
    return _moving(calm, tuple(each for _, own in restarts(state, action.unit, now) for each in own.handovers))


def restarts(state: ClusterState, unit: str, now: float) -> Iterator[tuple[str, Impact]]:
    """The nodes of a rolling restart in order, each with what its restart does once those before it are done."""
    vips, profile = Whereabouts(state, now), state.profile
    for node in rolling_order(state, unit, now):
        each = ServiceAction(UnitVerb.RESTART, unit, node)
        own = _of_service(each, state, now)
        if unit in (profile.keepalived.unit, profile.nginx.unit):
            alone = replace(own, moves=(), owner=None, taker=None, handovers=())
            own = _moving(alone, _carrier_goes(vips, each, profile))
        yield node, own


def _of_switchover(action: Switchover, state: ClusterState, now: float) -> Impact:
    """Stopping keepalived on the owner moves everything it owns, so all of that is in the plan."""
    profile = state.profile
    asked = instance_of(profile, action.instance)
    match owner_of(state, asked, now):
        case OwnedBy(owner):
            pass
        case _:
            return Impact(touches=tuple(profile.nodes), moves=(asked,), planned=True, needs_owner=True)
    taker = action.to or next(iter(successors(state, asked, owner)), None)
    touches = (owner,) if taker is None or taker == owner else (owner, taker)
    moves = holding(state, owner, now).alone
    handover = Handover(moves, owner, taker)
    return Impact(touches, moves, owner, taker, planned=True, needs_owner=True, handovers=(handover,))


def _of_drill(action: DrillAction, state: ClusterState, now: float) -> Impact:
    """Every node is touched. The VIP moves where some step says so, or takes a machine away."""
    profile, drill = state.profile, action.drill
    name = instance_of(profile, action.instance)
    touches = tuple(profile.nodes)
    match owner_of(state, name, now):
        case OwnedBy(owner):
            pass
        case _:
            return Impact(touches, (name,), planned=True, needs_owner=True)
    taker = next(iter(successors(state, name, owner)), None)
    course = (
        resolved_steps(drill, owner, taker, preferred_of(state, name, owner, taker)) if taker is not None else ()
    )
    stores = tuple(dict.fromkeys(store for leg in course for store in _stores_of(leg, profile)))
    handovers = tuple(each for _, own in handed_over(course, name, state, now) for each in own)
    moved = dict.fromkeys(each for handover in handovers for each in handover.moves)
    moves = tuple(sorted(moved, key=lambda each: each != name))
    return Impact(
        touches, moves, owner, taker, True, stops_datastore=stores, needs_owner=True, handovers=handovers
    )


def handed_over(
    course: tuple[ResolvedStep, ...], instance: str, state: ClusterState, now: float
) -> Iterator[tuple[ResolvedStep, tuple[Handover, ...]]]:
    """The steps of a drill, each with everything that moves in it: also VIPs that the drill does not speak of."""
    vips = Whereabouts(state, now)
    for leg in course:
        moving = _in_step(leg, vips, state.profile)
        yield leg, moving + (vips.follows(instance, leg.owner, leg.next_owner) if leg.moves_vip else ())


def _stores_of(leg: ResolvedStep, profile: Profile) -> Iterator[str]:
    """The datastores that a step of a drill takes away, with their unit or with their whole machine."""
    if leg.move.verb not in TAKES:
        return
    for node in leg.nodes(profile.nodes):
        for store in profile.datastores.values():
            if store.node == node and leg.move.unit in (None, store.unit):
                yield store.name


def _in_step(leg: ResolvedStep, vips: Whereabouts, profile: Profile) -> tuple[Handover, ...]:
    verb, unit = leg.move.verb, leg.move.unit
    nodes = leg.nodes(profile.nodes)
    match verb:
        case DrillVerb.SWITCHOVER:
            return vips.lets_go(leg.owner, leg.standby)
        case DrillVerb.POWER_OFF | DrillVerb.FREEZE:
            return vips.lets_go(nodes[0], comes_back=False)
        case DrillVerb.THAW if leg.moves_vip:
            return vips.goes_back(leg.next_owner)
        case DrillVerb.STOP | DrillVerb.HANG if unit in (profile.keepalived.unit, profile.nginx.unit):
            return tuple(each for node in nodes for each in vips.lets_go(node, comes_back=False))
        case DrillVerb.RESTART if unit == profile.keepalived.unit:
            return tuple(
                each
                for node in nodes
                for each in (*vips.lets_go(node), *vips.takes(profile.keepalived.unit, node))
            )
        case _:
            return ()


def _of_push(action: ConfigPush, state: ClusterState, now: float) -> Impact:
    """Every node is looked at and locked, changed or not; the VIP stays, though it may be dark for a while."""
    order = sorted(state.profile.nodes, key=lambda name: may_hold(state, name, now))
    return Impact(touches=tuple(order), planned=True)


def preferred_of(state: ClusterState, instance: str, *nodes: str) -> str:
    """The one with the highest priority of its own."""
    return max(nodes, key=lambda node: base_priority(state, instance, node))


def _moving(calm: Impact, handovers: tuple[Handover, ...]) -> Impact:
    if not handovers:
        return calm
    moves = tuple(dict.fromkeys(name for each in handovers for name in each.moves))
    going = next((each for each in handovers if not each.comes), None)
    owner, taker = (going.owner, going.taker) if going is not None else (None, None)
    return replace(calm, moves=moves, owner=owner, taker=taker, handovers=handovers)


def _stands_by(state: ClusterState, node: str, instance: str) -> bool:
    seen = state.nodes[node]
    report = seen.vrrp[instance]
    return seen.link.state is LinkState.UP and isinstance(report, Known) and report.value.state is VrrpState.BACKUP


def _runs(state: ClusterState, unit: str, node: str) -> bool:
    seen = state.nodes[node].units[unit]
    return isinstance(seen, Known) and seen.value.running
