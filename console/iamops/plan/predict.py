"""One sentence on what an action will do to clients, with the numbers theory gives and the evidence's age."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

from iamops.model.facts import LinkState, ProbeReport
from iamops.model.need import NeedWhen
from iamops.model.observed import Freshness, Known, Observed, Unknown
from iamops.model.profile import Profile
from iamops.model.running import Unloaded
from iamops.model.state import ClusterState
from iamops.model.vip import ownership
from iamops.plan.action import ServiceAction, UnitVerb
from iamops.plan.check_timing import as_profiled, of_vips
from iamops.plan.checks import of_leaving
from iamops.plan.expectation import StateExpectation, VipOn, VipSomewhere
from iamops.plan.known import holding, may_hold
from iamops.plan.needs import commands, falls
from iamops.plan.preemption import may_come, of_coming
from iamops.plan.roles import ResolvedStep
from iamops.plan.sending import outside, serving_besides, unsent
from iamops.plan.step_builders import control, nodes_let_down
from iamops.plan.steps import Handover, Impact, Plan, StepKind
from iamops.plan.vrrp_timing import (
    HIGHEST_PRIORITY,
    base_priority,
    check_window_s,
    counted_priority,
    outvoted_s,
    skew_s,
    vrrp_on,
    vrrp_source,
)

# nginx and keepalived start within a few hundred milliseconds; a service says itself when it is healthy.
MOMENT = "well under a second"
# What a VIP's move costs is counted by new connections: an open one ends at a node that knows nothing of it.
OPEN_ARE_CUT = "the time is that of new connections; open (keep-alive) ones through the VIP are cut"
OPEN_WERE_CUT = "measured with new connections; open (keep-alive) ones through the VIP were cut"


def of_move(state: ClusterState, impact: Impact, now: float, *, raised: bool) -> str:
    """For example: VIP 10.0.4.99 moves iam-a -> iam-b, about 0.01 s; iam-b nginx was healthy 0.4 s ago."""
    return "; then ".join(_handover(state, each, now, raised=raised) for each in impact.handovers)


def _handover(state: ClusterState, handover: Handover, now: float, *, raised: bool) -> str:
    vips, taker = _vips(state, handover.moves), handover.taker
    if handover.comes:
        return of_coming(state, handover)
    if taker is None:
        return f"{vips} leaves {handover.owner} and no node would take it"
    slowest = min(handover.moves, key=lambda name: counted_priority(state, name, taker))
    skew = _skew(state, slowest, taker, HIGHEST_PRIORITY) if raised else _own_skew(state, slowest, taker)
    return f"{vips} moves {handover.owner} -> {taker}, {skew}; {nginx_health(state, taker, now)}"


def _own_skew(state: ClusterState, instance: str, taker: str) -> str:
    """By the priority that keepalived counts; where it does not tell, by the profile's, and that is said."""
    seen = state.nodes[taker].vrrp[instance]
    if isinstance(seen, Known) and seen.value.effective_priority is not None:
        return _skew(state, instance, taker, seen.value.effective_priority)
    skew = _skew(state, instance, taker, base_priority(state, instance, taker))
    told = vrrp_source(state, taker, instance) or (isinstance(seen, Known) and seen.value.priority is not None)
    guess = "its checks leave its priority alone" if told else f"{taker} has the profile's priority"
    return f"{skew}, if {guess}, which it does not tell"


def _skew(state: ClusterState, instance: str, taker: str, priority: int) -> str:
    return f"about {skew_s(priority, vrrp_on(state, taker, instance)):.2f} s (skew at priority {priority})"


def open_connections(impact: Impact) -> tuple[str, ...]:
    """What a plan has to say beside its number, where it moves a VIP."""
    return (OPEN_ARE_CUT,) if any(each.taker is not None for each in impact.handovers) else ()


def of_service(action: ServiceAction, state: ClusterState, impact: Impact, now: float) -> str:
    """What stopping, starting, restarting or reloading one unit means."""
    profile = state.profile
    if action.verb is UnitVerb.START:
        return f"{action.unit} starts on {action.node}; {_of_start(action, state, impact, now)}"
    if action.verb is UnitVerb.RELOAD:
        return _of_reload(action, state)
    if action.unit == profile.keepalived.unit:
        return _of_keepalived(action, state, impact, now)
    if action.unit == profile.nginx.unit and any(each.comes for each in impact.handovers):
        return f"{action.unit} restarts on {action.node}; {_of_start(action, state, impact, now)}"
    if action.unit == profile.nginx.unit:
        return _of_nginx(action, state, impact, now)
    if impact.stops_datastore:
        down = "is down" if impact.lasting else "is down until it is back"
        return f"{', '.join(impact.stops_datastore)} runs only on {action.node}: all of IAM {down}"
    return _of_backend(action, state, impact, now)


