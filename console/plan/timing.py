"""VRRP's timing theory: what a move must cost at least, and may cost at most. Times in seconds.

It is asked with what keepalived runs with (`plan/live.py`), never with a profile.
"""

from __future__ import annotations

from console.model.live import LiveVrrp

# RFC 5798 keeps 255 for the address's owner, so this is the highest a router can be raised to.
HIGHEST_PRIORITY = 254
LOST_ADVERTS = 3


def skew_s(priority: int, live: LiveVrrp) -> float:
    """How long a backup waits after the master's farewell (RFC 3768 6.1, RFC 5798 6.1).

    Version 2 counts in whole seconds whatever the advert interval is; version 3 in adverts.
    """
    unit_s = 1.0 if live.version == 2 else live.advert_interval_s
    return (256 - priority) / 256 * unit_s


def master_down_s(priority: int, live: LiveVrrp) -> float:
    """How long a backup waits after the last advert it heard, when no farewell came."""
    return LOST_ADVERTS * live.advert_interval_s + skew_s(priority, live)


def preempted_s(priority: int, live: LiveVrrp) -> float:
    """How long a node that may preempt leaves a master of a lower priority alone, at most.

    Its `preempt_delay` begins with the first advert that it hears of it.
    """
    delay_s = live.preempt_delay_s + live.advert_interval_s if live.preempt_delay_s else 0.0
    return delay_s + master_down_s(priority, live)


def outvoted_s(own: LiveVrrp, priority: int, live: LiveVrrp) -> float:
    """How long after its check's failure an owner may keep the VIP: none in FAULT. A weight leaves it MASTER until
    the taker, whose priority this is, preempts.
    """
    return preempted_s(priority, live) if any(check.weight for check in own.known_checks) else 0.0


def check_window_s(live: LiveVrrp) -> tuple[float, float]:
    """From a stopped nginx to its check's failure: the shortest and the longest time. A stopped one fails at once,
    so no timeout of the check is part of it. Which of several asks nginx is not known. Without any: never (0, 0).
    """
    checks = live.known_checks
    return (
        min((float((check.fall - 1) * check.interval_s) for check in checks), default=0.0),
        max((float(check.fall * check.interval_s) for check in checks), default=0.0),
    )


def decision_s(live: LiveVrrp) -> float:
    """How long a check that never succeeds again may take to become a FAULT, however it fails."""
    return max((check.fall * check.interval_s + check.timeout_s for check in live.known_checks), default=0.0)


def rises_s(live: LiveVrrp) -> float:
    """How long keepalived may take to see that what its checks ask is well again."""
    return max(
        (float(check.rise * check.interval_s + check.timeout_s) for check in live.known_checks), default=0.0
    )


def falls_at_once(live: LiveVrrp, within_s: float) -> bool:
    """May a check act on a failure that lasts no longer than that?"""
    return bool(live.known_checks) and check_window_s(live)[0] < within_s
