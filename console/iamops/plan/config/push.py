"""The plans of a push of files, and of a restart that drains first: node by node, the owner last. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from iamops.model.state import ClusterState
from iamops.model.vip import OwnedBy, OwnerUnknown, owner_of, why_unseen
from iamops.plan.action import ALLOWANCE_S, ConfigPush, DrainedRestart, ServiceAction, UnitVerb
from iamops.plan.backends import serving_again
from iamops.plan.check_timing import asked_checks, decides_s
from iamops.plan.config.change import NodeFilesChange
from iamops.plan.config.pushed import pushed_files
from iamops.plan.config.steps import (
    APPLY_TIMEOUT_S,
    STAGE_TIMEOUT_S,
    arm_back,
    check,
    client_well,
    config,
    nginx_well,
    reload_nginx,
    replace_files,
    stage,
    taken_back,
    undo_name,
    wait_until_drained,
)
from iamops.plan.expectation import Expectation, StateExpectation, TimerArmed, UnitStopped, VipOn, VipSomewhere
from iamops.plan.impact import AT_ONCE_S, elected_s, owners_last
from iamops.plan.known import NotKnown, may_hold
from iamops.plan.rolling import all_well, fallen_units, rolling_impact, rolling_order
from iamops.plan.service import ServicePlanner
from iamops.plan.step_builders import HEALTHY_WITHIN_S, alive, control, disarm, do, out_of_fault, vips_stay
from iamops.plan.steps import Forecast, Impact, Plan, Planner, Step, StepKind
from iamops.plan.vrrp_timing import LOST_ADVERTS, all_pushed, decision_s, master_down_s, pushed_on
from iamops.render import privileges

# How long a pair with a new nginx.conf must stay well, where keepalived's check was asked; else it has its time.
WATCH_S = 2.0
KEEPALIVED_WITHIN_S = 12.0
SETTLE_S = 20.0
READY_TIMEOUT_S = 4.0


class PushPlanner(Planner[ConfigPush]):
    """Files are replaced only where they differ; every node is looked at again first."""

    def __init__(self, action: ConfigPush, state: ClusterState, now: float) -> None:
        super().__init__(action, state, now)
        self._keepalived = self.profile.keepalived.unit
        self._owners: dict[str, str | None] = {}

    def impact(self) -> Impact:
        """Every node is looked at and locked, changed or not; the VIP stays, though it may be dark for a while."""
        return Impact(touches=owners_last(self.state, self.profile.nodes, self.now), planned=True)

    def plan(self) -> Plan:
        action, impact = self.action, self.impact()
        changed = [action.changes[node] for node in impact.touches if action.changes[node].files]
        self._owners = {name: self._owner(name) for name in self.profile.vrrp}
        return Plan(
            action,
            self._prediction(changed),
            tuple(self._steps(changed)) if changed else (),
            self._steady(),
            impact,
            notes=(*action.change_summary, *action.incompatible),
            before=self._steady() if changed else (),
            settle_s=SETTLE_S,
        )

    def forecast(self, impact: Impact) -> Forecast:
        if not self.action.incompatible:
            return Forecast(0.0, AT_ONCE_S)
        new_s = max(master_down_s(live.priority, live) for live in all_pushed(self.state)) + ALLOWANCE_S
        unserved_s = max(elected_s(self.state), new_s)
        return Forecast(unserved_s, unserved_s)

    def vrrp_nodes(self) -> Iterable[str]:
        return self.profile.nodes

    def acted_on(self, nodes: tuple[str, ...]) -> Iterator[tuple[str, str]]:
        return ((self.profile.nginx.unit, node) for node in nodes)

    def _owner(self, instance: str) -> str | None:
        """The one node that holds the VIP; None: nobody, or several, and neither is steady. Raises NotKnown."""
        match owner_of(self.state, instance, self.now):
            case OwnedBy(node):
                return node
            case OwnerUnknown(unseen):
                why = "; ".join(why_unseen(self.state, node, self.now) for node in unseen)
                raise NotKnown(f"who has VIP {self.profile.vrrp[instance].address} is not known: {why}")
            case _:
                return None

    def _prediction(self, changed: list[NodeFilesChange]) -> str:
        if not changed:
            return "every node already has these files: nothing to do"
        daemons = tuple(dict.fromkeys(daemon for change in changed for daemon in change.daemons))
        what = f"reload of {' and '.join(daemons)}" if daemons else "no reload"
        where = f"{what} on {' then '.join(change.node for change in changed)}"
        if not self.action.incompatible:
            return f"{where}; the VIP does not move"
        dark_s = max(live.advert_interval_s * LOST_ADVERTS + 1 for live in all_pushed(self.state))
        return f"{where}; the VIP stays with its owner, and may be dark for up to {dark_s:.1f} s"

    def _steady(self) -> tuple[StateExpectation, ...]:
        """Whatever was well must be well again: owner, states, domains, client."""
        state, nginx = self.state, self.profile.nginx.unit
        steady: list[StateExpectation] = [
            VipOn(name, owner) if owner else VipSomewhere(name) for name, owner in self._owners.items()
        ]
        for node in self.profile.nodes:
            steady += (*out_of_fault(state, node), *alive(state, nginx, node))
        return (*steady, *client_well(state))

    def _steps(self, changed: list[NodeFilesChange]) -> Iterator[Step]:
        action, state = self.action, self.state
        yield from (stage(change, action.push, action.meta, state) for change in changed)
        yield from (check(change.node) for change in changed)
        incompatible = bool(action.incompatible)
        standbys = [change for change in changed if incompatible and change.node not in self._owners.values()]
        # All timers first, the owner's before the others', so that it is the first to go back.
        first = reversed(changed) if incompatible else ()
        yield from (arm_back(change, action.push, state) for change in first)
        for change in changed:
            if not incompatible:
                yield arm_back(change, action.push, state)
            yield replace_files(change)
            if "nginx" in change.daemons:
                yield reload_nginx(change.node, state, self.now)
            if change in standbys:
                # Behind the replacement: what takes the files back starts the daemon too.
                yield self._control_keepalived(change.node, "stop", (UnitStopped(change.node, self._keepalived),))
            elif "keepalived" in change.daemons:
                yield self._reload_keepalived(change.node)
        for change in standbys:
            yield self._control_keepalived(change.node, "start", out_of_fault(state, change.node))
        yield self._watch(changed)
        if action.drains:
            yield wait_until_drained(action.drains, state)
        last, confirm_s = changed[-1].node, action.confirm_s
        if confirm_s:
            title = f"wait up to {confirm_s} s for the operator's word that it may stay"
            yield Step(StepKind.CONFIRM, title, last, (), float(confirm_s), lasts_s=float(confirm_s))
        yield self._ready([change.node for change in changed])
        yield self._keep(changed)

    def _reload_keepalived(self, node: str) -> Step:
        owned = [name for name, owner in self._owners.items() if owner == node]
        # What a client saw while nobody answered at the VIP must not count in the watch that follows.
        held = (*(VipOn(name, node) for name in owned), *client_well(self.state)) if owned else ()
        unserved_s = 0.0
        if self.action.incompatible and owned:
            # An owner whose instance begins anew holds no VIP until it has heard nobody for this long.
            new = [pushed_on(self.state, node, name) for name in owned]
            unserved_s = max(master_down_s(live.priority, live) for live in new)
        return self._control_keepalived(node, "reload", (*out_of_fault(self.state, node), *held), unserved_s)

    def _control_keepalived(
        self, node: str, verb: str, expect: tuple[Expectation, ...], needs_s: float = 0.0
    ) -> Step:
        argv, within_s = control(verb, self._keepalived), KEEPALIVED_WITHIN_S + needs_s
        title = f"{verb} {self._keepalived} on {node}"
        return do(title, node, argv, expect, within_s=within_s, needs_s=needs_s, requires_undo=undo_name(node))

    def _watch(self, changed: list[NodeFilesChange]) -> Step:
        """keepalived's own check needs its time to find out that it does not work with the new files."""
        state, open_s = self.state, [WATCH_S]
        for change in changed:
            if change.touches("/etc/keepalived/"):
                new_s = [decision_s(pushed_on(state, change.node, name)) for name in self.profile.vrrp]
                open_s += [decides_s(state, change.node), *new_s]
            elif "nginx" in change.daemons and not asked_checks(state, change.node):
                open_s.append(decides_s(state, change.node))
        lasts_s = max(open_s)
        title = f"watch the pair in its steady state for {lasts_s:g} s"
        return Step(StepKind.WATCH, title, changed[-1].node, (), lasts_s, self._steady(), lasts_s=lasts_s)

    def _ready(self, nodes: list[str]) -> Step:
        """A link may be dead and nobody has noticed yet: nothing is kept unless every node has just answered."""
        title = f"ask {' and '.join(nodes)} whether the new files are still in place"
        first, *others = [Step(StepKind.LOOK, title, node, config("ready"), READY_TIMEOUT_S) for node in nodes]
        return replace(first, together=tuple(others))

    def _keep(self, changed: list[NodeFilesChange]) -> Step:
        """One step for all nodes: no cut may fall between one that keeps the files and one that does not.

        Each node gets the name of the push, so that it can be asked again if the answer is lost.
        """
        push, nodes = self.action.push, [change.node for change in changed]
        disarmed = tuple(TimerArmed(node, privileges.CONFIG_DEAD_MAN, armed=False) for node in nodes)
        title = f"keep the new files on {' and '.join(nodes)}, and disarm"
        first, *others = [
            Step(
                StepKind.DISARM,
                title,
                change.node,
                config("confirm"),
                STAGE_TIMEOUT_S,
                disarmed,
                stdin=f"{push}\n",
                clears_undo=undo_name(change.node),
                keeps=pushed_files(change, push),
            )
            for change in changed
        ]
        return replace(first, together=tuple(others))


