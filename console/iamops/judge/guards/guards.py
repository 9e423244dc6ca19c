"""The guards: each looks at a plan and the observed state and answers with reasons why not. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from iamops.judge.guards.services import (
    dependency_down,
    last_backend_by_need,
    last_backend_of_drill,
    unloaded_changes,
)
from iamops.judge.guards.vip import (
    check_weighs,
    comes_unfit,
    nginx_unfit,
    old_answers,
    owner_in_doubt,
    preempts,
    stale_elsewhere,
)
from iamops.model.drill import MACHINE_VERBS
from iamops.model.facts import LinkState, LockHolder, UnitReport, VrrpReport, VrrpState
from iamops.model.observed import STALE_AFTER_S, Freshness, Known, Observed, Unknown
from iamops.model.profile import Environment
from iamops.model.state import NodeState, on_our_clock
from iamops.model.text import being
from iamops.model.vip import ownership
from iamops.plan.action import DrillAction, ServiceAction, UnitVerb
from iamops.plan.denial import Denial, GuardContext
from iamops.plan.expectation import DomainsAnswer, StateExpectation
from iamops.plan.observation import Judgement
from iamops.plan.sending import doubted, meanwhile, serves, takes_requests
from iamops.plan.steps import Plan, Step, StepKind
from iamops.render import privileges

# An undo must not fire while we are still looking whether the step has worked.
DEAD_MAN_MARGIN_S = 4.0
# A node's clock and ours agree so well that a later time is of a clock that was set since.
CLOCK_SLACK_S = 2.0
CONFIG_UNDO = privileges.CONFIG_DEAD_MAN.removeprefix(privileges.DEAD_MAN)


Guard = Callable[[GuardContext], Iterator[Denial]]


def denials(case: GuardContext) -> tuple[Denial, ...]:
    """Every reason against the plan, those that nobody can override first."""
    said = [denial for guard in GUARDS for denial in guard(case)]
    return tuple(sorted(dict.fromkeys(said), key=lambda denial: denial.overridable))


def not_armed(case: GuardContext) -> Iterator[Denial]:
    if not case.armed:
        name = case.state.profile.name
        yield Denial("not-armed", f"{name} is read-only until it is armed")


def unreachable(case: GuardContext) -> Iterator[Denial]:
    for node in case.node_states:
        if node.link.state is LinkState.UP or node.name not in case.plan.impact.touches:
            continue
        if node.name == case.plan.impact.taker:  # see `standby_unfit`
            continue
        yield Denial("node-unreachable", _link_reason(node), node=node.name)


def stale_evidence(case: GuardContext) -> Iterator[Denial]:
    """Nothing is done on what was true a while ago, nor on what could not be read at all."""
    for node in case.node_states:
        if node.name not in case.plan.impact.touches or node.link.state is not LinkState.UP:
            continue
        if node.freshness(case.now) is not Freshness.LIVE and node.last_event_at is not None:
            reason = f"{node.name} was last heard {case.now - node.last_event_at:.0f} s ago"
            yield Denial("stale-evidence", f"{reason}, more than {STALE_AFTER_S:.0f} s", node=node.name)
        for unit, seen in node.units.items():
            if isinstance(seen, Unknown) and unit in _units(case):
                yield Denial("stale-evidence", f"{unit} on {node.name}: {seen.reason}", node=node.name)


def not_known(case: GuardContext) -> Iterator[Denial]:
    """The plan could not be made: what it would have to rest on is not known."""
    if case.plan.unknown is not None:
        yield Denial("stale-evidence", case.plan.unknown)


def safety_unread(case: GuardContext) -> Iterator[Denial]:
    """Locks and armed undos that cannot be read are not taken for none."""
    for node in case.node_states:
        if isinstance(node.safety, Unknown) and node.link.state is LinkState.UP:
            reason = f"locks and armed undos on {node.name} are not known: {node.safety.reason}"
            beside = node.name not in case.plan.impact.touches and not case.plan.impact.planned
            yield Denial("stale-evidence", reason, beside, node.name, ("locks",) if beside else ())


def standby_unfit(case: GuardContext) -> Iterator[Denial]:
    """Would someone take each VIP, and would it be served there?"""
    had: set[tuple[str, str]] = set()
    for each in case.plan.impact.handovers:
        if each.taker == each.owner or each.comes:
            continue
        if each.taker is None:
            yield Denial("no-standby", f"{each.owner} has no other node to hand the VIP to")
            continue
        node, insist = case.state.nodes[each.taker], not case.plan.impact.planned
        if node.link.state is not LinkState.UP:
            yield Denial("standby-unreachable", _link_reason(node), insist, node.name, ("link",))
            continue
        # What a node hands over and gets back it takes as the standby that it has become by then.
        first = tuple(name for name in each.moves if (name, node.name) not in had)
        had |= {(name, each.owner) for name in each.moves}
        yield from _not_in_backup(case, node, first, insist)
        yield from nginx_unfit(case, node)


def check_blind(case: GuardContext) -> Iterator[Denial]:
    """nginx does not run, and yet keepalived would take the VIP: its check does not see what it should."""
    unit = case.state.profile.nginx.unit
    for each in case.plan.impact.handovers:
        report = _unit(case.state.nodes[each.taker], unit) if each.taker is not None else None
        if each.taker is None or each.comes or report is None or report.running:
            continue
        for name in each.moves:
            seen = case.state.nodes[each.taker].vrrp[name]
            if isinstance(seen, Known) and seen.value.state is VrrpState.BACKUP:
                reason = f"{unit} {being(report.active)} on {each.taker}, and keepalived there still is BACKUP"
                text = f"{reason}: its check does not see it, or not yet"
                yield Denial("check-blind", text, True, each.taker, (name,))


def locked(case: GuardContext) -> Iterator[Denial]:
    for node in case.node_states:
        lock = node.safety.value.lock if isinstance(node.safety, Known) else None
        if lock is None or (case.run is not None and lock.run == case.run):
            continue
        held = f"{node.name} for {case.now - lock.since:.0f} s: {lock.action}"
        if lock.run and lock.run in case.own:
            text = f"your own {lock.action} is just ending on {node.name}: try again in a moment"
        elif lock.who == case.who:
            text = f"you hold {held} (another console or shell of {lock.who}, from {lock.origin})"
        else:
            text = f"{lock.who} from {lock.origin} holds {held}"
        yield Denial("locked", text, node=node.name)


def dead_man_armed(case: GuardContext) -> Iterator[Denial]:
    for node in case.node_states:
        armed = node.safety.value.dead_men if isinstance(node.safety, Known) else ()
        if armed:
            names = ", ".join(armed)
            safety = case.state.profile.safety
            limit_s = max(safety.rollback_s if name == CONFIG_UNDO else safety.dead_man_s for name in armed)
            # Undos are armed by whoever holds a lock, and a run locks every node it can reach.
            lock = _running(case)
            if lock is None:
                reason = f"an undo of an earlier run is still armed on {node.name} ({names})"
            else:
                reason = f"an undo of the running {lock.action} by {lock.who} is armed on {node.name} ({names})"
            yield Denial("dead-man-armed", f"{reason}; it fires within {limit_s} s of being armed", node=node.name)


def _running(case: GuardContext) -> LockHolder | None:
    """Who else is acting on the cluster now, as far as any node tells."""
    locks = (node.safety.value.lock for node in case.node_states if isinstance(node.safety, Known))
    return next((lock for lock in locks if lock is not None and lock.run != case.run), None)


def priority_raised(case: GuardContext) -> Iterator[Denial]:
    """A raised priority that nobody lowers would decide the next election."""
    if not case.plan.impact.moves:
        return
    for node in case.node_states:
        for name in case.plan.impact.moves:
            raised = _raised_by(node.vrrp[name])
            if raised is not None and raised > 0:
                reason = f"the priority of {name} on {node.name} is raised by {raised}"
                yield Denial("priority-raised", reason, True, node.name, (name,))


def anti_flap(case: GuardContext) -> Iterator[Denial]:
    """A VIP that has just moved stays for a while: nobody fixes anything by moving it back and forth."""
    quiet_s = case.state.profile.safety.anti_flap_s
    leaves: dict[str, str] = {}
    for each in case.plan.impact.handovers:
        if each.taker != each.owner:
            leaves = dict.fromkeys(each.moves, each.owner) | leaves
    for name, owner in leaves.items():
        moved_at = _moved_at(case, name, owner)
        if isinstance(moved_at, Unknown):
            reason = f"when VIP {case.state.profile.vrrp[name].address} came to {owner} is not known"
            text = f"{reason}: {moved_at.reason}"
            yield Denial("anti-flap", text, overridable=True, subjects=(f"{name} on {owner}",), known=False)
            continue
        if moved_at is None or case.now - moved_at >= quiet_s:
            continue
        ago_s = max(0.0, case.now - moved_at)
        address = case.state.profile.vrrp[name].address
        reason = f"VIP {address} came to {owner} {ago_s:.0f} s ago; wait {quiet_s - ago_s:.0f} s more"
        yield Denial("anti-flap", reason, overridable=True, subjects=(f"{name} on {owner}",))


def datastore_spof(case: GuardContext) -> Iterator[Denial]:
    stores = [case.state.profile.datastores[name] for name in case.plan.impact.stops_datastore if _acts(case)]
    for node in dict.fromkeys(store.node for store in stores):
        names = tuple(store.name for store in stores if store.node == node)
        reason = f"{node} is the only node with {', '.join(names)}: without it no IAM service works"
        yield Denial("datastore-spof", reason, True, node, names)


def last_backend(case: GuardContext) -> Iterator[Denial]:
    """A backend may go only while another one answers, and gets requests wherever clients come."""
    moves = bool(case.plan.impact.moves)
    for name in case.plan.impact.stops_service if _acts(case) else ():
        for stopped in case.plan.impact.touches:
            service = case.state.profile.services[name]
            if service.domain and not takes_requests(case.state, service, stopped, vips_move=moves):
                continue
            others = [n for n in case.node_states if n.name != stopped and name in n.services]
            if any(serves(case.state, service, n.name, vips_move=moves) for n in others):
                continue
            if idle := [doubted(case.state, service, n.name, vips_move=moves) for n in others if _well(n, name)]:
                reason = f"{name} would be left to {', '.join(idle)}: nothing is known to serve it meanwhile"
                yield Denial("last-backend", reason, True, stopped, (name,))
                continue
            told = ", ".join(doubted(case.state, service, n.name, vips_move=moves) for n in others)
            nodes = told or "any other node"
            reason = f"{name} is not known to be healthy on {nodes}: {meanwhile(case.state, service)}"
            yield Denial("last-backend", reason, True, stopped, (name,))


def not_running(case: GuardContext) -> Iterator[Denial]:
    action = case.plan.action
    if not isinstance(action, ServiceAction) or action.verb is not UnitVerb.RELOAD:
        return
    report = _unit(case.state.nodes[action.node], action.unit)
    if report is not None and not report.running:
        reason = f"{action.unit} {being(report.active)} on {action.node}; what does not run cannot be reloaded"
        yield Denial("not-running", reason, node=action.node)


def dead_man_too_short(case: GuardContext) -> Iterator[Denial]:
    """The undo must not fire while the steps it covers may still be on their way."""
    for step in case.plan.steps:
        limit_s, key = _fires_s(case, step)
        needs_s = _until_mended_s(case.plan, step)
        if step.requires_undo is not None and needs_s + DEAD_MAN_MARGIN_S > limit_s:
            reason = f"'{step.title}' may need {needs_s:.0f} s, and its undo fires after {limit_s} s"
            yield Denial("dead-man-too-short", f"{reason}; raise safety.{key} in the profile", node=step.node)


def unsteady(case: GuardContext) -> Iterator[Denial]:
    """A drill on a pair that is not well proves nothing, and may finish it off."""
    for expected in (part for each in case.plan.before for part in _parts(each)):
        reading = expected.judge(case.state, float("-inf"), case.now)
        if not reading.holds:
            text, known = f"no steady state: {reading.text}", reading.verdict is not Judgement.UNKNOWN
            yield Denial("unsteady", text, overridable=True, subjects=(expected.sentence,), known=known)


def _parts(expected: StateExpectation) -> Iterable[StateExpectation]:
    """Each that can fail by itself: who insists on one domain has said nothing of the others."""
    if isinstance(expected, DomainsAnswer):
        return (replace(expected, domains=(domain,)) for domain in expected.domains)
    return (expected,)


def configured_apart(case: GuardContext) -> Iterator[Denial]:
    """Nodes that disagree on these drop each other's adverts, or never hear them."""
    action = case.plan.action
    live = action.live if isinstance(action, DrillAction) else {}
    said = {
        "advert_int": {node: f"{each.advert_interval_s:g} s" for node, each in live.items()},
        "virtual_router_id": {node: str(each.virtual_router_id) for node, each in live.items()},
        "version": {node: str(each.version) for node, each in live.items()},
    }
    for name, values in said.items():
        if len(set(values.values())) > 1:
            told = ", ".join(f"{value} on {node}" for node, value in values.items())
            yield Denial("config-differs", f"{name} is {told}", overridable=True, subjects=(name,))


