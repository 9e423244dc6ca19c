"""Guards on services: what would not come up, who would serve nobody, and files that nobody pushed. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from iamops.judge.guards.nodes import last_heard
from iamops.model.facts import LinkState
from iamops.model.need import NeedWhen
from iamops.model.observed import UNKNOWN_AFTER_S, Freshness, Known, Unknown
from iamops.model.profile import Service
from iamops.model.running import Unloaded
from iamops.model.state import ClusterState
from iamops.plan.denial import Denial, GuardContext
from iamops.plan.impact import datastores_of
from iamops.plan.known import answered
from iamops.plan.needs import commands, lacks, outages
from iamops.plan.predict import rests_on, serving
from iamops.plan.sending import doubted, meanwhile, serves, takes_requests
from iamops.plan.step_builders import loads

UNLOADED = "unloaded-changes"
PUSH = "`iamops config push` is the way"


def datastore_spof(case: GuardContext) -> Iterator[Denial]:
    names = case.plan.impact.stops_datastore if case.plan.acting else ()
    stores = [case.state.profile.datastores[name] for name in names]
    for node in dict.fromkeys(store.node for store in stores):
        own = tuple(store.name for store in stores if store.node == node)
        reason = f"{node} is the only node with {', '.join(own)}: without it no IAM service works"
        yield Denial("datastore-spof", reason, True, node, own)


def last_backend(case: GuardContext) -> Iterator[Denial]:
    """A backend may go only while another one answers, and gets requests wherever clients come."""
    state, moves = case.state, bool(case.plan.impact.moves)
    for name in case.plan.impact.stops_service if case.plan.acting else ():
        service = state.profile.services[name]
        for stopped in case.plan.impact.touches:
            others = others_with(state, name, stopped)
            taken = not service.domain or takes_requests(state, service, stopped, vips_move=moves)
            if not taken or any(serves(state, service, node, vips_move=moves) for node in others):
                continue
            well = [node for node in others if state.nodes[node].link.state is LinkState.UP]
            well = [node for node in well if answered(state.nodes[node].services[name])]
            if well:
                idle = doubts(state, service, well, vips_move=moves)
                reason = f"{name} would be left to {idle}: nothing is known to serve it meanwhile"
            else:
                nodes = doubts(state, service, others, vips_move=moves)
                reason = f"{name} is not known to be healthy on {nodes}: {meanwhile(state, service)}"
            yield Denial("last-backend", reason, True, stopped, (name,))


def last_backend_by_need(case: GuardContext) -> Iterator[Denial]:
    """A backend may lose what it needs only while another one answers. Datastores have a guard of their own."""
    state, moves = case.state, bool(case.plan.impact.moves)
    for command in commands(case.plan):
        if command.verb in ("start", "wake") or datastores_of(state.profile, command.unit, command.node):
            continue
        for outage in outages(state.profile, command.unit, command.node):
            name, node, service = outage.service, outage.node, state.profile.services[outage.service]
            own, others = state.nodes[node].services[name], others_with(state, name, node)
            serves_nobody = isinstance(own, Known) and not own.value.ok
            if (
                service.domain is None
                or serves_nobody
                or not takes_requests(state, service, node, vips_move=moves)
            ):
                continue
            if not any(serves(state, service, other, vips_move=moves) for other in others):
                nodes = doubts(state, service, others, vips_move=moves)
                reason = f"{name} on {node} needs {outage.need.what}, and on {nodes} it is not known to be healthy"
                yield Denial("last-backend", f"{reason}: {meanwhile(state, service)}", True, node, (name,))


def others_with(state: ClusterState, service: str, node: str) -> list[str]:
    """The other nodes that have the service."""
    return [other.name for other in state.nodes.values() if other.name != node and service in other.services]


def doubts(state: ClusterState, service: Service, nodes: Iterable[str], *, vips_move: bool) -> str:
    return ", ".join(doubted(state, service, node, vips_move=vips_move) for node in nodes) or "any other node"


def dependency_down(case: GuardContext) -> Iterator[Denial]:
    """What cannot come up now is neither started nor restarted: what still serves would stop."""
    for command in commands(case.plan):
        up = case.state.nodes[command.node].link.state is LinkState.UP
        if command.verb not in ("start", "restart") or not up:
            continue
        for lack in lacks(case.state, command, case.now):
            if lack.need.when is not NeedWhen.IDLE:
                reason = f"{lack.sentence}; it would not come up on {lack.node}"
                subjects = (f"{lack.service} needs {lack.need.what}",)
                yield Denial("dependency-down", reason, True, lack.node, subjects, lack.known)


def stale_elsewhere(case: GuardContext) -> Iterator[Denial]:
    """The standby that takes over, the backend that serves meanwhile: what they were a while ago proves nothing.

    A node whose link is down is known to be silent: other guards and the plan's notes speak of that.
    """
    for name in rests_on(case.plan, case.state.profile):
        node = case.state.nodes[name]
        if name in case.plan.impact.touches or node.link.state is not LinkState.UP or node.last_event_at is None:
            continue
        if node.freshness(case.now) is not Freshness.LIVE:
            text = f"{last_heard(node, case.now)}, and the plan rests on what it was then"
            yield Denial("stale-evidence", text, not case.plan.impact.planned, name, ("last heard",))


def old_answers(case: GuardContext) -> Iterator[Denial]:
    """A node may send events while nobody asks its nginx and its services any more: what the guards take for good
    of those who take over and of those who serve meanwhile may be old.
    """
    nodes, impact = case.state.nodes, case.plan.impact
    takers = [handover.taker for handover in impact.handovers if handover.taker is not None]
    answers = [(taker, domain, seen) for taker in takers for domain, seen in nodes[taker].domains.items()]
    answers += [(node, name, nodes[node].services[name]) for name, node in serving(case.plan, case.state.profile)]
    for node, what, seen in dict.fromkeys(answers):
        live = nodes[node].link.state is LinkState.UP and nodes[node].freshness(case.now) is Freshness.LIVE
        if live and node not in impact.touches and isinstance(seen, Known) and seen.value.ok:
            age_s = seen.age_s(case.now)
            if age_s > UNKNOWN_AFTER_S:
                reason = f"that {what} on {node} answers was last seen {age_s:.0f} s ago"
                text = f"{reason}, more than {UNKNOWN_AFTER_S:.0f} s"
                yield Denial("stale-evidence", text, not impact.planned, node, (what,))


def unloaded_changes(case: GuardContext) -> Iterator[Denial]:
    """A daemon that reads its files again takes what lies there, no matter who put it there.

    A push and a drained restart bring files of their own, which are checked; what else lies there would be loaded
    with them, and loaded again by what takes them back.
    """
    for unit, node in loads(case.plan, case.state.profile):
        seen, own = case.state.nodes[node].files, case.plan.action.files_brought(node)
        if isinstance(seen, Unknown):
            reason = f"what {unit} on {node} would load is not known: {seen.reason}"
            yield Denial(UNLOADED, reason, True, node, (unit,), known=False)
            continue
        unloaded = seen.value.unloaded.get(unit, Unloaded())
        if own is None:
            yield from _unlike_running(unit, node, unloaded, is_nginx=unit == case.state.profile.nginx.unit)
        elif stray := [path for path in unloaded.files if path not in own]:
            head = f"{unit} on {node} would load files that this does not replace, and that it may not have loaded"
            reason = f"{head}: {', '.join(stray)}; remove them, or load them first"
            yield Denial(UNLOADED, reason, True, node, _subjects(unit, stray))


def _unlike_running(unit: str, node: str, unloaded: Unloaded, *, is_nginx: bool) -> Iterator[Denial]:
    head = f"{unit} on {node} would load other files than it runs with"
    if unloaded.conflicts:
        # Two masters are never wanted; a proxy that is broken anyway may be.
        reason = f"{head}: {'; '.join(unloaded.conflicts)}; {PUSH}"
        yield Denial(UNLOADED, reason, is_nginx, node, _subjects(unit, unloaded.conflicts))
    elif unloaded.differences:
        what = (*unloaded.differences, *unloaded.unknown)
        yield Denial(UNLOADED, f"{head}: {'; '.join(what)}; {PUSH}", True, node, _subjects(unit, what))
    elif unloaded.unknown:
        reason = f"whether {head} is not known: {'; '.join(unloaded.unknown)}"
        yield Denial(UNLOADED, reason, True, node, _subjects(unit, unloaded.unknown), known=False)


def _subjects(unit: str, found: Iterable[str]) -> tuple[str, ...]:
    """What lies in a file is named as it is there: other content is something else to insist on."""
    return tuple(f"{unit}: {what}" for what in found)
