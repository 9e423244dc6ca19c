"""What the alerts are made of: the policy, what is seen at one time, and what is remembered between two times."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from iamops.judge.alerts.case import Alert, HoldTimes
from iamops.judge.alerts.silence import Silence
from iamops.judge.findings import Diagnosis, Evidence, Finding, Key, NotEvaluated
from iamops.judge.rules import STATE_RULES
from iamops.judge.rules.base import RuleInput
from iamops.judge.rules.itself import evaluated
from iamops.judge.triage.correlate import correlate
from iamops.model.facts import RANK, Severity
from iamops.model.observed import Freshness, Known, Unknown
from iamops.model.state import ClusterState, VipMove
from iamops.model.vip import ownership

LONGEST_WINDOW_S = 900.0


@dataclass(frozen=True, slots=True)
class FlapLimits:
    """At most `at_once` single messages about one thing in `window_s`; what comes on top is reported as a sum."""

    at_once: int = 3
    window_s: float = 60.0


@dataclass(frozen=True, slots=True)
class Damper:
    """What was said about one thing lately.

    `reported`: when single messages went out. `since`: the beginning of the sum that is being gathered, None while
    it is calm; `count`: how often it happened since then; `window_s`: how long this sum gathers. `total`: how
    often since it began to flap, `began`.
    """

    reported: tuple[float, ...] = ()
    since: float | None = None
    window_s: float = 0.0
    count: int = 0
    began: float = 0.0
    total: int = 0

    @property
    def flapping(self) -> bool:
        return self.since is not None

    def happened(self, now: float, limits: FlapLimits) -> tuple[Damper, bool]:
        """It happened once more: the damper afterwards, and whether to say so at once."""
        if self.since is not None:
            return replace(self, count=self.count + 1, total=self.total + 1), False
        lately = tuple(at for at in self.reported if now - at < limits.window_s)
        if len(lately) < limits.at_once:
            return Damper((*lately, now)), True
        count = len(lately) + 1
        return Damper((), lately[0], limits.window_s, count, lately[0], count), False

    def due(self, now: float) -> bool:
        """Is the sum to be reported now?"""
        return self.since is not None and now >= self.since + self.window_s

    def summed(self, now: float) -> Damper:
        """After the sum was reported. Each further one gathers twice as long; none to report means calm again."""
        if not self.count:
            return Damper()
        return replace(self, since=now, count=0, window_s=min(2 * self.window_s, LONGEST_WINDOW_S))

    def spent(self, now: float, limits: FlapLimits) -> bool:
        """Nothing in it matters any more."""
        return not self.flapping and not any(now - at < limits.window_s for at in self.reported)


@dataclass(frozen=True, slots=True)
class Policy:
    """What is reported, and how soon. `floor` is for findings; VIP moves always are."""

    floor: Severity = Severity.WARNING
    patience: HoldTimes = field(default_factory=HoldTimes)
    limits: FlapLimits = field(default_factory=FlapLimits)
    remind_every_s: float | None = None


@dataclass(frozen=True, slots=True)
class ObservedMove:
    """A VIP move that was seen, and what its witnesses said then."""

    move: VipMove
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AlertSnapshot:
    """What is seen at one time. `moves` are those since the last step; `findings` is None when they were not
    asked for. `owners`: VRRP instance -> the one node that holds its VIP, where that is known. `split`: instances
    whose VIP several nodes hold. `unseen`: nodes about which nothing can be said now; `not_evaluated`: questions
    that cannot be answered. `during`: the action or drill that is running, if one is.
    """

    moves: tuple[ObservedMove, ...] = ()
    findings: tuple[Finding, ...] | None = None
    owners: Mapping[str, str] = field(default_factory=dict)
    split: frozenset[str] = frozenset()
    unseen: frozenset[str] = frozenset()
    not_evaluated: tuple[NotEvaluated, ...] = ()
    silence: Silence | None = None
    during: str = ""


@dataclass(frozen=True, slots=True)
class VipMemory:
    """One VIP: where it was last seen, a mismatch and since when, its damper, and the nodes of a sum.

    `split`: several nodes have held it since it was last seen on one.
    """

    seen_on: str | None = None
    elsewhere_since: float | None = None
    damper: Damper = field(default_factory=Damper)
    between: frozenset[str] = frozenset()
    split: bool = False


@dataclass(frozen=True, slots=True)
class SilenceState:
    """A silence that holds, and how much was held back in it."""

    silence: Silence
    moves: int = 0
    cases: int = 0


@dataclass(frozen=True, slots=True)
class Alerts:
    """Everything that must be remembered between two steps. `evaluated_at`: the last one with findings.

    `vips`: VRRP instance -> address. `command`: how iamops is called for this cluster.
    """

    profile: str
    vips: Mapping[str, str]
    policy: Policy = field(default_factory=Policy)
    command: str = "iamops"
    memory: Mapping[str, VipMemory] = field(default_factory=dict)
    cases: Mapping[Key, Alert] = field(default_factory=dict)
    dampers: Mapping[Key, Damper] = field(default_factory=dict)
    evaluated_at: float | None = None
    reminded_at: float = 0.0
    silence: SilenceState | None = None

    @property
    def reported(self) -> tuple[Alert, ...]:
        """What the receivers know to be so, the worst first."""
        known = (case for case in self.cases.values() if case.reported_as is not None)
        return tuple(sorted(known, key=lambda case: (RANK[case.severity], case.first)))


def judged(state: ClusterState, now: float) -> Diagnosis:
    """What the rules of the live state say, causes first; and what they cannot say. Cheap: asked all the time."""
    answers = list(evaluated(STATE_RULES, RuleInput(state), now))
    found = dict.fromkeys(answer for answer in answers if isinstance(answer, Finding))
    not_evaluated = dict.fromkeys(answer for answer in answers if isinstance(answer, NotEvaluated))
    return Diagnosis(correlate(tuple(found)), tuple(not_evaluated))


def new_moves(before: ClusterState, after: ClusterState) -> tuple[VipMove, ...]:
    """Moves that were seen between two states. An address that was found when a node was first looked at has
    not moved: who remembers where it was knows better.
    """
    if after.moves is before.moves:
        return ()
    known = set(before.moves)
    return tuple(move for move in after.moves if move not in known and after.nodes[move.node].listed_at != move.at)


def owners(state: ClusterState, now: float) -> dict[str, str]:
    """VRRP instance -> its one owner. Two owners or none, or one that is not certain yet: not in it."""
    certain = (instance for instance in state.profile.vrrp if instance not in state.contests)
    seen = {instance: ownership(state, instance, now).owners for instance in certain}
    return {instance: claims[0].node for instance, claims in seen.items() if len(claims) == 1}


def split(state: ClusterState) -> frozenset[str]:
    """VRRP instances whose VIP several nodes hold, for longer than a handover takes."""
    return frozenset(instance for instance, contest in state.contests.items() if contest.split)


def unseen(state: ClusterState, now: float) -> frozenset[str]:
    """Nodes that are not heard now."""
    return frozenset(n.name for n in state.nodes.values() if n.freshness(now) is not Freshness.LIVE)


def during(state: ClusterState) -> str:
    """The action or drill that holds a node's lock, in the words of who runs it; or that has armed an undo."""
    known = [(node.name, node.safety.value) for node in state.nodes.values() if isinstance(node.safety, Known)]
    lock = next((safety.lock for _, safety in known if safety.lock is not None), None)
    if lock is not None:
        return f"{lock.action} by {lock.who}" + (f" (run {lock.run})" if lock.run else "")
    armed = [f"{undo} on {name}" for name, safety in known for undo in safety.dead_men]
    return f"an action of iamops (its undo is armed: {', '.join(armed)})" if armed else ""


def move_evidence(state: ClusterState, move: VipMove, now: float) -> tuple[str, ...]:
    """The three witnesses, as they stand when a VIP moves."""
    address = state.profile.vrrp[move.instance].address
    kernels, daemons = [], []
    for name, node in state.nodes.items():
        source = "kernel's addresses"
        if isinstance(node.addresses, Unknown) or node.freshness(now) is Freshness.UNKNOWN:
            kernels.append(Evidence(f"not known whether it has {address}", source, name))
        else:
            word = "has" if address in node.addresses.value else "does not have"
            kernels.append(Evidence(f"{word} {address}", source, name, node.addresses.age_s(now)))
        seen = node.vrrp[move.instance]
        word = f"state unknown: {seen.reason}" if isinstance(seen, Unknown) else str(seen.value.state)
        daemons.append(Evidence(word, "keepalived", name, seen.age_s(now)))
    found = [*kernels, *daemons]
    client = state.client[move.instance]
    if isinstance(client, Known):
        answer = f"{client.value.outcome} {client.value.detail}".rstrip()
        found.append(Evidence(f"a client's last request: {answer}", "probe", None, client.age_s(now)))
    return tuple(str(evidence) for evidence in found)
