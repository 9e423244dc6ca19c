"""The plan of a push of files: its steps node by node, the owner last, and what well means after them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from iamops.model.state import ClusterState
from iamops.model.text import counted
from iamops.model.vip import OwnedBy, OwnerUnknown, owner_of, why_unseen
from iamops.plan.action import ALLOWANCE_S, ConfigPush, Drain
from iamops.plan.check_timing import asked_checks, decides_s
from iamops.plan.config.change import NodeFilesChange, payload, pushed_files
from iamops.plan.expectation import (
    ClientAnswered,
    Expectation,
    FreshWorkers,
    StateExpectation,
    TimerArmed,
    UnitRuns,
    UnitStopped,
    VipOn,
    VipSomewhere,
)
from iamops.plan.impact import AT_ONCE_S, elected_s, owners_last
from iamops.plan.known import NotKnown, answered, may_hold, unit_of
from iamops.plan.step_builders import alive, control, do, out_of_fault
from iamops.plan.steps import SUDO, Forecast, Impact, Plan, Planner, Step, StepKind, Undo
from iamops.plan.through_nginx import NoRequestsTo
from iamops.plan.vrrp_timing import LOST_ADVERTS, all_pushed, decision_s, master_down_s, pushed_on
from iamops.render import privileges

# How long a pair with a new nginx.conf must stay well, where keepalived's check was asked; else it has its time.
WATCH_S = 2.0
KEEPALIVED_WITHIN_S = 12.0
SETTLE_S = 20.0
READY_TIMEOUT_S = 4.0
STAGE_TIMEOUT_S = 15.0
APPLY_TIMEOUT_S = 20.0
RESTORE_WITHIN_S = 15.0
# In-flight requests may take as long as nginx lets a backend think; what is left of the timer is shorter still.
DRAINED_WITHIN_S = 600.0


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


def config(verb: str) -> tuple[str, ...]:
    return (*SUDO, *privileges.config(verb))


def undo_name(node: str) -> str:
    return f"files of push@{node}"


def stage(change: NodeFilesChange, push: str, meta: str, state: ClusterState) -> Step:
    """Files where no daemon looks. Refused where something is not as it was seen."""
    names = ", ".join(file.path for file in change.files)
    title = f"stage {counted(len(change.files), 'file')} on {change.node}: {names}"
    stdin = payload(change, push, meta, state.profile.safety.rollback_s)
    step = Step(StepKind.STAGE, title, change.node, config("stage"), STAGE_TIMEOUT_S, stdin=stdin, sealed=True)
    return replace(step, refuses="changed-meanwhile", subject="files")


def check(node: str, subject: str = "files") -> Step:
    """`subject`: which new files, where a plan brings a node several times some."""
    title = f"check the whole configuration as it will be on {node}"
    argv = config("check")
    return Step(StepKind.LOOK, title, node, argv, STAGE_TIMEOUT_S, refuses="config-invalid", subject=subject)


def taken_back(change: NodeFilesChange, push: str, state: ClusterState) -> Undo:
    """The whole node as it was. The same waits in the node's own timer."""
    node, nginx = change.node, state.profile.nginx.unit
    well: tuple[StateExpectation, ...] = (UnitRuns(node, nginx), *alive(state, nginx, node))
    if "keepalived" in change.daemons:
        well = (*well, *out_of_fault(state, node))
    name, title, dead_man = undo_name(node), "take the files back", privileges.CONFIG_DEAD_MAN
    undo = Undo(name, title, node, config("restore"), well, APPLY_TIMEOUT_S, RESTORE_WITHIN_S, dead_man)
    return replace(undo, fires_s=state.profile.safety.rollback_s, files=pushed_files(change, push))


def arm_back(change: NodeFilesChange, push: str, state: ClusterState) -> Step:
    undo, node = taken_back(change, push, state), change.node
    title = f"arm on {node}: {undo.title} in {undo.fires_s} s unless confirmed"
    armed = (TimerArmed(node, privileges.CONFIG_DEAD_MAN),)
    return Step(StepKind.ARM, title, node, config("arm"), STAGE_TIMEOUT_S, armed, undo=undo)


def replace_files(change: NodeFilesChange) -> Step:
    node = change.node
    title = f"replace {counted(len(change.files), 'file')} on {node}"
    return Step(StepKind.DO, title, node, config("apply"), APPLY_TIMEOUT_S, requires_undo=undo_name(node))


def reload_nginx(node: str, state: ClusterState, now: float) -> Step:
    """Where the node owns a VIP, a client must be answered through it too."""
    unit = state.profile.nginx.unit
    expect = (*nginx_well(state, node), *(client_well(state) if may_hold(state, node, now) else ()))
    return do(f"reload {unit} on {node}", node, control("reload", unit), expect, requires_undo=undo_name(node))


def wait_until_drained(drains: tuple[Drain, ...], state: ClusterState) -> Step:
    """Waits until no nginx sends anything to the backends any more."""
    logs, looks = state.profile.logs, []
    for drain in drains:
        master = main_process(state, state.profile.nginx.unit, drain.node)
        looks.append(NoRequestsTo(drain.node, drain.endpoint, logs.access, master, form=logs.format))
    endpoints = ", ".join(dict.fromkeys(drain.endpoint for drain in drains))
    title, node = f"wait until no request goes to {endpoints} any more", drains[0].node
    step = Step(StepKind.LOOK, title, node, ("true",), STAGE_TIMEOUT_S, tuple(looks), within_s=DRAINED_WITHIN_S)
    return replace(step, requires_undo=undo_name(node))


def nginx_well(state: ClusterState, node: str) -> tuple[Expectation, ...]:
    """Raises NotKnown where nginx's main process is not known: its workers could not be recognised."""
    unit = state.profile.nginx.unit
    running = unit_of(state, unit, node).running
    fresh = (FreshWorkers(node, unit, main_process(state, unit, node)),) if running else ()
    return (UnitRuns(node, unit), *alive(state, unit, node), *fresh, *asked_checks(state, node))


def main_process(state: ClusterState, unit: str, node: str) -> int:
    """Raises NotKnown."""
    pid = unit_of(state, unit, node).main_pid
    if pid is None:
        raise NotKnown(f"the main process of {unit} on {node} is not known: systemd names none")
    return pid


def client_well(state: ClusterState) -> tuple[StateExpectation, ...]:
    names = [name for name in state.profile.vrrp if answered(state.client[name])]
    return tuple(ClientAnswered(name) for name in names)