def disruptive(case: GuardContext) -> Iterator[Denial]:
    """Taking a whole machine away is for labs, and for those who say that they mean it."""
    action = case.plan.action
    if not isinstance(action, DrillAction) or not action.drill.disruptive:
        return
    profile, name = case.state.profile, action.drill.name
    if profile.environment is not Environment.LAB and not action.disruptive:
        reason = f"{name} takes a machine away; outside of a lab it needs --allow-disruptive"
        yield Denial("disruptive", reason)
    for verb in dict.fromkeys(move.verb for move in action.drill.moves if move.verb in MACHINE_VERBS):
        if str(verb) not in profile.fencing:
            reason = f"the profile does not say how to {verb} a node: {name} needs fencing.{verb}"
            yield Denial("no-fencing", reason)


GUARDS: tuple[Guard, ...] = (
    not_armed,
    unreachable,
    stale_evidence,
    stale_elsewhere,
    old_answers,
    not_known,
    safety_unread,
    owner_in_doubt,
    standby_unfit,
    comes_unfit,
    check_blind,
    locked,
    dead_man_armed,
    priority_raised,
    anti_flap,
    preempts,
    datastore_spof,
    last_backend,
    dependency_down,
    last_backend_by_need,
    last_backend_of_drill,
    check_weighs,
    not_running,
    dead_man_too_short,
    unsteady,
    configured_apart,
    unloaded_changes,
    disruptive,
)


