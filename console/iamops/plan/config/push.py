"""The plan of a configuration push: stage and check everywhere, then node by node, the VIP's owner last. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from iamops.model.state import ClusterState
from iamops.model.vip import OwnedBy, OwnerUnknown, owner_of, why_unseen
from iamops.plan.action import ConfigPush, DrainedRestart, ServiceAction, UnitVerb
from iamops.plan.backends import serving_again
from iamops.plan.check_timing import asked_checks, decides_s
from iamops.plan.config.change import NodeChange
from iamops.plan.config.pushed import pushed_files
from iamops.plan.config.steps import (
    APPLY_TIMEOUT_S,
    STAGE_TIMEOUT_S,
    answers,
    arm_back,
    check,
    client_well,
    config,
    drained,
    nginx_well,
    reload_nginx,
    replace_files,
    stage,
    taken_back,
    undo_name,
    vrrp_well,
)
from iamops.plan.expectation import Expectation, StateExpectation, TimerArmed, VipOn, VipSomewhere
from iamops.plan.impact import impact_of, rolling_order
from iamops.plan.known import NotKnown, may_hold
from iamops.plan.service import all_well, restart_steps
from iamops.plan.step_builders import HEALTHY_WITHIN_S, control, disarm, do, stopped, vips_stay
from iamops.plan.steps import Plan, Step, StepKind
from iamops.plan.vrrp_timing import LOST_ADVERTS, all_pushed, decision_s, master_down_s, pushed_on
from iamops.render import privileges

NOTHING = "every node already has these files: nothing to do"
# How long a pair with a new nginx.conf must stay well, where keepalived's check was asked; else it has its time.
WATCH_S = 2.0
KEEPALIVED_WITHIN_S = 12.0
SETTLE_S = 20.0
READY_TIMEOUT_S = 4.0


def push_plan(action: ConfigPush, state: ClusterState, now: float) -> Plan:
    """The whole push. Files are replaced only where they differ; every node is looked at again first."""
    impact = impact_of(action, state, now)
    changed = [action.changes[node] for node in impact.touches if action.changes[node].files]
    builder = _Push(action, state, now)
    return Plan(
        action,
        _prediction(action, state, changed),
        tuple(builder.steps(changed)) if changed else (),
        builder.steady(),
        impact,
        notes=(*action.change_summary, *action.incompatible),
        before=builder.steady() if changed else (),
        settle_s=SETTLE_S,
    )


class _Push:
    """The steps of one push, built against the state that was seen."""

    def __init__(self, action: ConfigPush, state: ClusterState, now: float) -> None:
        self._action, self._state, self._now = action, state, now
        self._profile = state.profile
        self._owners = {name: _owner(state, name, now) for name in state.profile.vrrp}

    def steps(self, changed: list[NodeChange]) -> Iterator[Step]:
        action, state = self._action, self._state
        yield from (stage(change, action.push, action.meta, state) for change in changed)
        yield from (check(change.node) for change in changed)
        apart = bool(action.incompatible)
        standbys = [change for change in changed if apart and change.node not in self._owners.values()]
        # Old and new apart: all timers first, the owner's before the others', so that it is the first to go back.
        yield from (arm_back(change, action.push, state) for change in (reversed(changed) if apart else ()))
        for change in changed:
            if not apart:
                yield arm_back(change, action.push, state)
            yield from self._replaced(change, reload_keepalived=change not in standbys)
            if change in standbys:
                # Behind the replacement: what takes the files back starts the daemon too.
                yield self._keepalived(change, "stop", (stopped(self._profile.keepalived.unit, change.node),))
        for change in standbys:
            yield self._keepalived(change, "start", vrrp_well(state, change.node))
        yield self._watch(changed)
        if action.drains:
            yield drained(action.drains, state)
        if action.confirm_s:
            yield self._confirm_by_operator(changed[-1].node, action.confirm_s)
        yield self._ready(changed)
        yield self._keep(changed)

    def steady(self) -> tuple[StateExpectation, ...]:
        """Whatever was well must be well again: owner, states, domains, client."""
        state = self._state
        vips = [VipOn(name, owner) if owner else VipSomewhere(name) for name, owner in self._owners.items()]
        nodes = [each for node in self._profile.nodes for each in (*vrrp_well(state, node), *answers(state, node))]
        return (*vips, *nodes, *client_well(state))

    def _replaced(self, change: NodeChange, *, reload_keepalived: bool) -> Iterator[Step]:
        node = change.node
        yield replace_files(change)
        if "nginx" in change.daemons:
            yield reload_nginx(node, self._state, self._now)
        if "keepalived" in change.daemons and reload_keepalived:
            held: tuple[StateExpectation, ...] = tuple(
                VipOn(name, node) for name, owner in self._owners.items() if owner == node
            )
            # What a client saw while the VIP was dark must not be taken for the news of the watch that follows.
            held = (*held, *client_well(self._state)) if held else ()
            yield self._keepalived(change, "reload", (*vrrp_well(self._state, node), *held))

    def _keepalived(self, change: NodeChange, verb: str, expect: tuple[Expectation, ...]) -> Step:
        unit, node = self._profile.keepalived.unit, change.node
        dark_s = self._dark_s(node) if verb == "reload" else 0.0
        return do(
            f"{verb} {unit} on {node}",
            node,
            control(verb, unit),
            expect,
            within_s=KEEPALIVED_WITHIN_S + dark_s,
            needs_s=dark_s,
            spoils=undo_name(node),
        )

    def _watch(self, changed: list[NodeChange]) -> Step:
        """keepalived's own check needs its time to find out that it does not work with the new files."""
        state = self._state
        open_s = [WATCH_S]
        for change in changed:
            if change.touches("/etc/keepalived/"):
                new_s = [decision_s(pushed_on(state, change.node, name)) for name in self._profile.vrrp]
                open_s += [decides_s(state, change.node), *new_s]
            elif "nginx" in change.daemons and not asked_checks(state, change.node):
                open_s.append(decides_s(state, change.node))
        lasts_s = max(open_s)
        title = f"watch the pair in its steady state for {lasts_s:g} s"
        return Step(StepKind.WATCH, title, changed[-1].node, (), lasts_s, self.steady(), lasts_s=lasts_s)

    def _confirm_by_operator(self, node: str, confirm_s: int) -> Step:
        title = f"wait up to {confirm_s} s for the operator's word that it may stay"
        return Step(StepKind.CONFIRM, title, node, (), float(confirm_s), lasts_s=float(confirm_s))

    def _ready(self, changed: list[NodeChange]) -> Step:
        """A link may be dead and nobody has noticed yet: nothing is kept unless every node has just answered."""
        nodes = [change.node for change in changed]
        title = f"ask {' and '.join(nodes)} whether the new files are still in place"
        each = [Step(StepKind.LOOK, title, node, config("ready"), READY_TIMEOUT_S) for node in nodes]
        return replace(each[0], together=tuple(each[1:]))

    def _keep(self, changed: list[NodeChange]) -> Step:
        """One step for all nodes: no cut may fall between one that keeps the files and one that does not.

        Each node is told which push it is about, so that it may be asked again when the answer was lost.
        """
        push, nodes = self._action.push, [change.node for change in changed]
        gone = tuple(TimerArmed(node, privileges.CONFIG_DEAD_MAN, armed=False) for node in nodes)
        title = f"keep the new files on {' and '.join(nodes)}, and disarm"
        each = [
            Step(
                StepKind.DISARM,
                title,
                change.node,
                config("confirm"),
                STAGE_TIMEOUT_S,
                gone,
                stdin=f"{push}\n",
                clears_undo=undo_name(change.node),
                keeps=pushed_files(change, push),
            )
            for change in changed
        ]
        return replace(each[0], together=tuple(each[1:]))

    def _dark_s(self, node: str) -> float:
        """An owner whose instance begins anew holds no VIP until it has heard nobody for this long."""
        held = [name for name, owner in self._owners.items() if owner == node]
        if not self._action.incompatible or not held:
            return 0.0
        new = [pushed_on(self._state, node, name) for name in held]
        return max(master_down_s(live.priority, live) for live in new)


