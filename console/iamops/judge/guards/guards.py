"""The guards: each looks at a plan and the observed state and answers with reasons why not. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from iamops.judge.guards import drills, nodes, services, vip
from iamops.plan.denial import Denial, GuardContext

Guard = Callable[[GuardContext], Iterator[Denial]]

# In the order in which reasons are shown, but those that nobody can override come first.
GUARDS: tuple[Guard, ...] = (
    nodes.not_armed,
    nodes.unreachable,
    nodes.stale_evidence,
    services.stale_elsewhere,
    services.old_answers,
    nodes.not_known,
    nodes.safety_unread,
    vip.owner_in_doubt,
    vip.standby_unfit,
    vip.comes_unfit,
    vip.check_blind,
    nodes.locked,
    nodes.dead_man_armed,
    vip.priority_raised,
    vip.anti_flap,
    vip.preempts,
    services.datastore_spof,
    services.last_backend,
    services.dependency_down,
    services.last_backend_by_need,
    drills.last_backend_of_drill,
    drills.check_weighs,
    nodes.not_running,
    nodes.dead_man_too_short,
    drills.unsteady,
    drills.configured_apart,
    services.unloaded_changes,
    drills.disruptive,
)


def denials(case: GuardContext) -> tuple[Denial, ...]:
    """Every reason against the plan, those that nobody can override first."""
    found = dict.fromkeys(denial for guard in GUARDS for denial in guard(case))
    return tuple(sorted(found, key=lambda denial: denial.overridable))
