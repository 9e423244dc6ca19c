"""The guard against files that nobody pushed: what a daemon would load is compared before it is made to. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from console.judge.denial import Case, Denial
from console.model.observed import Unknown
from console.model.proxy import Unloaded
from console.plan.action import ConfigPush, DrainedRestart
from console.plan.loads import loads

CODE = "unloaded-changes"
PUSH = "`iamops config push` is the way"


def unloaded_changes(case: Case) -> Iterator[Denial]:
    """A daemon that reads its files again takes whatever lies there, whoever put it there.

    A push brings its own files and checks them.
    """
    if isinstance(case.plan.action, ConfigPush | DrainedRestart):
        return
    for unit, node in loads(case.plan, case.state.profile):
        seen = case.state.nodes[node].files
        if isinstance(seen, Unknown):
            yield Denial(CODE, f"what {unit} on {node} would load is not known: {seen.reason}", True, node)
            continue
        unloaded = seen.value.unloaded.get(unit, Unloaded())
        head = f"{unit} on {node} would load other files than it runs with"
        if unloaded.conflicts:
            # Two masters are never wanted; a proxy that is broken anyway may be.
            overridable = unit == case.state.profile.nginx.unit
            yield Denial(CODE, f"{head}: {'; '.join(unloaded.conflicts)}; {PUSH}", overridable, node)
        elif unloaded.differences:
            what = (*unloaded.differences, *unloaded.unknown)
            yield Denial(CODE, f"{head}: {'; '.join(what)}; {PUSH}", True, node)
        elif unloaded.unknown:
            head = f"whether {unit} on {node} would load other files than it runs with is not known"
            yield Denial(CODE, f"{head}: {'; '.join(unloaded.unknown)}", True, node)