def of_drill(state: ClusterState, course: Sequence[ResolvedStep], instance: str, impact: Impact) -> str:
    """What a drill is about to do to the VIP: its way through the nodes; and to VIPs that go with it."""
    others = tuple(name for name in impact.moves if name != instance)
    too = f"; {_vips(state, others)} moves too" if others else ""
    stores = ", ".join(f"{name} on {state.profile.datastores[name].node}" for name in impact.stops_datastore)
    down = f"; {stores} has no other node: all of IAM is down until it is back" if stores else ""
    return _of_course(state, course, instance) + too + down


def _of_course(state: ClusterState, course: Sequence[ResolvedStep], instance: str) -> str:
    vip = _vips(state, (instance,))
    stops = [course[0].owner] if course else []
    stops += [leg.next_owner for leg in course if leg.moves_vip]
    if len(stops) < 2:
        return f"{vip} stays on {' '.join(stops)}; {len(course)} steps"
    return f"{vip} moves {' -> '.join(stops)} in {len(course)} steps, each undone by its node if we are lost"


def nginx_health(state: ClusterState, node: str, now: float) -> str:
    """What is known of nginx on a node, and how old that is."""
    probes = state.nodes[node].domains
    bad = next((d for d, seen in probes.items() if isinstance(seen, Known) and not seen.value.ok), None)
    unseen = next((seen for seen in probes.values() if isinstance(seen, Unknown)), None)
    if bad is not None:
        return f"{node} nginx answers badly for {bad}"
    if unseen is not None or not probes:
        return f"{node} nginx is not known to be healthy"
    oldest = max(seen.age_s(now) for seen in probes.values() if isinstance(seen, Known))
    return f"{node} nginx was healthy {oldest:.1f} s ago"


def _of_start(action: ServiceAction, state: ClusterState, impact: Impact, now: float) -> str:
    """A preempting node takes its VIPs back once its check is content; without an owner, any node may take one."""
    comes = [of_coming(state, each) for each in impact.handovers]
    if action.unit in (state.profile.keepalived.unit, state.profile.nginx.unit):
        comes += may_come(state, action.unit, action.node, now)
    return "; ".join(comes) or "no VIP moves"


def _of_reload(action: ServiceAction, state: ClusterState) -> str:
    if action.unit == state.profile.keepalived.unit:
        return f"keepalived on {action.node} reads its files again; a changed VRRP instance may move the VIP"
    return f"{action.unit} on {action.node} reads its files again; {_of_requests(action, state)}, no VIP moves"


def _of_requests(action: ServiceAction, state: ClusterState) -> str:
    """No file that nginx has not loaded is known to leave every request alone before that was compared."""
    seen = state.nodes[action.node].files
    if action.unit != state.profile.nginx.unit:
        return "no request is dropped"
    if isinstance(seen, Unknown):
        return f"what that does to requests is not known ({seen.reason})"
    unloaded = seen.value.unloaded.get(action.unit, Unloaded())
    if unloaded.conflicts or unloaded.unknown:
        return f"what that does to requests is not known ({(*unloaded.conflicts, *unloaded.unknown)[0]})"
    if unloaded.unseen:
        return f"no request is dropped, as far as its files tell: {unloaded.unseen[0]}"
    return "no request is dropped"


def _of_keepalived(action: ServiceAction, state: ClusterState, impact: Impact, now: float) -> str:
    if impact.moves:
        return of_move(state, impact, now, raised=False)
    shared = holding(state, action.node, now).shared
    if shared:
        return f"{_vips(state, shared)} is on {action.node} and on another node at once; it stays on the other"
    until = "while it is stopped" if impact.lasting else f"until {action.node} is back"
    comes = () if impact.lasting else tuple(may_come(state, action.unit, action.node, now))
    owns = f"{action.node} owns no VIP, so none moves" if not comes else "; ".join(comes)
    return f"{owns}; there is no standby {until}"


