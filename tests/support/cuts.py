"""Every command of every action that stops something is a place where a run can be cut."""

from __future__ import annotations

import asyncio

from iamops.judge.run import Outcome
from iamops.plan.action import Action, RollingRestart, ServiceAction, Switchover, UnitVerb
from tests.support.pair import RESTART_BACKEND, Bench, run

STOPPING: tuple[Action, ...] = (
    Switchover(),
    Switchover(plain=True),
    RESTART_BACKEND,
    ServiceAction(UnitVerb.RESTART, "nginx", "iam-a"),
    ServiceAction(UnitVerb.RESTART, "keepalived", "iam-a"),
    ServiceAction(UnitVerb.STOP, "keepalived", "iam-a"),
    ServiceAction(UnitVerb.STOP, "nginx", "iam-b"),
    RollingRestart("iam-authz-server"),
    RollingRestart("keepalived"),
)


def commands(action: Action) -> int:
    """How many commands an undisturbed run sends: every one of them is a place to be cut."""
    bench = Bench()
    report = asyncio.run(run(bench, action))
    assert report.outcome is Outcome.SUCCEEDED, report.sentence
    return len(bench.hands.sent)


CUTS = [(action, at) for action in STOPPING for at in range(commands(action))]
