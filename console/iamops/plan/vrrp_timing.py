"""VRRP's timing: what a move costs at least and at most, by what keepalived runs with. Times in seconds."""

from __future__ import annotations

from dataclasses import dataclass, replace

from iamops.model.drill import Bound
from iamops.model.observed import Known
from iamops.model.running import LiveCheck, LiveVrrp
from iamops.model.state import ClusterState
from iamops.plan.known import NotKnown

# RFC 5798 keeps 255 for the address's owner, so this is the highest a router can be raised to.
HIGHEST_PRIORITY = 254
LOST_ADVERTS = 3


def skew_s(priority: int, live: LiveVrrp) -> float:
    """How long a backup waits after the master's resignation (RFC 3768 6.1, RFC 5798 6.1).

    Version 2 counts in whole seconds whatever the advert interval is; version 3 in adverts.
    """
    unit_s = 1.0 if live.version == 2 else live.advert_interval_s
    return (256 - priority) / 256 * unit_s


def master_down_s(priority: int, live: LiveVrrp) -> float:
    """How long a backup waits after the last advert it received, when the master did not resign."""
    return LOST_ADVERTS * live.advert_interval_s + skew_s(priority, live)


def preempted_s(priority: int, live: LiveVrrp) -> float:
    """How long a node that may preempt leaves a master of a lower priority alone, at most.

    Its `preempt_delay` begins with the first advert that it receives from that master.
    """
    delay_s = live.preempt_delay_s + live.advert_interval_s if live.preempt_delay_s else 0.0
    return delay_s + master_down_s(priority, live)


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
    return max((float(c.rise * c.interval_s + c.timeout_s) for c in live.known_checks), default=0.0)


def falls_at_once(live: LiveVrrp, within_s: float) -> bool:
    """May a check act on a failure that lasts no longer than that?"""
    return bool(live.known_checks) and check_window_s(live)[0] < within_s


# What a check script itself takes to run, where it is answered: it is part of the time until it fails.
SCRIPT_S = 0.1


@dataclass(frozen=True, slots=True)
class Window:
    """From the earliest to the latest moment, in seconds."""

    lower_s: float
    upper_s: float

    def __add__(self, other: Window) -> Window:
        return Window(self.lower_s + other.lower_s, self.upper_s + other.upper_s)

    def times(self, factor: float) -> Window:
        return Window(self.lower_s * factor, self.upper_s * factor)


@dataclass(frozen=True, slots=True)
class Pair:
    """Who lets go and who takes over, with what they are really running with."""

    owner: LiveVrrp
    taker: LiveVrrp


def window(bound: Bound, pair: Pair, acted_on: LiveVrrp) -> Window:
    """The sum of its terms. `acted_on` is the node whose check script matters. Raises NotKnown."""
    total = Window(0.0, 0.0)
    for term in bound.terms:
        if term.name is None:
            total += Window(0.0, term.seconds)
        else:
            total += _term(term.name, pair, acted_on).times(term.factor)
    return total


def skew_of(live: LiveVrrp, priority: int | None = None) -> float:
    """Of its own priority, where no other is given."""
    return skew_s(live.priority if priority is None else priority, live)


def _term(name: str, pair: Pair, acted_on: LiveVrrp) -> Window:
    """One of the times that a drill may name. Raises NotKnown where it rests on a check that nobody knows."""
    advert_s, skew_s = pair.owner.advert_interval_s, skew_of(pair.taker)
    # The last advert came up to an interval before the owner fell silent.
    timeout = Window((LOST_ADVERTS - 1) * advert_s + skew_s, LOST_ADVERTS * advert_s + skew_s)
    match name:
        case "vrrp.skew":
            return Window(skew_s, skew_s)
        case "vrrp.raised":
            raised_s = skew_of(pair.taker, HIGHEST_PRIORITY)
            return Window(raised_s, raised_s)
        case "vrrp.timeout":
            return timeout
        case "vrrp.max":
            return Window(0.0, timeout.upper_s)
        case "vrrp.advert":
            return Window(0.0, advert_s)
    check = _deciding(acted_on)
    fault = Window((check.fall - 1) * check.interval_s, check.fall * check.interval_s + SCRIPT_S)
    match name:
        case "check.fault":
            return fault
        case "check.hang":
            return fault + Window(check.timeout_s, check.timeout_s)
        case "check.recover":
            return Window(0.0, check.rise * check.interval_s + SCRIPT_S)
    raise KeyError(name)


