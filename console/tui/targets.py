"""What actions can be aimed at, in the words of the command line."""

from __future__ import annotations

from console.model.profile import Profile
from console.tui.actions import Situation

ROLLING = "--rolling"


def targets(profile: Profile) -> tuple[str, ...]:
    """Every unit of every node, as a command names them."""
    return tuple(f"{unit} {node}" for node in profile.nodes for unit in profile.actionable_units_on(node))


def rolling_targets(profile: Profile) -> tuple[str, ...]:
    """Every unit that runs on more than one node."""
    units = [unit for node in profile.nodes for unit in profile.actionable_units_on(node)]
    return tuple(f"{unit} {ROLLING}" for unit in dict.fromkeys(units) if units.count(unit) > 1)


def takers(profile: Profile) -> tuple[str, ...]:
    """Where a VIP can go: a node, or with several instances an instance and a node."""
    if len(profile.vrrp) == 1:
        return tuple(profile.nodes)
    return tuple(f"{instance} {node}" for instance in profile.vrrp for node in profile.nodes)


def named(profile: Profile, themes: tuple[str, ...]) -> Situation:
    """What can be named on the command line of this cluster, whatever the operator is doing."""
    return Situation(
        nodes=tuple(profile.nodes),
        themes=themes,
        units=targets(profile),
        rolling=rolling_targets(profile),
        takers=takers(profile),
    )
