"""A plan and a run as JSON documents."""

from __future__ import annotations

import json

from iamops.judge.run import Outcome, RunReport, Stage, StepReport
from iamops.model.events import SafetyReported
from iamops.model.facts import SafetyReport
from iamops.plan.action import Switchover
from iamops.plan.build import plan_for
from iamops.plan.steps import Step, StepKind
from iamops.report.run import plan_document, run_document
from tests.support.cluster_states import NOW, fed, healthy

WITH_TRACK_FILE = [SafetyReported(NOW, node, SafetyReport((), None, ("VI_1",))) for node in ("iam-a", "iam-b")]


def test_the_plan_is_one_json_document():
    plan = plan_for(Switchover(), fed(healthy(), WITH_TRACK_FILE), NOW)
    assert json.loads(json.dumps(plan_document(plan)))["schema"] == "iamops.plan/1"


def test_a_run_is_one_json_document_that_says_what_it_has_left():
    step = Step(StepKind.DO, "stop keepalived", "iam-a", ("true",), 5.0)
    report = RunReport(
        "r1",
        Switchover(),
        NOW,
        steps=(StepReport(step, Stage.DONE, NOW, NOW + 1.25, "keepalived is inactive"),),
        outcome=Outcome.FAILED,
        ended=NOW + 2,
    )
    document = json.loads(json.dumps(run_document(report, "lab")))
    assert (document["schema"], document["exit_code"], document["duration_s"]) == ("iamops.run/1", 1, 2.0)
    assert [(each["title"], each["took_s"]) for each in document["steps"]] == [("stop keepalived", 1.25)]
    assert document["not_undone"] == ["stop keepalived"]
    assert (document["plan"], document["client"]) == (None, None)
