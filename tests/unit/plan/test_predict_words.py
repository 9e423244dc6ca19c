"""A prediction says of nobody that he serves who is known not to."""

from __future__ import annotations

from dataclasses import replace

from iamops.model.events import HttpProbed, Target
from iamops.model.facts import ProbeOutcome, ProbeReport
from iamops.plan.action import ServiceAction, UnitVerb
from iamops.plan.build import plan_for
from tests.support.cluster_states import NOW, OK, fed, healthy

STOP = ServiceAction(UnitVerb.STOP, "iam-apiserver", "iam-a")


def predicted(report: ProbeReport) -> str:
    state = fed(healthy(), [HttpProbed(NOW + 0.5, "iam-b", "iam-b", Target.SERVICE, "iam-apiserver", report)])
    return plan_for(STOP, state, NOW + 1).prediction


def test_a_peer_that_is_not_healthy_does_not_serve_meanwhile() -> None:
    assert "iam-b (healthy 0.5 s ago) serves meanwhile" in predicted(OK)
    told = predicted(replace(OK, outcome=ProbeOutcome.REFUSED))
    assert "serves meanwhile" not in told
    assert "nothing else serves it" in told
