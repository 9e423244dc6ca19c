"""VIP moves and split brains, and the last report of a dead owner: two nodes that claim one VIP. Pure.

A newcomer's gain is usually reported before the old owner's loss. A gain while another node was last seen to hold
the VIP is therefore no move yet: it is one when the other lets go or falls silent, and a split brain when both
report it for longer than a handover takes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from iamops.model.events import AddressChanged, AddressesListed
from iamops.model.facts import LinkState, Severity, VrrpState
from iamops.model.observed import Freshness, Known, Unknown
from iamops.model.state import ClusterState, Contest, Notice, Split, VipMove
from iamops.model.text import lasting
from iamops.model.vip import owned_since, ownership

# A handover is over within milliseconds, a slow one within this; keepalived looks at adverts once a second.
HANDOVER_S = 1.0
MOVES_KEPT = 50
SPLITS_KEPT = 50


def with_vip_events(
    before: ClusterState, after: ClusterState, event: AddressChanged | AddressesListed
) -> ClusterState:
    """What a change of a kernel's addresses means for who holds the VIPs."""
    for instance in after.profile.vrrp:
        had, has = (_holds(state, instance, event.node) for state in (before, after))
        if has and not had:
            after = _gained(after, instance, event)
        elif had and not has:
            after = _lost(after, instance, event)
    return with_new_contests(after, event.at)


def with_new_contests(state: ClusterState, now: float) -> ClusterState:
    """A node that is heard again may still hold what another took meanwhile."""
    for instance in state.profile.vrrp:
        owners = () if instance in state.contests else ownership(state, instance, now).owners
        if len(owners) > 1:
            nodes = tuple(claim.node for claim in owners)
            state = _put(state, Contest(instance, nodes, now, state.last_owner.get(instance), found=True))
    return state


def with_contests_decided(state: ClusterState, now: float) -> ClusterState:
    """With the contests decided that are a move, a split brain or over by now."""
    for contest in tuple(state.contests.values()):
        state = _decide(state, contest, now)
    return state


def split_owners(state: ClusterState, instance: str, now: float) -> tuple[str, ...]:
    """The nodes that hold a VIP at once, for longer than a handover takes; nobody otherwise."""
    owners = ownership(state, instance, now).owners
    if len(owners) < 2 or now - max(owned_since(state, instance, claim) for claim in owners) < HANDOVER_S:
        return ()
    return tuple(claim.node for claim in owners)


def split_words(split: Split, state: ClusterState) -> str:
    """That it has begun: `SPLIT BRAIN: VIP 10.0.4.99 on iam-a and iam-b`."""
    text = f"SPLIT BRAIN: VIP {_address(state, split.instance)} on {' and '.join(split.nodes)}"
    return f"{text}; keepalived on {' and '.join(split.astray)} is not MASTER" if split.astray else text


def split_end_words(split: Split, state: ClusterState) -> str:
    """That it has ended: `split brain ended: VIP 10.0.4.99 on iam-a only, lasted 12 s`."""
    vip, lasted_s = _address(state, split.instance), (split.ended_at or split.since) - split.since
    lasted = f"lasted {'at least ' if split.found else ''}{lasting(lasted_s)}"
    where = f"on {split.left[0]} only" if len(split.left) == 1 else "on no node that is seen"
    if split.unheard:
        silent = " and ".join(split.unheard)
        where = f"on {split.left[0]}" if split.left else where
        return f"split brain not seen any more: VIP {vip} {where}; {silent} is not heard and may hold it; {lasted}"
    other = split.before is not None and split.left and split.before not in split.left
    return f"split brain ended: VIP {vip} {where}, {lasted}" + (f"; {split.before} had it before" if other else "")


# --- an address came or went ---


def _gained(state: ClusterState, instance: str, event: AddressChanged | AddressesListed) -> ClusterState:
    others = _holding(state, instance, (name for name in state.nodes if name != event.node), event.at)
    if not others:
        return _came(state, instance, event.node, event.at)
    known = state.contests.get(instance)
    if known is not None:
        return _put(state, replace(known, nodes=_ordered(state, {*known.nodes, event.node})))
    found = state.nodes[event.node].listed_at == event.at
    nodes = _ordered(state, {event.node, *others})
    return _put(state, Contest(instance, nodes, event.at, state.last_owner.get(instance), found))


def _lost(state: ClusterState, instance: str, event: AddressChanged | AddressesListed) -> ClusterState:
    """No notice where the end of a split brain will say it."""
    state = replace(state, lost_at={**state.lost_at, instance: event.at})
    contest, vip = state.contests.get(instance), _address(state, instance)
    if contest is not None and contest.split:
        return state
    text = f"{event.node} no longer holds VIP {vip}"
    if contest is not None and event.node != contest.before:
        text = f"{event.node} held VIP {vip} for {lasting(event.at - contest.since)} beside {contest.before}"
    return state.with_notice(Notice(event.at, event.node, Severity.INFO, text))


