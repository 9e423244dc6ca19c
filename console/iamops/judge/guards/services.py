"""Guards on what services need: what would not come up, and which last backend falls with another. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from iamops.model.drill import GIVES_BACK, TAKES
from iamops.model.facts import LinkState
from iamops.model.need import NeedWhen
from iamops.model.observed import Known, Unknown
from iamops.model.running import Unloaded
from iamops.model.state import ClusterState
from iamops.plan.action import Action, ConfigPush, DrainedRestart, DrillAction, instance_of
from iamops.plan.denial import Denial, GuardContext
from iamops.plan.impact import datastores_of, preferred_of, services_of
from iamops.plan.needs import Fall, commands, falls, lacks
from iamops.plan.roles import ResolvedStep, resolved_steps
from iamops.plan.sending import doubted, meanwhile, serves, takes_requests
from iamops.plan.step_builders import loads


def dependency_down(case: GuardContext) -> Iterator[Denial]:
    """What cannot come up now is neither started nor restarted: what still served would be gone."""
    for command in commands(case.plan):
        up = case.state.nodes[command.node].link.state is LinkState.UP
        if command.verb not in ("start", "restart") or not up:
            continue
        for lack in lacks(case.state, command, case.now):
            if lack.need.when is not NeedWhen.IDLE:
                reason = f"{lack.sentence}; it would not come up on {lack.node}"
                about = (f"{lack.service} needs {lack.need.what}",)
                yield Denial("dependency-down", reason, True, lack.node, about, lack.known)


def last_backend_by_need(case: GuardContext) -> Iterator[Denial]:
    """A backend may lose what it needs only while another one answers. Datastores have a guard of their own."""
    profile = case.state.profile
    for command in commands(case.plan):
        if command.verb in ("start", "wake") or datastores_of(profile, command.unit, command.node):
            continue
        for fall in falls(profile, command.unit, command.node):
            if fall.need.when is NeedWhen.ALWAYS and _is_last(case, fall):
                service = profile.services[fall.service]
                moves = bool(case.plan.impact.moves)
                others = ", ".join(
                    doubted(case.state, service, name, vips_move=moves) for name in _others(case, fall)
                )
                nodes = others or "any other node"
                reason = (
                    f"{fall.service} on {fall.node} needs {fall.need.what}, and on {nodes} it is not known to be"
                )
                text = f"{reason} healthy: {meanwhile(case.state, service)}"
                yield Denial("last-backend", text, True, fall.node, (fall.service,))


def _is_last(case: GuardContext, fall: Fall) -> bool:
    own = case.state.nodes[fall.node].services[fall.service]
    serves_nobody = isinstance(own, Known) and not own.value.ok
    service = case.state.profile.services[fall.service]
    if service.domain is None or serves_nobody:
        return False
    moves = bool(case.plan.impact.moves)
    others = (serves(case.state, service, node, vips_move=moves) for node in _others(case, fall))
    return takes_requests(case.state, service, fall.node, vips_move=moves) and not any(others)


def _others(case: GuardContext, fall: Fall) -> list[str]:
    return [n.name for n in case.node_states if n.name != fall.node and fall.service in n.services]


# The guard on what a drill takes away besides the VIP: never the last backend of a service. Pure.


def last_backend_of_drill(case: GuardContext) -> Iterator[Denial]:
    """A drill may take one backend away while another one answers that it has not taken away itself."""
    action, impact = case.plan.action, case.plan.impact
    if not isinstance(action, DrillAction) or impact.owner is None or impact.taker is None:
        return
    name = instance_of(case.state.profile, action.instance)
    best = preferred_of(case.state, name, impact.owner, impact.taker)
    away: set[tuple[str, str]] = set()
    for leg in resolved_steps(action.drill, impact.owner, impact.taker, best):
        for service, node in _touched(case.state, leg):
            if leg.move.verb in TAKES:
                yield from _last(case.state, service, node, away)
                away.add((service, node))
            if leg.move.verb in GIVES_BACK:
                away.discard((service, node))


def _touched(state: ClusterState, leg: ResolvedStep) -> Iterator[tuple[str, str]]:
    """The services of a step's unit, or of a whole machine, with their nodes."""
    profile, move = state.profile, leg.move
    names = tuple(profile.services) if move.unit is None else services_of(profile, move.unit)
    for node in leg.nodes(profile.nodes):
        yield from ((name, node) for name in names if name in state.nodes[node].services)


