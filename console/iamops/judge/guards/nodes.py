"""Guards on the nodes themselves: links, locks, armed undos, evidence that is too old. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from iamops.model.facts import LinkState, UnitReport
from iamops.model.observed import STALE_AFTER_S, Freshness, Known, Unknown
from iamops.model.state import NodeState
from iamops.model.text import being
from iamops.plan.action import ServiceAction, UnitVerb
from iamops.plan.denial import Denial, GuardContext
from iamops.render import privileges

# An undo must not fire while we are still looking whether the step has worked.
DEAD_MAN_MARGIN_S = 4.0
CONFIG_UNDO = privileges.CONFIG_DEAD_MAN.removeprefix(privileges.DEAD_MAN)


def not_armed(case: GuardContext) -> Iterator[Denial]:
    if not case.armed:
        yield Denial("not-armed", f"{case.state.profile.name} is read-only until it is armed")


def unreachable(case: GuardContext) -> Iterator[Denial]:
    for node in case.node_states:
        # Of the taker speaks `standby_unfit`.
        touched = node.name in case.plan.impact.touches and node.name != case.plan.impact.taker
        if touched and node.link.state is not LinkState.UP:
            yield Denial("node-unreachable", link_reason(node), node=node.name)


def stale_evidence(case: GuardContext) -> Iterator[Denial]:
    """Nothing is done on what was true a while ago, nor on what could not be read at all."""
    profile = case.state.profile
    carriers = (profile.keepalived.unit, profile.nginx.unit) if case.plan.impact.moves else ()
    judged = case.plan.action.units(profile).union(carriers)
    for node in case.node_states:
        if node.name not in case.plan.impact.touches or node.link.state is not LinkState.UP:
            continue
        if node.freshness(case.now) is not Freshness.LIVE and node.last_event_at is not None:
            yield Denial("stale-evidence", last_heard(node, case.now), node=node.name)
        for unit, seen in node.units.items():
            if isinstance(seen, Unknown) and unit in judged:
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
    reports = {node.name: node.safety.value for node in case.node_states if isinstance(node.safety, Known)}
    # Only the holder of a lock arms undos, and a run locks every node it can reach.
    locks = (report.lock for report in reports.values() if report.lock is not None)
    other = next((lock for lock in locks if lock.run != case.run), None)
    owner = "an earlier run is still" if other is None else f"the running {other.action} by {other.who} is"
    safety = case.state.profile.safety
    for node, report in reports.items():
        if report.dead_men:
            names = ", ".join(report.dead_men)
            waits_s = [safety.rollback_s if name == CONFIG_UNDO else safety.dead_man_s for name in report.dead_men]
            fires = f"it fires within {max(waits_s)} s of being armed"
            yield Denial("dead-man-armed", f"an undo of {owner} armed on {node} ({names}); {fires}", node=node)


def dead_man_too_short(case: GuardContext) -> Iterator[Denial]:
    """The undo must not fire while the steps it covers may still be on their way."""
    safety = case.state.profile.safety
    undos = {step.undo.name: step.undo for step in reversed(case.plan.steps) if step.undo is not None}
    for number, step in enumerate(case.plan.steps):
        name = step.requires_undo
        if name is None:
            continue
        # What theory says it may take from the change to the step that makes its undo superfluous.
        needs_s = step.needs_s + step.lasts_s
        for later in case.plan.steps[number + 1 :]:
            if name in later.all_clears_undo:
                break
            needs_s += later.needs_s + later.lasts_s
        fires_s, key = undos[name].fires_s if name in undos else None, "rollback_s"
        if fires_s is None:
            fires_s, key = safety.dead_man_s, "dead_man_s"
        if needs_s + DEAD_MAN_MARGIN_S > fires_s:
            reason = f"'{step.title}' may need {needs_s:.0f} s, and its undo fires after {fires_s} s"
            yield Denial("dead-man-too-short", f"{reason}; raise safety.{key} in the profile", node=step.node)


def not_running(case: GuardContext) -> Iterator[Denial]:
    action = case.plan.action
    if not isinstance(action, ServiceAction) or action.verb is not UnitVerb.RELOAD:
        return
    report = unit_report(case.state.nodes[action.node], action.unit)
    if report is not None and not report.running:
        reason = f"{action.unit} {being(report.active)} on {action.node}; what does not run cannot be reloaded"
        yield Denial("not-running", reason, node=action.node)


def unit_report(node: NodeState, unit: str) -> UnitReport | None:
    seen = node.units.get(unit)
    return seen.value if isinstance(seen, Known) else None


def last_heard(node: NodeState, now: float) -> str:
    """How old the evidence of a node is."""
    age_s = now - (node.last_event_at or now)
    return f"{node.name} was last heard {age_s:.0f} s ago, more than {STALE_AFTER_S:.0f} s"


def link_reason(node: NodeState) -> str:
    if node.link.state is LinkState.CONNECTING and not node.link.reason:
        return f"{node.name} is not connected yet: a login that takes so long is slow, or hangs"
    return f"{node.name} cannot be reached: {node.link.reason or node.link.state}"
