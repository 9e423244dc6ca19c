"""What a failing check does to a node: FAULT with weight 0, another priority with any other. Pure.

Which of several checks asks nginx is not known: what nginx's end does is known only where all would do the same.
"""

from __future__ import annotations

from typing import NamedTuple

from console.model.live import LiveCheck, LiveVrrp
from console.model.state import ClusterState
from console.plan.live import tells_checks, vrrp_on

Checks = tuple[LiveCheck, ...]


def why_no_fault(node: str, live: LiveVrrp) -> str | None:
    """Why a failing check may not put the node in FAULT; None: each would, or keepalived tells none."""
    if live.checks is None:
        return None
    if not live.checks:
        return f"keepalived on {node} tracks no check for {live.instance}"
    weighted = tuple(check for check in live.checks if check.weight)
    return _said(node, live.checks, weighted) if weighted else None


def why_it_stays(owner: str, own: LiveVrrp, taker: str, other: LiveVrrp) -> str | None:
    """Why the VIP would stay with an owner whose checks fail; None: it may go, or nobody can tell."""
    if own.checks is None or other.checks is None:
        return None
    if not own.checks:
        return why_no_fault(owner, own)
    stays = len(_leaving(own, other)) == len(own.checks) and _stays(own, own.checks, other)
    return _why(owner, own, taker, other, own.checks) if stays else None


def why_it_may_stay(owner: str, own: LiveVrrp, taker: str, other: LiveVrrp) -> str | None:
    """Why nobody can tell whether it would go: some of several checks would leave it; None: see `why_it_stays`."""
    if not own.checks or other.checks is None:
        return None
    leaving = _leaving(own, other)
    each = [(check,) for check in leaving]
    open_ = bool(leaving) and (len(leaving) < len(own.checks) or not _stays(own, own.checks, other))
    return _why(owner, own, taker, other, *each) if open_ else None


class Staying(NamedTuple):
    """Why a VIP stays with an owner that answers nobody. `known` False: it may."""

    reason: str
    known: bool


def of_leaving(state: ClusterState, instance: str, owner: str, taker: str) -> Staying | None:
    """What speaks against a VIP leaving an owner without nginx; None: it goes, or no check is told."""
    if not tells_checks(state, owner, instance):
        return None
    address = state.profile.vrrp[instance].address
    own, other = (vrrp_on(state, node, instance) for node in (owner, taker))
    why = why_it_stays(owner, own, taker, other)
    if why and not (own.checks and other.assumed):
        return Staying(f"VIP {address} would stay on {owner}, where nobody answers: {why}", known=True)
    if why := why or why_it_may_stay(owner, own, taker, other):
        reason = f"whether VIP {address} would leave {owner}, where nobody answers, is not known: {why}"
        return Staying(reason, known=False)
    return None


def _leaving(own: LiveVrrp, other: LiveVrrp) -> tuple[LiveCheck, ...]:
    """The checks that, failing alone, would leave the VIP where it is."""
    return tuple(check for check in own.known_checks if _stays(own, (check,), other))


def _stays(own: LiveVrrp, failing: Checks, other: LiveVrrp) -> bool:
    if any(check.weight == 0 for check in failing):
        return False
    return bool(other.nopreempt) or _priority(own, failing) >= _priority(other, ())


def _why(owner: str, own: LiveVrrp, taker: str, other: LiveVrrp, *failing: Checks) -> str:
    """Each of `failing` leaves the VIP there; told is the priority that is the closest to going."""
    head = _said(owner, own.known_checks, tuple(dict.fromkeys(check for each in failing for check in each)))
    if other.nopreempt:
        return f"{head}; with nopreempt {taker} does not take the VIP from a living owner"
    left, well = min(_priority(own, each) for each in failing), _priority(other, ())
    return f"{head}; at priority {left} {owner} is still not below the {well} of {taker}"


def _said(node: str, checks: Checks, weighted: Checks) -> str:
    named = " and ".join(f"{check.name} has weight {check.weight}" for check in weighted)
    if len(weighted) == len(checks):
        return f"{named} on {node}: it changes the priority there, and nothing makes it a FAULT"
    which = " and ".join(check.name for check in checks)
    return f"which of {which} on {node} asks nginx is not known, and {named}, which only changes the priority"


def _priority(live: LiveVrrp, failing: Checks) -> int:
    """A negative weight counts while the check fails, a positive one while it is content; 1 to 254 in all."""
    counted = sum(check.weight for check in live.known_checks if (check.weight < 0) is (check in failing))
    return min(254, max(1, live.priority + counted))
