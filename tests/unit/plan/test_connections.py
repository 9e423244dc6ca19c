"""A plan says what becomes of connections that are open, and so does its result: gaps are timed with new ones."""

from __future__ import annotations

import pytest

from iamops.plan.action import Action, RollingRestart, ServiceAction, Switchover, UnitVerb
from iamops.plan.build import plan_for
from iamops.plan.predict import AFTERWARDS, IDLE_ARE_CLOSED, OPEN_ARE_CUT
from tests.support.cluster_states import NOW, healthy
from tests.support.pair import Bench


@pytest.mark.parametrize(
    ("action", "told"),
    [
        (ServiceAction(UnitVerb.RESTART, "nginx", "iam-a"), OPEN_ARE_CUT),
        (ServiceAction(UnitVerb.RELOAD, "nginx", "iam-a"), IDLE_ARE_CLOSED),
        (ServiceAction(UnitVerb.RESTART, "nginx", "iam-b"), None),  # nobody comes to the standby
        (ServiceAction(UnitVerb.RELOAD, "nginx", "iam-b"), None),
        (RollingRestart("nginx"), OPEN_ARE_CUT),
        (Switchover(), OPEN_ARE_CUT),
        (ServiceAction(UnitVerb.RESTART, "keepalived", "iam-b"), None),
        (ServiceAction(UnitVerb.RESTART, "iam-apiserver", "iam-b"), None),
    ],
)
async def test_what_becomes_of_open_connections_is_said_before_and_after(action: Action, told: str | None):
    plan = plan_for(action, healthy(), NOW + 1)
    assert [note for note in plan.notes if note in AFTERWARDS] == ([told] if told else [])
    bench = Bench()
    report = await bench.engine.run(bench.order(action), lambda report: None)
    assert [note for note in report.notes if note in AFTERWARDS.values()] == ([AFTERWARDS[told]] if told else [])
