"""One sentence on what an action will do to clients, with the numbers theory gives and the evidence's age."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

from iamops.model.drill import ResolvedStep
from iamops.model.facts import LinkState, ProbeReport
from iamops.model.observed import Freshness, Known, Observed, Unknown
from iamops.model.profile import Profile, Service
from iamops.model.running import Unloaded
from iamops.model.state import ClusterState
from iamops.model.vip import ownership
from iamops.plan.action import ServiceAction, UnitVerb
from iamops.plan.check_timing import as_profiled, of_vips
from iamops.plan.checks import of_leaving
from iamops.plan.expectation import StateExpectation, VipOn, VipSomewhere
from iamops.plan.known import holding, may_hold
from iamops.plan.needs import commands, outages
from iamops.plan.preemption import may_come, of_coming
from iamops.plan.sending import outside, serving_besides, unsent
from iamops.plan.step_builders import control, nodes_let_down
from iamops.plan.steps import Impact, Plan
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
INSTANT = "well under a second"
# What a VIP's move costs is counted by new connections: an open one ends at a node that knows nothing of it.
OPEN_ARE_CUT = "the time is that of new connections; open (keep-alive) ones through the VIP are cut"
OPEN_WERE_CUT = "measured with new connections; open (keep-alive) ones through the VIP were cut"


def of_move(state: ClusterState, impact: Impact, now: float, *, raised: bool) -> str:
    """For example: VIP 10.0.4.99 moves iam-a -> iam-b, about 0.01 s; iam-b nginx was healthy 0.4 s ago."""
    sentences = []
    for handover in impact.handovers:
        vips, taker = _vips(state, handover.moves), handover.taker
        if handover.comes:
            sentences.append(of_coming(state, handover))
        elif taker is None:
            sentences.append(f"{vips} leaves {handover.owner} and no node would take it")
        else:
            slowest = min(handover.moves, key=lambda name: counted_priority(state, name, taker))
            skew = _skew(state, slowest, taker, raised=raised)
            sentences.append(
                f"{vips} moves {handover.owner} -> {taker}, {skew}; {_nginx_health(state, taker, now)}"
            )
    return "; then ".join(sentences)


def _skew(state: ClusterState, instance: str, taker: str, *, raised: bool) -> str:
    """By the priority that keepalived counts; where it does not tell, by the profile's, with that caveat."""
    seen, unless = state.nodes[taker].vrrp[instance], ""
    if raised:
        priority = HIGHEST_PRIORITY
    elif isinstance(seen, Known) and seen.value.effective_priority is not None:
        priority = seen.value.effective_priority
    else:
        priority = base_priority(state, instance, taker)
        base_known = isinstance(seen, Known) and seen.value.priority is not None
        reported = base_known or vrrp_source(state, taker, instance)
        guess = "its checks leave its priority alone" if reported else f"{taker} has the profile's priority"
        unless = f", if {guess}, which it does not tell"
    lasts_s = skew_s(priority, vrrp_on(state, taker, instance))
    return f"about {lasts_s:.2f} s (skew at priority {priority}){unless}"


def _nginx_health(state: ClusterState, node: str, now: float) -> str:
    """What is known of nginx on a node, and how old that is."""
    probes = state.nodes[node].domains
    answers = {domain: seen for domain, seen in probes.items() if isinstance(seen, Known)}
    bad = next((domain for domain, seen in answers.items() if not seen.value.ok), None)
    if bad is not None:
        return f"{node} nginx answers badly for {bad}"
    if len(answers) < len(probes) or not probes:
        return f"{node} nginx is not known to be healthy"
    oldest_s = max(seen.age_s(now) for seen in answers.values())
    return f"{node} nginx was healthy {oldest_s:.1f} s ago"


def open_connections(impact: Impact) -> tuple[str, ...]:
    """What a plan has to say beside its number, where it moves a VIP."""
    return (OPEN_ARE_CUT,) if any(handover.taker is not None for handover in impact.handovers) else ()


def of_drill(state: ClusterState, course: Sequence[ResolvedStep], instance: str, impact: Impact) -> str:
    """What a drill is about to do to the VIP: its way through the nodes; and to VIPs that go with it."""
    vip = _vips(state, (instance,))
    owners = [course[0].owner] if course else []
    owners += [step.next_owner for step in course if step.moves_vip]
    if len(owners) < 2:
        way = f"{vip} stays on {' '.join(owners)}; {len(course)} steps"
    else:
        way = f"{vip} moves {' -> '.join(owners)} in {len(course)} steps, each undone by its node if we are lost"
    others = tuple(name for name in impact.moves if name != instance)
    too = f"; {_vips(state, others)} moves too" if others else ""
    stores = ", ".join(f"{name} on {state.profile.datastores[name].node}" for name in impact.stops_datastore)
    down = f"; {stores} has no other node: all of IAM is down until it is back" if stores else ""
    return way + too + down