def _of_nginx(action: ServiceAction, state: ClusterState, impact: Impact, now: float) -> str:
    if impact.moves:
        owners = [(each.owner, name) for each in impact.handovers if not each.comes for name in each.moves]
        windows = [check_window_s(vrrp_on(state, *each)) for each in owners]
        least, most = min(window[0] for window in windows), max(window[1] for window in windows)
        refused = f"clients are refused for {least:.0f} to {most:.0f} s until the check notices"
        then = [why for each in impact.handovers for why in _leaving(state, each)]
        if not most:  # keepalived tracks no check
            return "; ".join(then) or of_move(state, impact, now, raised=False)
        moves = "; ".join(then) or of_move(state, impact, now, raised=False)
        longer = "".join(_outvoted(state, each) for each in impact.handovers)
        return f"{refused}{longer}{as_profiled(state, owners)}, then {moves}"
    if not impact.lasting and holding(state, action.node, now).any:
        moves = of_vips(state, action.node, now)
        return f"clients of the VIP are refused while nginx restarts on {action.node}, {MOMENT}; {moves}"
    end = "in FAULT, no standby is left" if impact.lasting else f"restarted, {MOMENT}"
    return f"{action.node} owns no VIP; its nginx is {end}"


def _leaving(state: ClusterState, handover: Handover) -> Iterator[str]:
    """What speaks against the VIPs leaving a node without nginx."""
    taker = handover.taker
    for name in handover.moves:
        if taker is not None and (stays := of_leaving(state, name, handover.owner, taker)):
            yield stays.reason


def _outvoted(state: ClusterState, handover: Handover) -> str:
    """A check with a weight leaves its node MASTER, until the taker preempts."""
    taker = handover.taker
    if taker is None:
        return ""
    each = [(vrrp_on(state, handover.owner, name), name) for name in handover.moves]
    most = max(
        outvoted_s(own, counted_priority(state, name, taker), vrrp_on(state, taker, name)) for own, name in each
    )
    return f" and {taker} preempts, {most:.1f} s later at most" if most else ""


def _of_backend(action: ServiceAction, state: ClusterState, impact: Impact, now: float) -> str:
    """Of several nodes in turn, the one that is worst to be without."""
    alone = [n for n in impact.touches if any(not _besides(state, name, n) for name in impact.stops_service)]
    node = action.node if action.node in alone or not alone else alone[0]
    peers = [
        (peer, state.nodes[peer].services.get(name))
        for name in impact.stops_service
        for peer in _besides(state, name, node)
    ]
    serve = _served_by(peers, now) or f"{_nothing_else(state, impact)}{_idle(state, impact, node)}"
    word = "stops" if impact.lasting else "restarts"
    return f"{action.unit} {word} on {node}; {serve}; no VIP moves"


def _serving(names: Sequence[str]) -> str:
    """`iam-b serves`, `iam-b and iam-c serve`."""
    several = tuple(dict.fromkeys(names))
    return f"{' and '.join(several)} {'serves' if len(several) == 1 else 'serve'}"


def _served_by(peers: Sequence[tuple[str, Observed[ProbeReport] | None]], now: float) -> str:
    """Who serves it meanwhile; one that is known not to be healthy does not. Empty: there is nobody else."""
    told = {peer: f"{peer} ({_since(seen, now)})" for peer, seen in peers}
    good = [told[peer] for peer, seen in peers if isinstance(seen, Known) and seen.value.ok]
    if good:
        return f"{_serving(good)} meanwhile"
    unknown = [told[peer] for peer, seen in peers if not isinstance(seen, Known)]
    if unknown:
        return f"whether {_serving(unknown)} meanwhile is not known"
    return f"nothing else serves it: {' and '.join(dict.fromkeys(told.values()))}" if told else ""


def _besides(state: ClusterState, service: str, node: str) -> tuple[str, ...]:
    return tuple(serving_besides(state, state.profile.services[service], node))


def _nothing_else(state: ClusterState, impact: Impact) -> str:
    """Where no node serves: backends beside the nodes are not watched, so nobody knows of them."""
    services = [state.profile.services[name] for name in impact.stops_service]
    beside = dict.fromkeys(each for service in services for each in outside(state, service))
    if not beside:
        return "nothing else serves it"
    return f"whether {' or '.join(beside)} serves it meanwhile is not known"


def _idle(state: ClusterState, impact: Impact, node: str) -> str:
    """The others that run and get no requests."""
    services = [state.profile.services[name] for name in impact.stops_service]
    found = [
        f"{peer.name}: {why}"
        for each in services
        for peer in state.profile.peers_of(node)
        if each.runs_on(peer.name) and (why := unsent(state, each, peer.name))
    ]
    return f" ({'; '.join(found)})" if found else ""


def _since(seen: Observed[ProbeReport] | None, now: float) -> str:
    if seen is None or isinstance(seen, Unknown):
        return f"health not known: {seen.reason}" if seen is not None else "health not known"
    word = "healthy" if seen.value.ok else "not healthy"
    return f"{word} {seen.age_s(now):.1f} s ago"


