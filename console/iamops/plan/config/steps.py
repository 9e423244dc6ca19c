"""The steps that a push and a drained restart share, and what well means after them. Pure."""

from __future__ import annotations

from dataclasses import replace

from iamops.model.state import ClusterState
from iamops.model.text import counted
from iamops.plan.action import Drain
from iamops.plan.check_timing import asked_checks
from iamops.plan.config.change import NodeFilesChange, payload
from iamops.plan.config.pushed import pushed_files
from iamops.plan.expectation import (
    ClientAnswered,
    Expectation,
    FreshWorkers,
    StateExpectation,
    TimerArmed,
    UnitRuns,
)
from iamops.plan.known import NotKnown, answered, may_hold, unit_of
from iamops.plan.step_builders import alive, control, do, out_of_fault
from iamops.plan.steps import SUDO, Step, StepKind, Undo
from iamops.plan.through_nginx import NoRequestsTo
from iamops.render import privileges

STAGE_TIMEOUT_S = 15.0
APPLY_TIMEOUT_S = 20.0
RESTORE_WITHIN_S = 15.0
# In-flight requests may take as long as nginx lets a backend think; what is left of the timer is shorter still.
DRAINED_WITHIN_S = 600.0


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