def _came(state: ClusterState, instance: str, node: str, at: float, *, unheard: bool = False) -> ClusterState:
    previous, vip = state.last_owner.get(instance), _address(state, instance)
    state = replace(state, last_owner={**state.last_owner, instance: node})
    if previous == node:
        return state
    state = replace(state, moved_at={**state.moved_at, instance: at})
    if previous is None:
        return state.with_notice(Notice(at, node, Severity.INFO, f"{node} holds VIP {vip}"))
    move = VipMove(at, instance, previous, node, unheard)
    counts = {**state.move_counts, instance: state.move_counts.get(instance, 0) + 1}
    state = replace(state, moves=(*state.moves[-(MOVES_KEPT - 1) :], move), move_counts=counts)
    silent = f"; {previous} is not heard" if unheard else ""
    return state.with_notice(Notice(at, node, Severity.WARNING, f"VIP {vip} moved {previous} -> {node}{silent}"))


# --- contests ---


def _decide(state: ClusterState, contest: Contest, now: float) -> ClusterState:
    holding = _holding(state, contest.instance, contest.nodes, now)
    if len(holding) < 2:
        return _over(state, contest, holding, now)
    split = split_owners(state, contest.instance, now)
    if split:
        return state if contest.split and split == contest.nodes else _split(state, contest, split, now)
    owners = {claim.node for claim in ownership(state, contest.instance, now).owners}
    silent = [state.nodes[name] for name in holding if name not in owners]
    # Of one that is heard, the next report will show whether it has let go.
    may_speak = any(node.link.state is LinkState.UP and node.freshness(now) is Freshness.LIVE for node in silent)
    if contest.split or not silent or may_speak:
        return state
    return _over(state, contest, tuple(name for name in holding if name in owners), now)


def _split(state: ClusterState, contest: Contest, nodes: tuple[str, ...], now: float) -> ClusterState:
    """It begins, or other nodes are in it now."""
    split = Split(
        contest.instance,
        nodes,
        contest.since,
        contest.found,
        tuple(name for name in nodes if is_astray(state, contest.instance, name)),
        before=contest.before,
    )
    state = _put(state, replace(contest, nodes=nodes, split=True))
    earlier = tuple(s for s in state.splits if (s.since, s.instance) != (split.since, split.instance))
    state = replace(state, splits=(*earlier[-(SPLITS_KEPT - 1) :], split))
    return state.with_notice(Notice(now, None, Severity.CRITICAL, split_words(split, state)))


def _over(state: ClusterState, contest: Contest, left: tuple[str, ...], now: float) -> ClusterState:
    """One has it, or none is seen to."""
    contests = {name: other for name, other in state.contests.items() if name != contest.instance}
    state = replace(state, contests=contests)
    # Those that were not seen to let go of it.
    unheard = tuple(
        name
        for name in contest.nodes
        if name not in left
        and (isinstance(state.nodes[name].addresses, Unknown) or _holds(state, contest.instance, name))
    )
    if not contest.split:
        alone = len(left) == 1 and left[0] != contest.before
        return _came(state, contest.instance, left[0], contest.since, unheard=bool(unheard)) if alone else state

    splits = tuple(
        replace(split, ended_at=now, left=left, unheard=unheard)
        if split.instance == contest.instance and split.ended_at is None
        else split
        for split in state.splits
    )
    state = replace(state, splits=splits)
    if len(left) == 1:
        owners = {**state.last_owner, contest.instance: left[0]}
        came = {contest.instance: contest.since} if left[0] != contest.before else {}
        state = replace(state, last_owner=owners, moved_at={**state.moved_at, **came})
    over = [split for split in state.splits if split.instance == contest.instance][-1]
    severity = Severity.WARNING if unheard else Severity.INFO
    return state.with_notice(Notice(now, None, severity, split_end_words(over, state)))


# --- small questions ---


def _holding(state: ClusterState, instance: str, names: Iterable[str], now: float) -> tuple[str, ...]:
    """Those whose kernel was last seen to hold it, unless that was too long ago to count."""
    seen = (name for name in names if state.nodes[name].freshness(now) is not Freshness.UNKNOWN)
    return tuple(name for name in seen if _holds(state, instance, name))


def _holds(state: ClusterState, instance: str, node: str) -> bool:
    held = state.nodes[node].addresses
    return isinstance(held, Known) and _address(state, instance) in held.value


def is_astray(state: ClusterState, instance: str, node: str) -> bool:
    """Its keepalived is known not to be MASTER, whatever its kernel has."""
    report = state.nodes[node].vrrp[instance]
    return isinstance(report, Known) and report.value.state is not VrrpState.MASTER


def _address(state: ClusterState, instance: str) -> str:
    return state.profile.vrrp[instance].address


def _put(state: ClusterState, contest: Contest) -> ClusterState:
    return replace(state, contests={**state.contests, contest.instance: contest})


def _ordered(state: ClusterState, names: Iterable[str]) -> tuple[str, ...]:
    wanted = set(names)
    return tuple(name for name in state.nodes if name in wanted)
