"""A plan and a run as JSON documents, and how a run ends as an exit code."""

from __future__ import annotations

import json

import pytest

from iamops.judge.run import Outcome, RestoredBy, RunReport, Stage, StepReport
from iamops.model.events import SafetyReported
from iamops.model.exit_code import ExitCode
from iamops.model.facts import SafetyReport
from iamops.plan.action import Switchover
from iamops.plan.build import plan_for
from iamops.plan.denial import Denial
from iamops.plan.steps import Step, StepKind
from iamops.report.run import exit_code, plan_document, refusal_code, run_document
from tests.support.cluster_states import NOW, fed, healthy

WITH_TRACK_FILE = [SafetyReported(NOW, node, SafetyReport((), None, ("VI_1",))) for node in ("iam-a", "iam-b")]


def test_the_plan_is_one_json_document():
    plan = plan_for(Switchover(), fed(healthy(), WITH_TRACK_FILE), NOW)
    assert json.loads(json.dumps(plan_document(plan)))["schema"] == "iamops.plan/1"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"outcome": Outcome.SUCCEEDED}, ExitCode.OK),
        ({"outcome": Outcome.FAILED}, ExitCode.CHECK_FAILED),
        ({"outcome": Outcome.UNKNOWN}, ExitCode.UNKNOWN),
        ({}, ExitCode.UNKNOWN),
        ({"outcome": Outcome.REFUSED, "denials": (Denial("locked", "x"),)}, ExitCode.REFUSED),
        (
            {"outcome": Outcome.FAILED, "interrupted": True, "restored_by": RestoredBy.CONSOLE},
            ExitCode.INTERRUPTED,
        ),
        (
            {"outcome": Outcome.FAILED, "interrupted": True, "restored_by": RestoredBy.NOBODY},
            ExitCode.CHECK_FAILED,
        ),
    ],
)
def test_0_is_only_ever_a_success_and_130_promises_that_all_is_as_before(changes: dict, code: ExitCode):
    assert exit_code(RunReport("r1", Switchover(), NOW, **changes)) is code


def test_a_node_that_cannot_be_reached_is_another_refusal():
    assert (
        refusal_code([Denial("locked", "x"), Denial("node-unreachable", "y", node="iam-b")])
        is ExitCode.UNREACHABLE
    )
    assert refusal_code([]) is ExitCode.REFUSED


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
    document = json.loads(json.dumps(run_document(report, "lab", exit_code(report))))
    assert (document["schema"], document["exit_code"], document["duration_s"]) == ("iamops.run/1", 1, 2.0)
    assert [(each["title"], each["took_s"]) for each in document["steps"]] == [("stop keepalived", 1.25)]
    assert document["not_undone"] == ["stop keepalived"]
    assert (document["plan"], document["client"]) == (None, None)