def of_service(action: ServiceAction, state: ClusterState, impact: Impact, now: float) -> str:
    """What stopping, starting, restarting or reloading one unit means."""
    profile, head = state.profile, f"{action.unit} {action.verb}s on {action.node}"
    is_nginx, is_keepalived = action.unit == profile.nginx.unit, action.unit == profile.keepalived.unit
    if action.verb is UnitVerb.RELOAD:
        return _of_reload(action, state)
    comes = any(handover.comes for handover in impact.handovers)
    if action.verb is UnitVerb.START or (is_nginx and comes):
        # A preempting node takes its VIPs back once its check succeeds; without an owner, any node may take one.
        coming = [of_coming(state, handover) for handover in impact.handovers]
        if is_nginx or is_keepalived:
            coming += may_come(state, action.unit, action.node, now)
        return f"{head}; {'; '.join(coming) or 'no VIP moves'}"
    if is_keepalived:
        return _of_keepalived(action, state, impact, now)
    if is_nginx:
        return _of_nginx(action, state, impact, now)
    if impact.stops_datastore:
        down = "is down" if impact.lasting else "is down until it is back"
        return f"{', '.join(impact.stops_datastore)} runs only on {action.node}: all of IAM {down}"
    services = [profile.services[name] for name in impact.stops_service]
    # Of several nodes in turn, the one that is worst to be without.
    alone = [n for n in impact.touches if any(not [*serving_besides(state, each, n)] for each in services)]
    node = action.node if action.node in alone or not alone else alone[0]
    word = "stops" if impact.lasting else "restarts"
    return f"{action.unit} {word} on {node}; {_who_serves(state, services, node, now)}; no VIP moves"


def _of_reload(action: ServiceAction, state: ClusterState) -> str:
    if action.unit == state.profile.keepalived.unit:
        return f"keepalived on {action.node} reads its files again; a changed VRRP instance may move the VIP"
    requests = "no request is dropped"
    if action.unit == state.profile.nginx.unit:
        # No file that nginx has not loaded is known to leave every request alone before that was compared.
        match state.nodes[action.node].files:
            case Unknown(reason):
                requests = f"what that does to requests is not known ({reason})"
            case Known(files):
                unloaded = files.unloaded.get(action.unit, Unloaded())
                if unclear := (*unloaded.conflicts, *unloaded.unknown):
                    requests = f"what that does to requests is not known ({unclear[0]})"
                elif unloaded.unseen:
                    requests = f"no request is dropped, as far as its files tell: {unloaded.unseen[0]}"
    return f"{action.unit} on {action.node} reads its files again; {requests}, no VIP moves"


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
    if not impact.moves:
        if not impact.lasting and holding(state, action.node, now).any:
            moves = of_vips(state, action.node, now)
            return f"clients of the VIP are refused while nginx restarts on {action.node}, {INSTANT}; {moves}"
        end = "in FAULT, no standby is left" if impact.lasting else f"restarted, {INSTANT}"
        return f"{action.node} owns no VIP; its nginx is {end}"
    stays, longer = [], ""
    for handover in impact.handovers:
        owner, taker = handover.owner, handover.taker
        if taker is None:
            continue
        against = (of_leaving(state, name, owner, taker) for name in handover.moves)
        stays += [why.reason for why in against if why]
        # A check with a weight leaves its node MASTER, until the taker preempts.
        most_s = max(outvoted_s(state, name, owner, taker) for name in handover.moves)
        longer += f" and {taker} preempts, {most_s:.1f} s later at most" if most_s else ""
    moves = "; ".join(stays) or of_move(state, impact, now, raised=False)
    goes = [handover for handover in impact.handovers if not handover.comes]
    owned = [(handover.owner, name) for handover in goes for name in handover.moves]
    windows = [check_window_s(vrrp_on(state, owner, name)) for owner, name in owned]
    least_s, most_s = min(least_s for least_s, _ in windows), max(most_s for _, most_s in windows)
    if not most_s:  # keepalived tracks no check
        return moves
    refused = f"clients are refused for {least_s:.0f} to {most_s:.0f} s until the check notices"
    return f"{refused}{longer}{as_profiled(state, owned)}, then {moves}"


def _who_serves(state: ClusterState, services: Sequence[Service], stopped: str, now: float) -> str:
    """Who serves them meanwhile; one that is known not to be healthy does not."""
    peers = [
        (peer, state.nodes[peer].services[service.name])
        for service in services
        for peer in serving_besides(state, service, stopped)
    ]
    healths = {peer: f"{peer} ({_health(seen, now)})" for peer, seen in peers}
    healthy = [healths[peer] for peer, seen in peers if isinstance(seen, Known) and seen.value.ok]
    if healthy:
        return f"{_serving(healthy)} meanwhile"
    unknown = [healths[peer] for peer, seen in peers if isinstance(seen, Unknown)]
    if unknown:
        return f"whether {_serving(unknown)} meanwhile is not known"
    if healths:
        return f"nothing else serves it: {' and '.join(dict.fromkeys(healths.values()))}"
    idle = [
        f"{peer.name}: {why}"
        for service in services
        for peer in state.profile.peers_of(stopped)
        if service.runs_on(peer.name) and (why := unsent(state, service, peer.name))
    ]
    why_idle = f" ({'; '.join(idle)})" if idle else ""
    # Backends beside the nodes are not watched, so nobody knows of them.
    beside = dict.fromkeys(endpoint for service in services for endpoint in outside(state, service))
    if beside:
        return f"whether {' or '.join(beside)} serves it meanwhile is not known{why_idle}"
    return f"nothing else serves it{why_idle}"