def _vips(state: ClusterState, instances: tuple[str, ...]) -> str:
    addresses = [state.profile.vrrp[name].address for name in instances]
    return f"VIP {' and '.join(addresses)}"


# What nginx does to open connections when it is restarted or reloaded: gaps are timed with new ones. Pure.

IDLE_ARE_CLOSED = "nginx closes idle (keep-alive) connections when it reloads: clients open new ones"
IDLE_WERE_CLOSED = "measured with new connections; idle (keep-alive) ones were closed as nginx reloaded"
# What a plan said before, and what is said of it once it is done.
AFTERWARDS = {OPEN_ARE_CUT: OPEN_WERE_CUT, IDLE_ARE_CLOSED: IDLE_WERE_CLOSED}


def cut_by_nginx(plan: Plan, state: ClusterState, now: float) -> Iterator[str]:
    """Where clients come to: a node that has a VIP, or may have one."""
    unit = state.profile.nginx.unit
    done = [step for step in plan.steps if step.kind is StepKind.DO and may_hold(state, step.node, now)]
    if OPEN_ARE_CUT in plan.notes:
        return
    if any(step.argv in (control("restart", unit), control("stop", unit)) for step in done):
        yield OPEN_ARE_CUT
    elif any(step.argv == control("reload", unit) for step in done):
        yield IDLE_ARE_CLOSED


# What is true now, told after a run: only what was seen since it began, of nodes that are seen. Pure.


def unseen(state: ClusterState, nodes: Iterable[str], now: float) -> tuple[str, ...]:
    """The nodes of which nothing is known just now: not connected, or not heard for too long."""
    return tuple(
        name
        for name in nodes
        if state.nodes[name].link.state is not LinkState.UP
        or state.nodes[name].freshness(now) is not Freshness.LIVE
    )


def current_state_text(
    expected: Iterable[StateExpectation], state: ClusterState, dark: Sequence[str], since: float, now: float
) -> str:
    """What is so of all these things, whether it was expected or not.

    Nothing is said of the `dark` nodes but since when they are not seen. What was not observed after `since`
    is not repeated.
    """
    return "; ".join(dict.fromkeys(_sentences(expected, state, dark, since, now)))


def not_seen_since(state: ClusterState, node: str) -> str:
    heard_at = state.nodes[node].last_event_at
    if heard_at is None:
        return f"{node} is not seen"
    return f"{node} is not seen since {datetime.fromtimestamp(heard_at, UTC):%H:%M:%S} UTC"


def _sentences(
    expected: Iterable[StateExpectation], state: ClusterState, dark: Sequence[str], since: float, now: float
) -> Iterator[str]:
    yield from (not_seen_since(state, node) for node in dark)
    for each in expected:
        if isinstance(each, VipOn | VipSomewhere):
            yield _vip(each.instance, state, dark, now)
        elif getattr(each, "node", None) not in dark:
            reading = each.judge(state, since, now)
            yield f"not seen since the run began: {each.sentence}" if reading.old else reading.text


def _vip(instance: str, state: ClusterState, dark: Sequence[str], now: float) -> str:
    address = state.profile.vrrp[instance].address
    owners = [claim.node for claim in ownership(state, instance, now).owners if claim.node not in dark]
    nobody = "no node that is seen" if dark else "no node"
    return f"VIP {address} is on {' and '.join(owners) or nobody}"


# The nodes whose state a plan rests on, touched or not. Pure.


def rests_on(plan: Plan, profile: Profile) -> tuple[str, ...]:
    """Besides the touched ones: who takes a VIP, who may hold or take one where keepalived or nginx goes, and who
    serves what stops.
    """
    found = [*plan.nodes]
    if nodes_let_down(plan, profile):
        found += profile.nodes
    found += [node for each in plan.impact.handovers for node in (each.owner, each.taker) if node is not None]
    found += [node for _, node in serving(plan, profile)]
    return tuple(dict.fromkeys(found))


def serving(plan: Plan, profile: Profile) -> Iterator[tuple[str, str]]:
    """The services that stop for a time, themselves or with what they need, and every node that may serve them."""
    ending = [each for each in commands(plan) if each.verb != "start"]
    fallen = (fall for each in ending for fall in falls(profile, each.unit, each.node))
    lost = {fall.service for fall in fallen if fall.need.when is NeedWhen.ALWAYS} | {*plan.impact.stops_service}
    for name in sorted(lost):
        yield from ((name, node) for node in profile.nodes if profile.services[name].runs_on(node))