def _last(state: ClusterState, service: str, stopped: str, away: set[tuple[str, str]]) -> Iterator[Denial]:
    others = [n for n in state.nodes.values() if n.name != stopped and service in n.services]
    left = [n for n in others if (service, n.name) not in away]
    known = state.profile.services[service]
    if any(serves(state, known, n.name, vips_move=True) for n in left):
        return
    named = ", ".join(doubted(state, known, n.name, vips_move=True) for n in others)
    reason = f"{service} is not known to be healthy on {named or 'any other node'}"
    text = f"{reason} when {stopped}'s goes: {meanwhile(state, known)}"
    yield Denial("last-backend", text, True, stopped, (service,))


# The guard against files that nobody pushed: what a daemon would load is compared before it is made to. Pure.

CODE = "unloaded-changes"
PUSH = "`iamops config push` is the way"


def unloaded_changes(case: GuardContext) -> Iterator[Denial]:
    """A daemon that reads its files again takes whatever lies there, whoever put it there.

    A push and a drained restart bring files of their own, which are checked; what else lies there would be loaded
    with them, and loaded again by what takes them back.
    """
    for unit, node in loads(case.plan, case.state.profile):
        seen = case.state.nodes[node].files
        if isinstance(seen, Unknown):
            reason = f"what {unit} on {node} would load is not known: {seen.reason}"
            yield Denial(CODE, reason, True, node, (unit,), known=False)
            continue
        unloaded, own = seen.value.unloaded.get(unit, Unloaded()), _brought(case.plan.action, node)
        if own is None:
            yield from _of_all(case, unit, node, unloaded)
        elif stray := [path for path in unloaded.files if path not in own]:
            head = f"{unit} on {node} would load files that this does not replace, and that it may not have loaded"
            reason = f"{head}: {', '.join(stray)}; remove them, or load them first"
            yield Denial(CODE, reason, True, node, _each(unit, stray))


def _brought(action: Action, node: str) -> frozenset[str] | None:
    """The files that an action puts in place, or finds as it wants them; None: it brings none."""
    match action:
        case ConfigPush():
            return action.changes[node].settled
        case DrainedRestart():
            each = [changes[node].settled for changes in action.drained.values() if node in changes]
            return frozenset.intersection(*each) if each else frozenset()
        case _:
            return None


def _of_all(case: GuardContext, unit: str, node: str, unloaded: Unloaded) -> Iterator[Denial]:
    head = f"{unit} on {node} would load other files than it runs with"
    if unloaded.conflicts:
        # Two masters are never wanted; a proxy that is broken anyway may be.
        overridable = unit == case.state.profile.nginx.unit
        reason = f"{head}: {'; '.join(unloaded.conflicts)}; {PUSH}"
        yield Denial(CODE, reason, overridable, node, _each(unit, unloaded.conflicts))
    elif unloaded.differences:
        what = (*unloaded.differences, *unloaded.unknown)
        yield Denial(CODE, f"{head}: {'; '.join(what)}; {PUSH}", True, node, _each(unit, what))
    elif unloaded.unknown:
        head = f"whether {unit} on {node} would load other files than it runs with is not known"
        about = _each(unit, unloaded.unknown)
        yield Denial(CODE, f"{head}: {'; '.join(unloaded.unknown)}", True, node, about, known=False)


def _each(unit: str, found: Iterable[str]) -> tuple[str, ...]:
    """What lies in a file is told as it is there: other content is something else to insist on."""
    return tuple(f"{unit}: {each}" for each in found)
