"""Where VIPs go while a plan runs, who would take one over, and what a client may lose by it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import replace

from iamops.model.facts import LinkState, VrrpState
from iamops.model.observed import Known, Unknown
from iamops.model.profile import Profile
from iamops.model.state import ClusterState
from iamops.model.vip import OwnedBy, OwnerUnknown, owner_of, why_unseen
from iamops.plan.action import ALLOWANCE_S
from iamops.plan.known import NotKnown, may_hold
from iamops.plan.preemption import takes_back
from iamops.plan.steps import Handover, Impact, Plan
from iamops.plan.vrrp_timing import (
    HIGHEST_PRIORITY,
    all_on,
    base_priority,
    counted_priority,
    master_down_s,
    skew_s,
    vrrp_on,
)


def successors(
    state: ClusterState, instance: str, owner: str, back: Container[str] = frozenset()
) -> tuple[str, ...]:
    """Who would take the VIP over, the most likely first: by VRRP's order among those that can.

    `back`: nodes that have handed over before in the same plan, and stand by since.
    """

    def order(node: str) -> tuple[bool, int]:
        seen = state.nodes[node]
        report = seen.vrrp[instance]
        stands_by = isinstance(report, Known) and report.value.state is VrrpState.BACKUP
        ready = node in back or (stands_by and seen.link.state is LinkState.UP)
        return not ready, -counted_priority(state, instance, node)

    return tuple(sorted((name for name in state.profile.nodes if name != owner), key=order))


class Whereabouts:
    """Which node has each VIP while a plan runs: a node that was restarted may have got one from another."""

    def __init__(self, state: ClusterState, now: float) -> None:
        self._state, self._now = state, now
        owners = {name: owner_of(state, name, now) for name in state.profile.vrrp}
        self._at = {name: owner.node for name, owner in owners.items() if isinstance(owner, OwnedBy)}
        self._unseen = {name: owner.unseen for name, owner in owners.items() if isinstance(owner, OwnerUnknown)}
        self._back: set[str] = set()

    def lets_go(self, node: str, to: str | None = None, *, comes_back: bool = True) -> tuple[Handover, ...]:
        """All that the node has goes to its successors, or `to`. Raises NotKnown where it may have one unseen.

        `comes_back`: the node is there again afterwards, and stands by; see `takes` for what it preempts then.
        """
        for name, unseen in self._unseen.items():
            if node in unseen:
                address, why = self._state.profile.vrrp[name].address, why_unseen(self._state, node, self._now)
                raise NotKnown(f"whether {node} has VIP {address} is not known: {why}")
        going: dict[str | None, list[str]] = {}
        for name in [name for name, at in self._at.items() if at == node]:
            taker = to or next(iter(successors(self._state, name, node, self._back)), None)
            going.setdefault(taker, []).append(name)
            if taker is not None:
                self._at[name] = taker
        if comes_back:
            self._back.add(node)
        return tuple(Handover(tuple(names), node, taker) for taker, names in going.items())

    def takes(self, unit: str, node: str) -> tuple[Handover, ...]:
        """The unit comes up on the node, which gets what it preempts from others."""
        handovers = self._gets(node, lambda name, at: takes_back(self._state, name, unit, node, at))
        return tuple(replace(handover, comes=True) for handover in handovers)

    def goes_back(self, to: str) -> tuple[Handover, ...]:
        """A node wakes up that still believes to be master: it gets what it has the highest priority for."""
        return self._gets(to, lambda name, at: at != to and preferred_of(self._state, name, at, to) == to)

    def follows(self, instance: str, owner: str, to: str) -> tuple[Handover, ...]:
        """A drill expects its own VIP there, for whatever reason."""
        if self._at.get(instance) == to:
            return ()
        self._at[instance] = to
        return (Handover((instance,), owner, to),)

    def _gets(self, node: str, which: Callable[[str, str], bool]) -> tuple[Handover, ...]:
        """`which`: by an instance and the node that has its VIP."""
        names: dict[str, list[str]] = {}
        for name, at in self._at.items():
            if which(name, at):
                names.setdefault(at, []).append(name)
                self._at[name] = node
        return tuple(Handover(tuple(moves), at, node) for at, moves in names.items())


def moving(calm: Impact, handovers: tuple[Handover, ...]) -> Impact:
    """The impact with these handovers; owner and taker are those of the first VIP that a node lets go."""
    going = next((handover for handover in handovers if not handover.comes), None)
    owner, taker = (going.owner, going.taker) if going is not None else (None, None)
    return replace(calm, moves=instances_of(handovers), owner=owner, taker=taker, handovers=handovers)


def instances_of(handovers: Iterable[Handover]) -> tuple[str, ...]:
    """The VRRP instances whose VIPs move, each once."""
    return tuple(dict.fromkeys(name for handover in handovers for name in handover.moves))


def owners_last(state: ClusterState, nodes: Iterable[str], now: float) -> tuple[str, ...]:
    """The order in which nodes are touched: owners of a VIP last, and those that may be one."""
    return tuple(sorted(nodes, key=lambda node: may_hold(state, node, now)))


def services_of(profile: Profile, unit: str) -> tuple[str, ...]:
    return tuple(service.name for service in profile.services.values() if service.unit == unit)


def datastores_of(profile: Profile, unit: str, node: str) -> tuple[str, ...]:
    return tuple(d.name for d in profile.datastores.values() if d.unit == unit and d.node == node)


def preferred_of(state: ClusterState, instance: str, *nodes: str) -> str:
    """The one with the highest priority of its own."""
    return max(nodes, key=lambda node: base_priority(state, instance, node))


# What a change of a backend or of nginx's workers does shows at once.
AT_ONCE_S = 1.0


def move_s(impact: Impact, state: ClusterState, *, raised: bool) -> float:
    """The takers' skews, one handover after the other; of VIPs that go at once, the last one. 0: none moves.

    `raised`: the taker's priority is raised first.
    """
    total_s = 0.0
    for handover in impact.handovers:
        taker = handover.taker
        if taker is not None:
            total_s += max(
                skew_s(
                    HIGHEST_PRIORITY if raised else counted_priority(state, name, taker),
                    vrrp_on(state, taker, name),
                )
                for name in handover.moves
            )
    return total_s


def elected_s(state: ClusterState) -> float:
    """A keepalived that has just begun, and hears nobody, would be master after this long."""
    lives = [live for node in state.profile.nodes for live in all_on(state, node)]
    return max(master_down_s(live.priority, live) for live in lives) + ALLOWANCE_S


# The client's gap is measured at nginx itself where the services behind it are not touched: a request every 10 ms
# through to a service fills its log with our own probes. Every so many of them one goes on to a service anyway.
ASKED_THROUGH = 20


def unserved(plan: Plan, state: ClusterState) -> Iterator[str]:
    """VIPs at which no client is answered now: what is lost there is not measured."""
    for name, vrrp in state.profile.vrrp.items():
        seen = state.client[name]
        if plan.steps and isinstance(seen, Known) and not seen.value.ok:
            why = seen.value.detail or str(seen.value.outcome)
            yield f"no client is answered at VIP {vrrp.address} now ({why}), so a loss there is not measured"


def measured(plan: Plan, state: ClusterState) -> tuple[str | None, tuple[str, ...]]:
    """A host that every nginx answers without a backend, or None where there is none or that is not enough; and
    what a plan says of it.
    """
    # A unit behind nginx, or a whole machine, is acted on.
    carriers = {f"{unit}.service" for unit in (state.profile.keepalived.unit, state.profile.nginx.unit)}
    named = {word for step in plan.acting for word in step.argv if word.endswith(".service")}
    if not plan.steps or any(step.here for step in plan.acting) or not named <= carriers:
        return None, ()
    hosts: list[tuple[str, ...]] = []
    for node in state.nodes.values():
        match node.files:
            case Known(report):
                hosts.append(report.answers_itself)
            case Unknown(reason):
                why = f"whether nginx on {node.name} answers without a service is not known ({reason})"
                return None, (f"{why}: every request that measures the gap goes on to one",)
    host = next((host for host in hosts[0] if all(host in answering for answering in hosts)), None)
    if host is None:
        return None, ()
    note = f"the gap is measured at nginx itself ({host}); every {ASKED_THROUGH}th request goes on to each service"
    return host, (note,)