def _until_mended_s(plan: Plan, spoiling: Step) -> float:
    """What theory says it may take from a change to the step that mends it."""
    needs_s = 0.0
    for step in plan.steps[plan.steps.index(spoiling) :]:
        if step is not spoiling and spoiling.requires_undo in step.all_clears_undo:
            break
        needs_s += step.needs_s + step.lasts_s
    return needs_s


def _fires_s(case: GuardContext, spoiling: Step) -> tuple[int, str]:
    """How long after it was armed the undo of a step fires, and the profile's key that says so."""
    undos = [step.undo for step in case.plan.steps if step.undo and step.undo.name == spoiling.requires_undo]
    if undos and undos[0].fires_s is not None:
        return undos[0].fires_s, "rollback_s"
    return case.state.profile.safety.dead_man_s, "dead_man_s"


def _not_in_backup(case: GuardContext, node: NodeState, names: tuple[str, ...], insist: bool) -> Iterator[Denial]:
    silence = node.keepalived_silence
    if isinstance(silence, Known) and silence.value and _runs(case, node):
        reason = f"keepalived on {node.name} does not answer ({silence.value}): it would take no VIP"
        yield Denial("standby-silent", reason, insist, node.name, tuple(names))
    states: dict[VrrpState, list[str]] = {}
    for name in names:
        seen = node.vrrp[name]
        if isinstance(seen, Unknown):
            reason = f"the VRRP state of {name} on {node.name} is not known: {seen.reason}"
            yield Denial("stale-evidence", reason, node=node.name)
        else:
            states.setdefault(seen.value.state, []).append(name)
    for state, own in states.items():
        if state is VrrpState.FAULT:
            reason = f"{node.name} is in FAULT and would not take the VIP"
            yield Denial("standby-fault", reason, insist, node.name, tuple(own))
        elif state is not VrrpState.BACKUP:
            reason = f"{node.name} is {state}, not BACKUP; no standby would take the VIP"
            yield Denial("standby-unhealthy", reason, insist, node.name, tuple(own))


