"""What must be observed after a step: each expectation judges the state, or the output of one look. Pure.

A step is done when its effect was seen, never because a command returned 0. `since` is when the step
began: evidence older than that proves nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from iamops.model.facts import LinkState, ProbeReport, VrrpState
from iamops.model.foreign import whole
from iamops.model.observed import Observed, Unknown
from iamops.model.state import ClusterState
from iamops.model.text import being
from iamops.model.vip import ownership
from iamops.plan.checks import CheckPasses, StaysUp
from iamops.plan.observation import Judgement, Observation
from iamops.plan.through_nginx import NoRequestsTo, OthersServe, TakenBack


@dataclass(frozen=True, slots=True)
class VipOn:
    """The instance's VIP is on this node's kernel, and on no other's that can be seen."""

    instance: str
    node: str

    @property
    def sentence(self) -> str:
        return f"the VIP of {self.instance} is on {self.node}"

    def judge(self, state: ClusterState, since: float, now: float) -> Observation:
        if self.node in _unseen(state, now, self.instance):
            return Observation.unknown(f"{self.node} cannot be seen")
        owners = tuple(claim.node for claim in ownership(state, self.instance, now).owners)
        vip = f"VIP {state.profile.vrrp[self.instance].address}"
        if owners == (self.node,):
            return Observation.of(True, f"{vip} is on {self.node}")
        return Observation.of(False, f"{vip} is on {' and '.join(owners) or 'no node'}, not on {self.node}")


@dataclass(frozen=True, slots=True)
class VipSomewhere:
    """Exactly one node holds the instance's VIP: one that can be seen, whose last word is not all there is."""

    instance: str

    @property
    def sentence(self) -> str:
        return f"one node holds the VIP of {self.instance}"

    def judge(self, state: ClusterState, since: float, now: float) -> Observation:
        unseen = _unseen(state, now, self.instance)
        claims = ownership(state, self.instance, now).owners
        owners = tuple(claim.node for claim in claims if claim.node not in unseen)
        if not owners and unseen:
            return Observation.unknown(f"{' and '.join(dict.fromkeys(unseen))} cannot be seen")
        text = f"VIP {state.profile.vrrp[self.instance].address} is on {' and '.join(owners) or 'no node'}"
        return Observation.of(len(owners) == 1, text)


@dataclass(frozen=True, slots=True)
class NoIdleMaster:
    """The node is not MASTER of the instance without holding its VIP, which would keep it from everyone."""

    node: str
    instance: str

    @property
    def sentence(self) -> str:
        return f"{self.node} is not MASTER of {self.instance} without the VIP"

    def judge(self, state: ClusterState, since: float, now: float) -> Observation:
        seen, addresses = state.nodes[self.node].vrrp[self.instance], state.nodes[self.node].addresses
        if isinstance(seen, Unknown):
            return Observation.unknown(f"{self.node}: {seen.reason}")
        if isinstance(addresses, Unknown):
            return Observation.unknown(f"{self.node}: {addresses.reason}")
        held = state.profile.vrrp[self.instance].address in addresses.value
        idle = seen.value.state is VrrpState.MASTER and not held
        text = f"{self.node} is {seen.value.state} and {'has the' if held else 'has no'} VIP"
        return Observation.of(not idle, text)


@dataclass(frozen=True, slots=True)
class VrrpIn:
    """keepalived on the node says that the instance is in one of these states."""

    node: str
    instance: str
    states: tuple[VrrpState, ...]

    @property
    def sentence(self) -> str:
        return f"{self.instance} on {self.node} is {' or '.join(self.states)}"

    def judge(self, state: ClusterState, since: float, now: float) -> Observation:
        seen = state.nodes[self.node].vrrp[self.instance]
        if isinstance(seen, Unknown):
            return Observation.unknown(f"{self.node}: {seen.reason}")
        text = f"{self.instance} is {seen.value.state} on {self.node}"
        return _since(seen.at, since, seen.value.state in self.states, text)