def _deciding(live: LiveVrrp) -> LiveCheck:
    """Of several checks the quickest to fail decides, of those that make a FAULT where there are any.

    Raises NotKnown where there is none, or keepalived does not tell.
    """
    if live.checks is None:
        raise NotKnown(f"how often keepalived runs the check of {live.instance} is not known: it does not tell")
    if not live.checks:
        raise NotKnown(f"when {live.instance} would fail cannot be told: keepalived tracks no check for it")
    faulting = [check for check in live.checks if check.weight == 0]
    return min(faulting or live.checks, key=lambda check: check.fall * check.interval_s)


# What keepalived on a node runs with. What it tells comes first; the profile stands in where it does not.


def vrrp_source(state: ClusterState, node: str, instance: str) -> LiveVrrp | None:
    """What keepalived tells of the instance, or the files of a stopped one say; None: neither does."""
    files = state.nodes[node].files
    return files.value.live.get(instance) if isinstance(files, Known) else None


def vrrp_on(state: ClusterState, node: str, instance: str) -> LiveVrrp:
    """The same, with the profile's values for what keepalived does not tell: then it is `assumed`."""
    return filled(state, node, instance, vrrp_source(state, node, instance))


def filled(state: ClusterState, node: str, instance: str, live: LiveVrrp | None) -> LiveVrrp:
    """What keepalived tells, with the profile's values for the rest."""
    profiled = pushed_on(state, node, instance)
    if live is None:
        return profiled
    if live.nopreempt is None:
        live = replace(live, nopreempt=profiled.nopreempt, assumed=True)
    return live if live.checks is not None else replace(live, checks=profiled.checks, assumed=True)


def pushed_on(state: ClusterState, node: str, instance: str) -> LiveVrrp:
    """What keepalived would run with after a push: what the profile says."""
    return LiveVrrp.of_profile(state.profile.vrrp[instance], state.profile.nodes[node])


def all_on(state: ClusterState, node: str) -> tuple[LiveVrrp, ...]:
    """Every instance of the node."""
    return tuple(vrrp_on(state, node, name) for name in state.profile.vrrp)


def all_pushed(state: ClusterState) -> tuple[LiveVrrp, ...]:
    """Every instance of every node after a push to all of them."""
    return tuple(pushed_on(state, node, name) for node in state.profile.nodes for name in state.profile.vrrp)


def reports_preemption(state: ClusterState, node: str, instance: str) -> bool:
    """Is it known whether the node takes a VIP from a master of a lower priority?"""
    live = vrrp_source(state, node, instance)
    return live is not None and live.nopreempt is not None


def reports_checks(state: ClusterState, node: str, instance: str) -> bool:
    """Is it known which checks run, and how often?"""
    live = vrrp_source(state, node, instance)
    return live is not None and live.checks is not None


def base_priority(state: ClusterState, instance: str, node: str) -> int:
    """What a keepalived counts whose check is content."""
    seen = state.nodes[node].vrrp[instance]
    if isinstance(seen, Known) and seen.value.priority is not None:
        return seen.value.priority
    return vrrp_on(state, node, instance).priority


def counted_priority(state: ClusterState, instance: str, node: str) -> int:
    """What keepalived counts in an election; where it does not tell, its base priority, or the profile's."""
    seen = state.nodes[node].vrrp[instance]
    if isinstance(seen, Known) and seen.value.effective_priority is not None:
        return seen.value.effective_priority
    return base_priority(state, instance, node)


def outvoted_s(state: ClusterState, instance: str, owner: str, taker: str) -> float:
    """How long after its check's failure an owner may keep the VIP: none in FAULT. A weight leaves it MASTER until
    the taker preempts.
    """
    if not any(check.weight for check in vrrp_on(state, owner, instance).known_checks):
        return 0.0
    return preempted_s(counted_priority(state, instance, taker), vrrp_on(state, taker, instance))


def leaves_within_s(state: ClusterState, instance: str, owner: str, taker: str | None) -> float:
    """How long a VIP may stay with an owner whose nginx has stopped."""
    noticed_s = check_window_s(vrrp_on(state, owner, instance))[1]
    return noticed_s if taker is None else noticed_s + outvoted_s(state, instance, owner, taker)