def _serving(names: Sequence[str]) -> str:
    """`iam-b serves`, `iam-b and iam-c serve`."""
    several = tuple(dict.fromkeys(names))
    return f"{' and '.join(several)} {'serves' if len(several) == 1 else 'serve'}"


def _health(seen: Observed[ProbeReport], now: float) -> str:
    if isinstance(seen, Unknown):
        return f"health not known: {seen.reason}"
    return f"{'healthy' if seen.value.ok else 'not healthy'} {seen.age_s(now):.1f} s ago"


def _vips(state: ClusterState, instances: tuple[str, ...]) -> str:
    return f"VIP {' and '.join(state.profile.vrrp[name].address for name in instances)}"


IDLE_ARE_CLOSED = "nginx closes idle (keep-alive) connections when it reloads: clients open new ones"
IDLE_WERE_CLOSED = "measured with new connections; idle (keep-alive) ones were closed as nginx reloaded"
# A note before the run -> the same after it.
AFTERWARDS = {OPEN_ARE_CUT: OPEN_WERE_CUT, IDLE_ARE_CLOSED: IDLE_WERE_CLOSED}


def cut_by_nginx(plan: Plan, state: ClusterState, now: float) -> Iterator[str]:
    """Where clients come to: a node that has a VIP, or may have one."""
    unit = state.profile.nginx.unit
    done = [step for step in plan.acting if may_hold(state, step.node, now)]
    if OPEN_ARE_CUT in plan.notes:
        return
    if any(step.argv in (control("restart", unit), control("stop", unit)) for step in done):
        yield OPEN_ARE_CUT
    elif any(step.argv == control("reload", unit) for step in done):
        yield IDLE_ARE_CLOSED


def unseen(state: ClusterState, nodes: Iterable[str], now: float) -> tuple[str, ...]:
    """The nodes of which nothing is known just now: not connected, or silent for too long."""
    return tuple(
        name
        for name in nodes
        if state.nodes[name].link.state is not LinkState.UP
        or state.nodes[name].freshness(now) is not Freshness.LIVE
    )


def current_state_text(
    expected: Iterable[StateExpectation], state: ClusterState, silent: Sequence[str], since: float, now: float
) -> str:
    """What is so of all these things, whether it was expected or not.

    Of the `silent` nodes only since when they are not seen. What was not observed after `since` is not repeated.
    """
    sentences = []
    for node in silent:
        heard_at = state.nodes[node].last_event_at
        since_when = "" if heard_at is None else f" since {datetime.fromtimestamp(heard_at, UTC):%H:%M:%S} UTC"
        sentences.append(f"{node} is not seen{since_when}")
    for expectation in expected:
        if isinstance(expectation, VipOn | VipSomewhere):
            address = state.profile.vrrp[expectation.instance].address
            claims = ownership(state, expectation.instance, now).owners
            nobody = "no node that is seen" if silent else "no node"
            owners = " and ".join(claim.node for claim in claims if claim.node not in silent) or nobody
            sentences.append(f"VIP {address} is on {owners}")
        elif getattr(expectation, "node", None) not in silent:
            reading = expectation.judge(state, since, now)
            unseen_yet = f"not seen since the run began: {expectation.sentence}"
            sentences.append(unseen_yet if reading.old else reading.text)
    return "; ".join(dict.fromkeys(sentences))


def rests_on(plan: Plan, profile: Profile) -> tuple[str, ...]:
    """Besides the touched ones: who takes a VIP, who may hold or take one where keepalived or nginx goes, and who
    serves what stops.
    """
    found = [*plan.nodes]
    if nodes_let_down(plan, profile):
        found += profile.nodes
    found += [
        node for handover in plan.impact.handovers for node in (handover.owner, handover.taker) if node is not None
    ]
    found += [node for _, node in serving(plan, profile)]
    return tuple(dict.fromkeys(found))


def serving(plan: Plan, profile: Profile) -> Iterator[tuple[str, str]]:
    """The services that stop for a time, themselves or with what they need, and every node that may serve them."""
    ending = [command for command in commands(plan) if command.verb != "start"]
    lost = {outage.service for command in ending for outage in outages(profile, command.unit, command.node)}
    lost |= {*plan.impact.stops_service}
    for name in sorted(lost):
        yield from ((name, node) for node in profile.nodes if profile.services[name].runs_on(node))
