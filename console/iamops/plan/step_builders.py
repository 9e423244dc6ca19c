"""The pieces plans are made of: arm, do, disarm, and what each unit's health means. Pure."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from dataclasses import replace

from iamops.model.drill import DrillVerb
from iamops.model.facts import LinkState, ProbeReport, VrrpState
from iamops.model.observed import Known, Observed
from iamops.model.profile import Profile
from iamops.model.state import ClusterState
from iamops.model.vip import OwnedBy, owner_of
from iamops.plan.action import DrillAction
from iamops.plan.checks import StaysUp, lasts_s
from iamops.plan.expectation import (
    ANSWERING,
    DatastoreAnswers,
    DomainsAnswer,
    EffectivePriority,
    Expectation,
    NoIdleMaster,
    ServiceHealthy,
    StateExpectation,
    TimerArmed,
    UnitRuns,
    VipOn,
    VipSomewhere,
    VrrpIn,
)
from iamops.plan.impact import datastores_of, services_of
from iamops.plan.known import answered, unit_of
from iamops.plan.preemption import preemption_unknown
from iamops.plan.steps import SUDO, Impact, Plan, Step, StepKind, Undo
from iamops.plan.vrrp_timing import reports_preemption
from iamops.render import privileges

COMMAND_TIMEOUT_S = 20.0
SHORT_TIMEOUT_S = 5.0
# A machine boots, its services start, and we have to log in again.
MACHINE_TIMEOUT_S = 40.0
# A service may take its time to answer; health checks come every 2 s, from peers every 5 s.
HEALTHY_WITHIN_S = 12.0
CONFIG_INVALID = "config-invalid"
RUNNING = (VrrpState.BACKUP, VrrpState.MASTER)


def arm(undo: Undo, state: ClusterState) -> Step:
    """Starts the timer that carries the undo out on the node if nobody stops it in time."""
    assert undo.dead_man is not None  # noqa: S101 - only undos with a timer are armed
    title = f"arm on {undo.node}: {undo.title} in {state.profile.safety.dead_man_s} s unless disarmed"
    argv = (*SUDO, *privileges.arm(state.profile, undo.dead_man, undo.argv[len(SUDO) :]))
    armed = (TimerArmed(undo.node, undo.dead_man),)
    return Step(StepKind.ARM, title, undo.node, argv, SHORT_TIMEOUT_S, armed, undo=undo)


def disarm(undo: Undo) -> Step:
    assert undo.dead_man is not None  # noqa: S101 - only undos with a timer are armed
    title, argv = f"disarm on {undo.node}: {undo.title}", (*SUDO, *privileges.disarm(undo.dead_man))
    disarmed = (TimerArmed(undo.node, undo.dead_man, armed=False),)
    return Step(StepKind.DISARM, title, undo.node, argv, SHORT_TIMEOUT_S, disarmed, clears_undo=undo.name)


def start_again(unit: str, node: str, expect: tuple[StateExpectation, ...]) -> Undo:
    """The undo of everything that stops a unit."""
    name, title, argv = f"{unit}@{node}", f"start {unit}", control("start", unit)
    dead_man = privileges.dead_man_unit(unit)
    return Undo(name, title, node, argv, expect, COMMAND_TIMEOUT_S, HEALTHY_WITHIN_S, dead_man)


def bring_back(verb: str, argv: tuple[str, ...], node: str, expect: tuple[StateExpectation, ...]) -> Undo:
    """The undo of a machine that was taken away. It waits on the operator's machine."""
    name, title = f"machine {verb}@{node}", f"{verb} {node}"
    return Undo(name, title, node, argv, expect, MACHINE_TIMEOUT_S, MACHINE_TIMEOUT_S, None, here=True)


def wake_again(unit: str, node: str, expect: tuple[StateExpectation, ...]) -> Undo:
    """The undo of a unit that was made to hang."""
    name, title, argv = f"wake {unit}@{node}", f"wake {unit}", (*SUDO, *privileges.wake(unit))
    dead_man = privileges.wake_dead_man(unit)
    return Undo(name, title, node, argv, expect, SHORT_TIMEOUT_S, HEALTHY_WITHIN_S, dead_man)


def lower_again(instance: str, node: str, priority: int) -> Undo:
    """The undo of a raised priority."""
    name, title = f"priority {instance}@{node}", f"put the priority of {instance} back to {priority}"
    argv, expect = (*SUDO, *privileges.reset_priority(instance)), (EffectivePriority(node, instance, priority),)
    return Undo(name, title, node, argv, expect, SHORT_TIMEOUT_S, 5.0, privileges.priority_dead_man(instance))


