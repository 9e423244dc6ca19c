"""What keepalived on a node runs with: the one place where plans, guards and forecasts ask for it. Pure.

What it tells comes first. The profile says what it should be, and stands in only where nobody tells: `assumed`.
"""

from __future__ import annotations

from dataclasses import replace

from console.model.live import LiveVrrp
from console.model.observed import Known
from console.model.state import ClusterState


def told_on(state: ClusterState, node: str, instance: str) -> LiveVrrp | None:
    """What keepalived tells of the instance, or the files of a stopped one say; None: neither does."""
    files = state.nodes[node].files
    return files.value.live.get(instance) if isinstance(files, Known) else None


def vrrp_on(state: ClusterState, node: str, instance: str) -> LiveVrrp:
    """The same, with the profile's word for what is not told, which `assumed` says."""
    return filled(state, node, instance, told_on(state, node, instance))


def filled(state: ClusterState, node: str, instance: str, told: LiveVrrp | None) -> LiveVrrp:
    """What was told, with the profile's word for the rest."""
    profiled = pushed_on(state, node, instance)
    if told is None:
        return profiled
    if told.nopreempt is None:
        told = replace(told, nopreempt=profiled.nopreempt, assumed=True)
    return told if told.checks is not None else replace(told, checks=profiled.checks, assumed=True)


def pushed_on(state: ClusterState, node: str, instance: str) -> LiveVrrp:
    """What keepalived would run with after a push: what the profile says."""
    return LiveVrrp.of_profile(state.profile.vrrp[instance], state.profile.nodes[node])


def all_on(state: ClusterState, node: str) -> tuple[LiveVrrp, ...]:
    """Every instance of the node."""
    return tuple(vrrp_on(state, node, name) for name in state.profile.vrrp)


def all_pushed(state: ClusterState) -> tuple[LiveVrrp, ...]:
    """Every instance of every node after a push to all of them."""
    return tuple(pushed_on(state, node, name) for node in state.profile.nodes for name in state.profile.vrrp)


def tells_preemption(state: ClusterState, node: str, instance: str) -> bool:
    """Is it known whether the node takes a VIP from a master of a lower priority?"""
    told = told_on(state, node, instance)
    return told is not None and told.nopreempt is not None


def tells_checks(state: ClusterState, node: str, instance: str) -> bool:
    """Is it known which checks run, and how often?"""
    told = told_on(state, node, instance)
    return told is not None and told.checks is not None


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
