"""The guard against files that nobody pushed: what a daemon would load is compared before it is made to. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

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
            reason = f"what {unit} on {node} would load is not known: {seen.reason}"
            yield Denial(CODE, reason, True, node, (unit,), known=False)
            continue
        unloaded, own = seen.value.unloaded.get(unit, Unloaded()), _brought(case.plan.action, node)
        if own is None:
            yield from _of_all(case, unit, node, unloaded)
        elif stray := [path for path in unloaded.files if path not in own]:
            head = f"{unit} on {node} would load files that this does not replace, and that it may not have loaded"
            reason = f"{head}: {', '.join(stray)}; remove them, or load them first"
            yield Denial(CODE, reason, True, node, _each(unit, stray))


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
        reason = f"{head}: {'; '.join(unloaded.conflicts)}; {PUSH}"
        yield Denial(CODE, reason, overridable, node, _each(unit, unloaded.conflicts))
    elif unloaded.differences:
        what = (*unloaded.differences, *unloaded.unknown)
        yield Denial(CODE, f"{head}: {'; '.join(what)}; {PUSH}", True, node, _each(unit, what))
    elif unloaded.unknown:
        head = f"whether {unit} on {node} would load other files than it runs with is not known"
        about = _each(unit, unloaded.unknown)
        yield Denial(CODE, f"{head}: {'; '.join(unloaded.unknown)}", True, node, about, known=False)


def _each(unit: str, found: Iterable[str]) -> tuple[str, ...]:
    """What lies in a file is told as it is there: other content is something else to insist on."""
    return tuple(f"{unit}: {each}" for each in found)
