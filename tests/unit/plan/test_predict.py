"""One sentence on what clients will notice: the gap, open connections, who serves meanwhile."""

from __future__ import annotations

from dataclasses import replace

import pytest

from iamops.model.events import HttpProbed, SafetyReported, Target
from iamops.model.facts import ProbeOutcome, ProbeReport, SafetyReport
from iamops.plan.action import Action, RollingRestart, ServiceAction, Switchover, UnitVerb
from iamops.plan.build import plan_for
from iamops.plan.predict import AFTERWARDS, IDLE_ARE_CLOSED, OPEN_ARE_CUT
from tests.support.cluster_states import NOW, OK, fed, healthy
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


STOP = ServiceAction(UnitVerb.STOP, "iam-apiserver", "iam-a")


def predicted(report: ProbeReport) -> str:
    state = fed(healthy(), [HttpProbed(NOW + 0.5, "iam-b", "iam-b", Target.SERVICE, "iam-apiserver", report)])
    return plan_for(STOP, state, NOW + 1).prediction


def test_a_peer_that_is_not_healthy_does_not_serve_meanwhile() -> None:
    assert "iam-b (healthy 0.5 s ago) serves meanwhile" in predicted(OK)
    told = predicted(replace(OK, outcome=ProbeOutcome.REFUSED))
    assert "serves meanwhile" not in told
    assert "nothing else serves it" in told


WITH_TRACK_FILE = [SafetyReported(NOW, node, SafetyReport((), None, ("VI_1",))) for node in ("iam-a", "iam-b")]


def test_the_prediction_names_the_gap_and_the_age_of_its_evidence():
    plan = plan_for(Switchover(), fed(healthy(), WITH_TRACK_FILE), NOW + 0.4)
    assert plan.prediction == (
        "VIP 10.0.4.99 moves iam-a -> iam-b, about 0.01 s (skew at priority 254); "
        "iam-b nginx was healthy 0.4 s ago"
    )