def _runs(case: GuardContext, node: NodeState) -> bool:
    report = _unit(node, case.state.profile.keepalived.unit)
    return report is not None and report.running


def _moved_at(case: GuardContext, instance: str, owner: str) -> float | Unknown | None:
    """When the VIP came to its owner, on our clock. None: it has not moved for as long as it must not.

    Unknown where keepalived does not tell, or not by a clock that can be compared with ours, and we have not
    watched for long enough to say that it did not move.
    """
    state, quiet_s = case.state, case.state.profile.safety.anti_flap_s
    told = _told_move(state.nodes[owner], instance, case.now)
    times = [move.at for move in state.moves if move.instance == instance]
    if isinstance(told, float):
        return max([*times, told])
    if times and case.now - max(times) < quiet_s:
        return max(times)
    held_since = [c.since for c in ownership(state, instance, case.now).owners if c.node == owner]
    if quiet_s == 0 or any(case.now - since >= quiet_s for since in held_since):
        return None
    return told


def _told_move(node: NodeState, instance: str, now: float) -> float | Unknown:
    """When the node became MASTER, by keepalived's word, on our clock."""
    seen = node.vrrp[instance]
    if isinstance(seen, Unknown):
        return seen
    if seen.value.state is not VrrpState.MASTER or seen.value.last_transition is None:
        return Unknown("keepalived does not tell its last transition")
    at = on_our_clock(node, seen.value.last_transition)
    if isinstance(at, float) and at - now > CLOCK_SLACK_S:
        return Unknown(
            f"keepalived dates it {at - now:.0f} s from now: the clock of {node.name} was set back since"
        )
    return at


