"""The guard against files that nobody pushed: what a daemon would load is compared before it is made to. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from console.judge.denial import Case, Denial
from console.model.observed import Unknown
from console.model.proxy import Unloaded
from console.plan.action import Action, ConfigPush, DrainedRestart
from console.plan.loads import loads

CODE = "unloaded-changes"
PUSH = "`iamops config push` is the way"


def unloaded_changes(case: Case) -> Iterator[Denial]:
    """A daemon that reads its files again takes whatever lies there, whoever put it there.

    A push and a drained restart bring files of their own, which are checked; what else lies there would be loaded
    with them, and loaded again by what takes them back.
    """
    for unit, node in loads(case.plan, case.state.profile):
        seen = case.state.nodes[node].files
        if isinstance(seen, Unknown):
            yield Denial(CODE, f"what {unit} on {node} would load is not known: {seen.reason}", True, node)
            continue
        unloaded, own = seen.value.unloaded.get(unit, Unloaded()), _brought(case.plan.action, node)
        if own is None:
            yield from _of_all(case, unit, node, unloaded)
        elif stray := [path for path in unloaded.files if path not in own]:
            head = f"{unit} on {node} would load files that this does not replace, and that it may not have loaded"
            yield Denial(CODE, f"{head}: {', '.join(stray)}; remove them, or load them first", True, node)


def _brought(action: Action, node: str) -> frozenset[str] | None:
    """The files that an action puts in place, or finds as it wants them; None: it brings none."""
    match action:
        case ConfigPush():
            return action.changes[node].settled
        case DrainedRestart():
            each = [changes[node].settled for changes in action.drained.values() if node in changes]
            return frozenset.intersection(*each) if each else frozenset()
        case _:
            return None


def _of_all(case: Case, unit: str, node: str, unloaded: Unloaded) -> Iterator[Denial]:
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
