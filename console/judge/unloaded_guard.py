"""The guard against files that nobody pushed: what a daemon would load is compared before it is made to. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from console.judge.denial import Case, Denial
from console.model.observed import Unknown
from console.model.proxy import Unloaded
from console.plan.action import ConfigPush, DrainedRestart
from console.plan.pieces import control
from console.plan.steps import Kind

CODE = "unloaded-changes"
READS_FILES = ("start", "restart", "reload")
PUSH = "`iamops config push` is the way"


def unloaded_changes(case: Case) -> Iterator[Denial]:
    """A daemon that reads its files again takes whatever lies there, whoever put it there.

    A push brings its own files and checks them.
    """
    if isinstance(case.plan.action, ConfigPush | DrainedRestart):
        return
    for unit, node in dict.fromkeys(_read_again(case)):
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
            yield Denial(CODE, f"{head}: {'; '.join(unloaded.differences)}; {PUSH}", True, node)


def _read_again(case: Case) -> Iterator[tuple[str, str]]:
    """The daemons that some step of the plan makes read their files, each with its node."""
    profile = case.state.profile
    for unit in (profile.keepalived.unit, profile.nginx.unit):
        argvs = [control(verb, unit) for verb in READS_FILES]
        yield from ((unit, step.node) for step in case.plan.steps if step.kind is Kind.DO and step.argv in argvs)