def _owner(state: ClusterState, instance: str, now: float) -> str | None:
    """The one node that holds the VIP; None: nobody, or several, and neither is steady. Raises NotKnown."""
    match owner_of(state, instance, now):
        case OwnedBy(node):
            return node
        case OwnerUnknown(unseen):
            why = "; ".join(why_unseen(state, node, now) for node in unseen)
            raise NotKnown(f"who has VIP {state.profile.vrrp[instance].address} is not known: {why}")
        case _:
            return None


def _prediction(action: ConfigPush, state: ClusterState, changed: list[NodeChange]) -> str:
    if not changed:
        return NOTHING
    daemons = tuple(dict.fromkeys(daemon for change in changed for daemon in change.daemons))
    nodes = " then ".join(change.node for change in changed)
    what = f"reload of {' and '.join(daemons)}" if daemons else "no reload"
    if not action.incompatible:
        return f"{what} on {nodes}; the VIP does not move"
    dark_s = max(live.advert_interval_s * LOST_ADVERTS + 1 for live in all_pushed(state))
    return f"{what} on {nodes}; the VIP stays with its owner, and may be dark for up to {dark_s:.1f} s"


# A rolling restart that no request notices: drain a node's backend everywhere, restart it, put it back. Pure.

_PLAIN = re.compile("[A-Za-z0-9-]{1,40}")