@dataclass(frozen=True, slots=True)
class EffectivePriority:
    """keepalived on the node counts this priority for the instance."""

    node: str
    instance: str
    priority: int

    @property
    def sentence(self) -> str:
        return f"{self.instance} on {self.node} has effective priority {self.priority}"

    def judge(self, state: ClusterState, since: float, now: float) -> Observation:
        seen = state.nodes[self.node].vrrp[self.instance]
        if isinstance(seen, Unknown):
            return Observation.unknown(f"{self.node}: {seen.reason}")
        counted = seen.value.effective_priority
        if counted is None:
            return Observation.unknown(f"{self.node}: keepalived does not tell its effective priority")
        return _since(seen.at, since, counted == self.priority, f"effective priority of {self.node} is {counted}")


@dataclass(frozen=True, slots=True)
class UnitRuns:
    """The unit runs. `other_than` is the main process that must have been replaced."""

    node: str
    unit: str
    other_than: int | None = None

    @property
    def sentence(self) -> str:
        fresh = f" with another process than {self.other_than}" if self.other_than else ""
        return f"{self.unit} runs on {self.node}{fresh}"

    def judge(self, state: ClusterState, since: float, now: float) -> Observation:
        seen = state.nodes[self.node].unit(self.unit)
        if isinstance(seen, Unknown):
            return Observation.unknown(f"{self.unit} on {self.node}: {seen.reason}")
        report = seen.value
        process = f", process {report.main_pid}" if report.main_pid else ""
        replaced = self.other_than is None or report.main_pid not in (self.other_than, None)
        text = f"{self.unit} on {self.node} {being(report.active)}{process}"
        return _since(seen.at, since, report.active == "active" and replaced, text)


@dataclass(frozen=True, slots=True)
class UnitStopped:
    """The unit has no process any more."""

    node: str
    unit: str

    @property
    def sentence(self) -> str:
        return f"{self.unit} is stopped on {self.node}"

    def judge(self, state: ClusterState, since: float, now: float) -> Observation:
        seen = state.nodes[self.node].unit(self.unit)
        if isinstance(seen, Unknown):
            return Observation.unknown(f"{self.unit} on {self.node}: {seen.reason}")
        return _since(seen.at, since, seen.value.stopped, f"{self.unit} on {self.node} {being(seen.value.active)}")


@dataclass(frozen=True, slots=True)
class ServiceHealthy:
    """The service answers its health check, from its own node and from every peer in `seen_from`."""

    node: str
    service: str
    seen_from: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        peers = f" and from {', '.join(self.seen_from)}" if self.seen_from else ""
        return f"{self.service} on {self.node} is healthy, seen from itself{peers}"

    def judge(self, state: ClusterState, since: float, now: float) -> Observation:
        node = state.nodes[self.node]
        views = {self.node: node.services[self.service]}
        views |= {peer: node.from_peers[self.service][peer] for peer in self.seen_from}
        return _probed(f"{self.service} on {self.node}", views, since)


@dataclass(frozen=True, slots=True)
class DomainsAnswer:
    """nginx on the node answers well for these domains."""

    node: str
    domains: tuple[str, ...]

    @property
    def sentence(self) -> str:
        return f"nginx on {self.node} answers for {', '.join(self.domains)}"

    def judge(self, state: ClusterState, since: float, now: float) -> Observation:
        views = {domain: state.nodes[self.node].domains[domain] for domain in self.domains}
        return _probed(f"nginx on {self.node}", views, since)


@dataclass(frozen=True, slots=True)
class ClientAnswered:
    """A client on the operator's machine gets a good answer from the instance's VIP."""

    instance: str

    @property
    def sentence(self) -> str:
        return f"a client is answered at the VIP of {self.instance}"

    def judge(self, state: ClusterState, since: float, now: float) -> Observation:
        return _probed("the client", {self.instance: state.client[self.instance]}, since)


@dataclass(frozen=True, slots=True)
class DatastoreAnswers:
    """The datastore greets these nodes; none named means every node."""

    store: str
    seen_from: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        return f"{self.store} answers {', '.join(self.seen_from) or 'every node'}"

    def judge(self, state: ClusterState, since: float, now: float) -> Observation:
        views = state.datastores[self.store]
        return _probed(self.store, {node: views[node] for node in self.seen_from or views}, since)


StateExpectation = (
    VipOn
    | VipSomewhere
    | NoIdleMaster
    | VrrpIn
    | EffectivePriority
    | UnitRuns
    | UnitStopped
    | ServiceHealthy
    | DomainsAnswer
    | ClientAnswered
    | DatastoreAnswers
)