_PLAIN = re.compile("[A-Za-z0-9-]{1,40}")


class DrainedPlanner(Planner[DrainedRestart]):
    """Node after node, each seen without requests before it is restarted, and healthy before it gets any again."""

    def impact(self) -> Impact:
        return rolling_impact(self.state, self.action.unit, self.now)

    def plan(self) -> Plan:
        unit, impact = self.action.unit, self.impact()
        nodes = rolling_order(self.state, unit, self.now)
        return Plan(
            self.action,
            f"{unit} restarts on {' then '.join(nodes)}, each while it gets no requests; the VIP stays",
            tuple(step for node in nodes for step in self._round(node, last=node == nodes[-1])),
            tuple(vips_stay(self.state, tuple(self.profile.vrrp), self.now)),
            impact,
        )

    def forecast(self, impact: Impact) -> Forecast:
        open_on = (node for node in impact.touches if not asked_checks(self.state, node))
        return Forecast(0.0, max([AT_ONCE_S, *(decides_s(self.state, node) for node in open_on)]))

    def watched_nodes(self) -> tuple[str, ...]:
        return tuple(self.profile.nodes)

    def acted_on(self, nodes: tuple[str, ...]) -> Iterator[tuple[str, str]]:
        return ((unit, node) for node in nodes for unit in (self.action.unit, self.profile.nginx.unit))

    def awaited(self, nodes: tuple[str, ...]) -> Iterator[tuple[str, str]]:
        return fallen_units(self.profile, self.action.unit, nodes)

    def _round(self, node: str, *, last: bool) -> Iterator[Step]:
        """Drained, restarted, put back, and what fell with it is back before the next."""
        action, state = self.action, self.state
        changes = sorted(action.drained[node].values(), key=lambda change: may_hold(state, change.node, self.now))
        push = push_name(action.push, node, list(state.nodes))
        yield from (stage(change, push, action.meta, state) for change in changes)
        yield from (check(change.node, f"drain-of-{node}") for change in changes)
        for change in changes:
            yield arm_back(change, push, state)
            yield replace_files(change)
            yield reload_nginx(change.node, state, self.now)
        yield wait_until_drained(action.drains[node], state)
        restart = ServicePlanner(ServiceAction(UnitVerb.RESTART, action.unit, node), state, self.now)
        yield from restart.steps(restart.impact())
        for change in changes:
            # The way back is the same as the undo: the files that were there before.
            undo = taken_back(change, push, state)
            yield Step(
                StepKind.DO,
                f"put the files back on {change.node}, and reload",
                change.node,
                config("restore"),
                APPLY_TIMEOUT_S,
                nginx_well(state, change.node),
                within_s=HEALTHY_WITHIN_S,
                clears_undo=undo.name,
                puts_back=undo.files,
            )
            yield disarm(undo)
        yield from all_well(restart, last=last)
        yield from serving_again(state, action.unit, node)


def push_name(push: str, node: str, nodes: Sequence[str]) -> str:
    """Of the push that drains this node. The nodes' script takes letters, digits and hyphens, 64 in all."""
    return f"{push}-{node if _PLAIN.fullmatch(node) else nodes.index(node) + 1}"
