"""VRRP's timing theory: what a move must cost at least, and may cost at most. Times in seconds."""

from __future__ import annotations

from console.model.profile import VrrpInstance

# RFC 5798 keeps 255 for the address's owner, so this is the highest a router can be raised to.
HIGHEST_PRIORITY = 254
LOST_ADVERTS = 3


def skew_s(priority: int, instance: VrrpInstance) -> float:
    """How long a backup waits after the master's farewell (RFC 3768 6.1, RFC 5798 6.1).

    Version 2 counts in whole seconds whatever the advert interval is; version 3 in adverts.
    """
    unit_s = 1.0 if instance.version == 2 else instance.advert_interval_s
    return (256 - priority) / 256 * unit_s


def master_down_s(priority: int, instance: VrrpInstance) -> float:
    """How long a backup waits after the last advert it heard, when no farewell came."""
    return LOST_ADVERTS * instance.advert_interval_s + skew_s(priority, instance)


def check_window_s(instance: VrrpInstance) -> tuple[float, float]:
    """From a stopped nginx to FAULT: the shortest and the longest time. A stopped one fails at once, so
    no timeout of the check is part of it.
    """
    check = instance.check
    return float((check.fall - 1) * check.interval_s), float(check.fall * check.interval_s)


def decision_s(instance: VrrpInstance) -> float:
    """How long a check that never succeeds again may take to become a FAULT, however it fails."""
    return check_window_s(instance)[1] + instance.check.timeout_s
