"""The plan of a configuration push: stage and check everywhere, then node by node, the VIP's owner last. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from console.model.state import ClusterState
from console.model.vip import OwnedBy, OwnerUnknown, owner_of, why_unseen
from console.plan.action import ConfigPush
from console.plan.config_change import NodeChange
from console.plan.config_pieces import (
    STAGE_TIMEOUT_S,
    answers,
    arm_back,
    check,
    client_well,
    config,
    drained,
    reload_nginx,
    replace_files,
    stage,
    undo_name,
    vrrp_well,
)
from console.plan.deciding import asked_checks, decides_s
from console.plan.expectation import Expectation, StateExpectation, TimerArmed, VipOn, VipSomewhere
from console.plan.impact import impact_of
from console.plan.known import NotKnown
from console.plan.live import all_pushed, pushed_on
from console.plan.pieces import control, do, stopped
from console.plan.pushed_files import pushed_files
from console.plan.steps import Kind, Plan, Step
from console.plan.timing import LOST_ADVERTS, decision_s, master_down_s
from console.render import privileges

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
        notes=(*action.meaning, *action.apart),
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
        apart = bool(action.apart)
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
        return Step(Kind.WATCH, title, changed[-1].node, (), lasts_s, self.steady(), lasts_s=lasts_s)

    def _confirm_by_operator(self, node: str, confirm_s: int) -> Step:
        title = f"wait up to {confirm_s} s for the operator's word that it may stay"
        return Step(Kind.CONFIRM, title, node, (), float(confirm_s), lasts_s=float(confirm_s))

    def _ready(self, changed: list[NodeChange]) -> Step:
        """A link may be dead and nobody has noticed yet: nothing is kept unless every node has just answered."""
        nodes = [change.node for change in changed]
        title = f"ask {' and '.join(nodes)} whether the new files are still in place"
        each = [Step(Kind.LOOK, title, node, config("ready"), READY_TIMEOUT_S) for node in nodes]
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
                Kind.DISARM,
                title,
                change.node,
                config("confirm"),
                STAGE_TIMEOUT_S,
                gone,
                stdin=f"{push}\n",
                mends=undo_name(change.node),
                keeps=pushed_files(change, push),
            )
            for change in changed
        ]
        return replace(each[0], together=tuple(each[1:]))

    def _dark_s(self, node: str) -> float:
        """An owner whose instance begins anew holds no VIP until it has heard nobody for this long."""
        held = [name for name, owner in self._owners.items() if owner == node]
        if not self._action.apart or not held:
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
    if not action.apart:
        return f"{what} on {nodes}; the VIP does not move"
    dark_s = max(live.advert_interval_s * LOST_ADVERTS + 1 for live in all_pushed(state))
    return f"{what} on {nodes}; the VIP stays with its owner, and may be dark for up to {dark_s:.1f} s"