def drained_plan(action: DrainedRestart, state: ClusterState, now: float) -> Plan:
    """Node after node, each seen without requests before it is restarted, and healthy before it gets any again.
    What fell with it is back before the next.
    """
    impact = impact_of(action, state, now)
    order = rolling_order(state, action.unit, now)
    return Plan(
        action,
        f"{action.unit} restarts on {' then '.join(order)}, each while it gets no requests; the VIP stays",
        tuple(step for node in order for step in _round(action, node, state, now, last=node == order[-1])),
        tuple(vips_stay(state, tuple(state.profile.vrrp), now)),
        impact,
    )


def push_name(push: str, node: str, nodes: Sequence[str]) -> str:
    """Of the push that drains this node. The nodes' script takes letters, digits and hyphens, 64 in all."""
    return f"{push}-{node if _PLAIN.fullmatch(node) else nodes.index(node) + 1}"


def _round(action: DrainedRestart, node: str, state: ClusterState, now: float, *, last: bool) -> Iterator[Step]:
    changes = sorted(action.drained[node].values(), key=lambda change: may_hold(state, change.node, now))
    push = push_name(action.push, node, list(state.nodes))
    yield from (stage(change, push, action.meta, state) for change in changes)
    yield from (check(change.node, f"drain-of-{node}") for change in changes)
    for change in changes:
        yield arm_back(change, push, state)
        yield replace_files(change)
        yield reload_nginx(change.node, state, now)
    yield drained(action.drains[node], state)
    yield from restart_steps(ServiceAction(UnitVerb.RESTART, action.unit, node), state, now)
    for change in changes:
        yield from _enabled(change, push, state)
    yield from all_well(state, action.unit, node, last=last)
    yield from serving_again(state, action.unit, node)


def _enabled(change: NodeChange, push: str, state: ClusterState) -> Iterator[Step]:
    """The way back is the same as the undo: the files that were there before."""
    undo, node = taken_back(change, push, state), change.node
    yield Step(
        StepKind.DO,
        f"put the files back on {node}, and reload",
        node,
        config("restore"),
        APPLY_TIMEOUT_S,
        nginx_well(state, node),
        within_s=HEALTHY_WITHIN_S,
        clears_undo=undo.name,
        puts_back=undo.files,
    )
    yield disarm(undo)