@dataclass(frozen=True, slots=True)
class TimerArmed:
    """systemd on the node will carry out the undo, or (`armed` False) has forgotten it."""

    node: str
    dead_man: str
    armed: bool = True

    @property
    def sentence(self) -> str:
        return f"{self.dead_man}.timer is {'armed' if self.armed else 'gone'} on {self.node}"

    @property
    def argv(self) -> tuple[str, ...]:
        return ("systemctl", "show", "--property=ActiveState,LoadState", f"{self.dead_man}.timer")

    def judge_output(self, exit_status: int | None, text: str, elapsed_s: float) -> Observation:
        timer = f"{self.dead_man}.timer"
        properties = dict(line.partition("=")[::2] for line in text.splitlines())
        if exit_status != 0 or "ActiveState" not in properties:
            return Observation.unknown(f"systemd on {self.node} did not tell about {timer}")
        active = properties["ActiveState"] == "active"
        word = "armed" if active else "not armed"
        return Observation.of(active is self.armed, f"{timer} is {word} on {self.node}")


@dataclass(frozen=True, slots=True)
class FreshWorkers:
    """nginx has started a worker since the step began: it took the reload. `main_pid` is its master."""

    node: str
    unit: str
    main_pid: int

    @property
    def sentence(self) -> str:
        return f"{self.unit} on {self.node} has started new workers"

    @property
    def argv(self) -> tuple[str, ...]:
        return ("ps", "--ppid", str(self.main_pid), "-o", "etimes=")

    def judge_output(self, exit_status: int | None, text: str, elapsed_s: float) -> Observation:
        ages_s = [age_s for word in text.split() if (age_s := whole(word)) is not None]
        if not ages_s:
            return Observation.unknown(f"no workers of {self.unit} can be seen on {self.node}")
        # ps counts in whole seconds, rounded down.
        return Observation.of(min(ages_s) <= elapsed_s + 1, f"youngest worker: {min(ages_s)} s old")


# Asked by commands on the node, and by requests through its nginx.
Command = TimerArmed | FreshWorkers | NoRequestsTo | StaysUp | CheckPasses
Asked = OthersServe | TakenBack
Look = Command | Asked
LOOKS = (TimerArmed, FreshWorkers, NoRequestsTo, StaysUp, CheckPasses, OthersServe, TakenBack)
ASKED = (OthersServe, TakenBack)
# What shows that it is well by answering.
ANSWERING = (ServiceHealthy, DomainsAnswer, DatastoreAnswers)
Expectation = StateExpectation | Look


def judge_all(expected: Iterable[StateExpectation], state: ClusterState, since: float, now: float) -> Observation:
    """The worst of several readings; their texts joined. It is `old` if all of those are."""
    readings = [expectation.judge(state, since, now) for expectation in expected]
    for verdict in (Judgement.UNKNOWN, Judgement.NOT_YET, Judgement.HOLDS):
        worst = [reading for reading in readings if reading.verdict is verdict]
        if worst:
            text = "; ".join(reading.text for reading in worst)
            return Observation(verdict, text, all(reading.old for reading in worst))
    return Observation.of(True, "nothing to observe")


def _since(at: float | None, since: float, holds: bool, text: str) -> Observation:
    """What was seen before the step proves nothing."""
    if at is None or at < since:
        return Observation(Judgement.NOT_YET, f"{text} (as of before the step)", old=True)
    return Observation.of(holds, text)


def _probed(what: str, views: dict[str, Observed[ProbeReport]], since: float) -> Observation:
    for where, seen in views.items():
        if isinstance(seen, Unknown):
            return Observation.unknown(f"{what}, {where}: {seen.reason}")
        if seen.at is None or seen.at < since:
            return Observation(Judgement.NOT_YET, f"{what}, {where}: no answer since the step began", old=True)
        if not seen.value.ok:
            return Observation.of(False, f"{what}, {where}: {seen.value.detail or seen.value.outcome}")
    return Observation.of(True, f"{what} answers")


def _unseen(state: ClusterState, now: float, instance: str) -> tuple[str, ...]:
    down = tuple(node.name for node in state.nodes.values() if node.link.state is LinkState.DOWN)
    return (*ownership(state, instance, now).unseen, *down)
