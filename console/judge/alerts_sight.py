"""What the alerts look at, taken from the cluster's state: who owns, who is unseen, what goes on. Pure."""

from __future__ import annotations

from console.judge.correlate import correlate
from console.judge.diagnosis import Diagnosis
from console.judge.findings import Blind, Evidence, Finding
from console.judge.rules import STATE_RULES
from console.judge.rules.itself import asked
from console.judge.rules.view import View
from console.model.observed import Freshness, Known, Unknown
from console.model.state import ClusterState, VipMove
from console.model.vip import ownership


def judged(state: ClusterState, now: float) -> Diagnosis:
    """What the rules of the live state say, causes first; and what they cannot say. Cheap: asked all the time."""
    view = View(state)
    answers = list(asked(STATE_RULES, view, now))
    found = dict.fromkeys(answer for answer in answers if isinstance(answer, Finding))
    blind = dict.fromkeys(answer for answer in answers if isinstance(answer, Blind))
    return Diagnosis(correlate(tuple(found)), tuple(blind))


def new_moves(before: ClusterState, after: ClusterState) -> tuple[VipMove, ...]:
    """Moves that were seen between two states. An address that was found when a node was first looked at has
    not moved: whoever remembers where it was can tell better.
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
    """Nodes of which nothing can be said now."""
    return frozenset(n.name for n in state.nodes.values() if n.freshness(now) is not Freshness.LIVE)


def during(state: ClusterState) -> str:
    """The action or drill that holds a node's lock, in the words of who runs it; or that has armed an undo."""
    told = [(node.name, node.safety.value) for node in state.nodes.values() if isinstance(node.safety, Known)]
    lock = next((each.lock for _, each in told if each.lock is not None), None)
    if lock is not None:
        return f"{lock.action} by {lock.who}" + (f" (run {lock.run})" if lock.run else "")
    armed = [f"{undo} on {name}" for name, each in told for undo in each.dead_men]
    return f"an action of iamops (its undo is armed: {', '.join(armed)})" if armed else ""


def move_evidence(state: ClusterState, move: VipMove, now: float) -> tuple[str, ...]:
    """The three witnesses, as they stand at the moment of a move."""
    address = state.profile.vrrp[move.instance].address
    found = [_kernel(state, name, address, now) for name in state.nodes]
    for name, node in state.nodes.items():
        seen = node.vrrp[move.instance]
        word = f"state unknown: {seen.reason}" if isinstance(seen, Unknown) else str(seen.value.state)
        found.append(Evidence(word, "keepalived", name, seen.age_s(now)))
    client = state.client[move.instance]
    if isinstance(client, Known):
        answer = f"{client.value.outcome} {client.value.detail}".rstrip()
        found.append(Evidence(f"a client's last request: {answer}", "probe", None, client.age_s(now)))
    return tuple(str(each) for each in found)


def _kernel(state: ClusterState, name: str, address: str, now: float) -> Evidence:
    node = state.nodes[name]
    if isinstance(node.addresses, Unknown) or node.freshness(now) is Freshness.UNKNOWN:
        return Evidence(f"not known whether it has {address}", "kernel's addresses", name)
    word = "has" if address in node.addresses.value else "does not have"
    return Evidence(f"{word} {address}", "kernel's addresses", name, node.addresses.age_s(now))
