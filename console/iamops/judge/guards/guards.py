"""The guards: each looks at a plan and the observed state and answers with reasons why not. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from iamops.judge.guards.drills import check_weighs, configured_apart, disruptive, last_backend_of_drill, unsteady
from iamops.judge.guards.nodes import (
    dead_man_armed,
    dead_man_too_short,
    locked,
    not_armed,
    not_known,
    not_running,
    safety_unread,
    stale_evidence,
    unreachable,
)
from iamops.judge.guards.services import (
    datastore_spof,
    dependency_down,
    last_backend,
    last_backend_by_need,
    old_answers,
    stale_elsewhere,
    unloaded_changes,
)
from iamops.judge.guards.vip import (
    anti_flap,
    check_blind,
    comes_unfit,
    owner_in_doubt,
    preempts,
    priority_raised,
    standby_unfit,
)
from iamops.plan.denial import Denial, GuardContext

Guard = Callable[[GuardContext], Iterator[Denial]]

# In the order in which reasons are shown, but those that nobody can override come first.
GUARDS: tuple[Guard, ...] = (
    not_armed,
    unreachable,
    stale_evidence,
    stale_elsewhere,
    old_answers,
    not_known,
    safety_unread,
    owner_in_doubt,
    standby_unfit,
    comes_unfit,
    check_blind,
    locked,
    dead_man_armed,
    priority_raised,
    anti_flap,
    preempts,
    datastore_spof,
    last_backend,
    dependency_down,
    last_backend_by_need,
    last_backend_of_drill,
    check_weighs,
    not_running,
    dead_man_too_short,
    unsteady,
    configured_apart,
    unloaded_changes,
    disruptive,
)


def denials(case: GuardContext) -> tuple[Denial, ...]:
    """Every reason against the plan, those that nobody can override first."""
    found = dict.fromkeys(denial for guard in GUARDS for denial in guard(case))
    return tuple(sorted(found, key=lambda denial: denial.overridable))
