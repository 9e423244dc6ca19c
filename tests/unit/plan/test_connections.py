"""A plan says what becomes of connections that are open, and so does its result: gaps are timed with new ones."""

from __future__ import annotations

import pytest

from console.plan.action import Action, RollingRestart, ServiceAction, Switchover, Verb
from console.plan.build import plan_for
from console.plan.connections import AFTERWARDS, IDLE_ARE_CLOSED
from console.plan.predict import OPEN_ARE_CUT
from tests.scenes import NOW, healthy
from tests.unit.engine.pair import Bench


@pytest.mark.parametrize(
    ("action", "told"),
    [
        (ServiceAction(Verb.RESTART, "nginx", "iam-a"), OPEN_ARE_CUT),
        (ServiceAction(Verb.RELOAD, "nginx", "iam-a"), IDLE_ARE_CLOSED),
        (ServiceAction(Verb.RESTART, "nginx", "iam-b"), None),  # nobody comes to the standby
        (ServiceAction(Verb.RELOAD, "nginx", "iam-b"), None),
        (RollingRestart("nginx"), OPEN_ARE_CUT),
        (Switchover(), OPEN_ARE_CUT),
        (ServiceAction(Verb.RESTART, "keepalived", "iam-b"), None),
        (ServiceAction(Verb.RESTART, "iam-apiserver", "iam-b"), None),
    ],
)
async def test_what_becomes_of_open_connections_is_said_before_and_after(action: Action, told: str | None):
    plan = plan_for(action, healthy(), NOW + 1)
    assert [note for note in plan.notes if note in AFTERWARDS] == ([told] if told else [])
    bench = Bench()
    report = await bench.engine.run(bench.order(action), lambda report: None)
    assert [note for note in report.notes if note in AFTERWARDS.values()] == ([AFTERWARDS[told]] if told else [])