def resign(instance: str, node: str, unit: str) -> Undo:
    """Makes a MASTER that holds no address let go: while it adverts, nobody else takes the VIP."""
    name, title = f"resign {instance}@{node}", f"restart {unit}: it is MASTER of {instance} and holds no VIP"
    argv, expect = control("restart", unit), (VipSomewhere(instance),)
    only_if = NoIdleMaster(node, instance)
    return Undo(name, title, node, argv, expect, COMMAND_TIMEOUT_S, 10.0, None, only_if)


def control(verb: str, unit: str) -> tuple[str, ...]:
    return (*SUDO, *privileges.control(verb, unit))


def controls_a_unit(step: Step) -> bool:
    """Whether it starts, stops, restarts or reloads one. Its effects may show later than its end."""
    return step.argv[: len(SUDO) + 1] == (*SUDO, privileges.control("start", "x")[0])


def alive(state: ClusterState, unit: str, node: str) -> tuple[StateExpectation, ...]:
    """What a unit that is well looks like from outside. Only what was well can be asked for again."""
    profile, seen = state.profile, state.nodes[node]
    if unit == profile.keepalived.unit:
        return tuple(VrrpIn(node, name, RUNNING) for name in profile.vrrp)
    if unit == profile.nginx.unit:
        well = tuple(domain for domain, probe in seen.domains.items() if answered(probe))
        return (DomainsAnswer(node, well),) if well else ()
    services = (_healthy(state, name, node) for name in services_of(profile, unit))
    stores = (
        DatastoreAnswers(store, (node, *_peers_answered(state, node, state.datastores[store])))
        for store in datastores_of(profile, unit, node)
    )
    return (*services, *stores)


def _healthy(state: ClusterState, service: str, node: str) -> ServiceHealthy:
    return ServiceHealthy(node, service, _peers_answered(state, node, state.nodes[node].from_peers[service]))


def _peers_answered(state: ClusterState, node: str, views: Mapping[str, Observed[ProbeReport]]) -> tuple[str, ...]:
    """The peers that it answered before: what is bound to loopback stays what it was."""
    peers = (peer.name for peer in state.profile.peers_of(node))
    return tuple(p for p in peers if state.nodes[p].link.state is LinkState.UP and answered(views[p]))


def domains_elsewhere(state: ClusterState, node: str) -> tuple[str, ...]:
    """What an nginx that is to start must answer for: what it did answer for, and what others do now."""
    up = [seen for seen in state.nodes.values() if seen.name == node or seen.link.state is LinkState.UP]
    return tuple(d for d in state.nodes[node].domains if any(answered(seen.domains[d]) for seen in up))


def out_of_fault(state: ClusterState, node: str) -> tuple[VrrpIn, ...]:
    """keepalived's check must have seen nginx again wherever it succeeded before."""
    seen = state.nodes[node].vrrp.items()
    well = (name for name, vrrp in seen if isinstance(vrrp, Known) and vrrp.value.state in RUNNING)
    return tuple(VrrpIn(node, name, RUNNING) for name in well)


def healthy_again(state: ClusterState, service: str, node: str) -> tuple[ServiceHealthy, ...]:
    """The service answers its own node and its peers as it did before; nothing where it was not well."""
    well = answered(state.nodes[node].services[service])
    return (_healthy(state, service, node),) if well else ()


def resigning(state: ClusterState, impact: Impact) -> tuple[Undo, ...]:
    """Every taker that says MASTER and gets no address is made to let go."""
    unit = state.profile.keepalived.unit
    takers = ((name, handover.taker) for handover in impact.handovers for name in handover.moves)
    return tuple(resign(name, taker, unit) for name, taker in dict.fromkeys(takers) if taker is not None)


def moved(state: ClusterState, impact: Impact) -> tuple[StateExpectation, ...]:
    """Where the VIPs must be once all has happened; where nobody can tell that, one node must hold them.

    An owner that is there again, or a node that comes up, may preempt: where keepalived does not tell that.
    """
    expected: list[StateExpectation] = []
    last = {name: handover for handover in impact.handovers for name in handover.moves}
    for name, handover in last.items():
        owner, taker = handover.owner, handover.taker
        if taker is None:
            continue
        if handover.comes:
            unsure = not reports_preemption(state, taker, name)
        elif impact.lasting or impact.planned:
            unsure = False
        else:
            unsure = preemption_unknown(state, name, state.profile.keepalived.unit, owner, taker)
        expected.append(VipSomewhere(name) if unsure else VipOn(name, taker))
    return tuple(expected)


