"""Which daemons a plan makes read their files. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from console.model.profile import Profile
from console.plan.pieces import control
from console.plan.steps import Kind, Plan

READS_FILES = ("start", "restart", "reload")


def loads(plan: Plan, profile: Profile) -> Iterator[tuple[str, str]]:
    """keepalived's and nginx's units that some step starts, restarts or reloads, each once with its node."""
    for unit in (profile.keepalived.unit, profile.nginx.unit):
        argvs = [control(verb, unit) for verb in READS_FILES]
        steps = (step for step in plan.steps if step.kind is Kind.DO and step.argv in argvs)
        yield from ((unit, node) for node in dict.fromkeys(step.node for step in steps))
