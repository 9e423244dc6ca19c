"""What a failing check does to a node: FAULT with weight 0, another priority with any other. Pure."""

from __future__ import annotations

from console.model.live import LiveCheck, LiveVrrp


def why_no_fault(node: str, live: LiveVrrp) -> str | None:
    """Why no check would put the node in FAULT; None: one would, or keepalived does not tell its checks."""
    if live.checks is None or any(check.weight == 0 for check in live.checks):
        return None
    if not live.checks:
        return f"keepalived on {node} tracks no check for {live.instance}"
    named = " and ".join(f"{check.name} has weight {check.weight}" for check in live.checks)
    return f"{named} on {node}: it changes the priority there, and nothing makes it a FAULT"


def why_it_stays(owner: str, own: LiveVrrp, taker: str, other: LiveVrrp) -> str | None:
    """Why the VIP would stay with an owner whose checks fail; None: it would go, or nobody can tell."""
    why = why_no_fault(owner, own)
    if why is None or own.checks is None or other.checks is None:
        return None
    if other.nopreempt:
        return f"{why}; with nopreempt {taker} does not take the VIP from a living owner"
    failing, well = _priority(own, own.checks, well=False), _priority(other, other.checks, well=True)
    if failing >= well:
        return f"{why}; at priority {failing} {owner} is still not below the {well} of {taker}"
    return None


def _priority(live: LiveVrrp, checks: tuple[LiveCheck, ...], *, well: bool) -> int:
    """A negative weight counts while the check fails, a positive one while it is content; 1 to 254 in all."""
    counted = sum(check.weight for check in checks if (check.weight > 0) is well)
    return min(254, max(1, live.priority + counted))