def vips_stay(
    state: ClusterState, names: tuple[str, ...], now: float, unsure: Container[str] = ()
) -> Iterator[StateExpectation]:
    """VIPs that are not moved are where they were; one whose owner is not known stands in the notes instead.

    `unsure`: instances whose VIP may move, and nobody can tell.
    """
    for name in names:
        match owner_of(state, name, now):
            case OwnedBy() if name in unsure:
                yield VipSomewhere(name)
            case OwnedBy(node):
                yield VipOn(name, node)
            case _:
                pass


def stays(state: ClusterState, unit: str, node: str) -> StaysUp:
    """Beside `UnitRuns` and `alive`, for what was started: it is not just up for a moment between two crashes.

    Raises NotKnown.
    """
    report = unit_of(state, unit, node)
    answers = any(isinstance(expected, ANSWERING) for expected in alive(state, unit, node))
    return StaysUp(node, unit, lasts_s(report.restart_delay_s, answers=answers))


def stays_up(state: ClusterState, unit: str, node: str) -> Step:
    """A look of its own, for a start whose effect has a budget: staying up is not a part of that time.

    Raises NotKnown.
    """
    seen = (UnitRuns(node, unit), *alive(state, unit, node), stays(state, unit, node))
    title = f"see that {unit} on {node} stays up"
    return Step(StepKind.LOOK, title, node, (), SHORT_TIMEOUT_S, seen, within_s=HEALTHY_WITHIN_S)


def config_check(state: ClusterState, unit: str, node: str) -> tuple[Step, ...]:
    """A daemon whose files on disk are broken would not come back: asked before it is touched."""
    checks = {
        state.profile.nginx.unit: privileges.check_nginx_config(),
        state.profile.keepalived.unit: privileges.check_keepalived_config(),
    }
    if unit not in checks:
        return ()
    title = f"check the configuration of {unit} on {node}"
    argv = (*SUDO, *checks[unit])
    return (Step(StepKind.LOOK, title, node, argv, SHORT_TIMEOUT_S, refuses=CONFIG_INVALID, subject=unit),)


def do(
    title: str,
    node: str,
    argv: tuple[str, ...],
    expect: tuple[Expectation, ...],
    *,
    within_s: float = HEALTHY_WITHIN_S,
    needs_s: float = 0.0,
    stdin: str = "",
    requires_undo: str | None = None,
    clears_undo: str | None = None,
) -> Step:
    """A step that changes something. Undos by name: the one it makes necessary, and the one it makes needless."""
    step = Step(StepKind.DO, title, node, argv, COMMAND_TIMEOUT_S, expect, within_s, needs_s, stdin)
    return replace(step, requires_undo=requires_undo, clears_undo=clears_undo)


def nodes_let_down(plan: Plan, profile: Profile) -> frozenset[str]:
    """Nodes on which some step stops, restarts or hangs keepalived or nginx, or takes the machine away."""
    argvs = {
        argv
        for unit in (profile.keepalived.unit, profile.nginx.unit)
        for argv in (control("stop", unit), control("restart", unit), (*SUDO, *privileges.hang(unit)))
    }
    return frozenset(step.node for step in plan.acting if step.here or step.argv in argvs)


READS_FILES = ("start", "restart", "reload")
# A machine that was switched off boots when it comes back.
BOOTS = (DrillVerb.POWER_OFF, DrillVerb.POWER_ON)


def loads(plan: Plan, profile: Profile) -> Iterator[tuple[str, str]]:
    """keepalived's and nginx's units that some step starts, restarts or reloads, each once with its node.

    A machine that boots starts both.
    """
    moves = plan.action.drill.steps if isinstance(plan.action, DrillAction) else ()
    booting = [s for s in plan.acting if moves and s.move is not None and moves[s.move].verb in BOOTS]
    for unit in (profile.keepalived.unit, profile.nginx.unit):
        argvs = [control(verb, unit) for verb in READS_FILES]
        nodes = (step.node for step in plan.acting if step.argv in argvs or step in booting)
        yield from ((unit, node) for node in dict.fromkeys(nodes))


def checked_first(plan: Plan, state: ClusterState) -> Plan:
    """The plan, with all its configuration checks at its beginning: a refusal there has changed nothing."""
    started = loads(plan, state.profile)
    checks = tuple(step for unit, node in started for step in config_check(state, unit, node))
    return replace(plan, steps=(*checks, *(s for s in plan.steps if replace(s, move=None) not in checks)))