def _raised_by(seen: Observed[VrrpReport]) -> int | None:
    """How far the priority is raised; None where keepalived does not tell, and then the plan's notes say so."""
    if isinstance(seen, Unknown) or seen.value.effective_priority is None or seen.value.priority is None:
        return None
    return seen.value.effective_priority - seen.value.priority


def _units(case: GuardContext) -> set[str]:
    """The units the plan's commands are about, and those its standby is judged by."""
    profile = case.state.profile
    carriers = {profile.keepalived.unit, profile.nginx.unit} if case.plan.impact.moves else set[str]()
    return case.plan.action.units(profile) | carriers


def _acts(case: GuardContext) -> bool:
    return any(step.kind is StepKind.DO for step in case.plan.steps)


def _unit(node: NodeState, unit: str) -> UnitReport | None:
    seen = node.units.get(unit)
    return seen.value if isinstance(seen, Known) else None


def _well(node: NodeState, service: str) -> bool:
    seen = node.services[service]
    return node.link.state is LinkState.UP and isinstance(seen, Known) and seen.value.ok


def _link_reason(node: NodeState) -> str:
    if node.link.state is LinkState.CONNECTING and not node.link.reason:
        return f"{node.name} is not connected yet: a login that takes so long is slow, or hangs"
    return f"{node.name} cannot be reached: {node.link.reason or node.link.state}"
