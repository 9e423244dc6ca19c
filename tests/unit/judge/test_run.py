"""The account of a run: how it ended, what it left, and what a client lost beyond the forecast."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from iamops.judge.run import (
    Outcome,
    RestoredBy,
    RunReport,
    Stage,
    StepReport,
    UndoReport,
    beyond,
    drill_ending_of,
    ending_of,
    refusal_code,
    stage_word,
)
from iamops.model.exit_code import ExitCode
from iamops.model.outage import GapReport
from iamops.plan.action import ALLOWANCE_S, Switchover
from iamops.plan.denial import Denial
from iamops.plan.steps import Forecast, Step, StepKind, Undo

STOP = Step(StepKind.DO, "stop keepalived on iam-a", "iam-a", ("x",), 5.0, requires_undo="start-it")
START = Step(StepKind.DO, "start keepalived on iam-a", "iam-a", ("x",), 5.0, clears_undo="start-it")
UNDO = Undo("start-it", "start keepalived", "iam-a", ("x",), (), 5.0, 5.0, "iamops-dead-man-x")
RUN = RunReport("r1", Switchover(), 100.0)
GAP = GapReport(200, 190, 6, 4, 0, 0, (), (), 900.0, 900.0, "iam-b", 50.0)


def done(*steps: Step) -> tuple[StepReport, ...]:
    return tuple(StepReport(step, Stage.DONE, 100.0, 101.5) for step in steps)


def failed(*steps: Step, **rest) -> RunReport:
    return replace(RUN, outcome=Outcome.FAILED, steps=done(*steps), restored_by=RestoredBy.CONSOLE, **rest)


def test_a_step_tells_how_long_it_took_once_it_is_over():
    (report,) = done(STOP)
    assert (report.over, report.took_s, report.began_s(99.0)) == (True, 1.5, 1.0)
    assert (StepReport(STOP).over, StepReport(STOP).took_s, StepReport(STOP).began_s(99.0)) == (False, None, None)


def test_what_was_done_and_not_taken_back_stays():
    assert failed(STOP).not_undone == ("stop keepalived on iam-a",)
    assert failed(STOP, START).stays == ()
    assert failed(STOP, undone=(UndoReport(UNDO, Stage.DONE),)).stays == ()
    assert failed(STOP, undone=(UndoReport(UNDO, Stage.FAILED),)).stays == ("stop keepalived on iam-a",)


def test_a_change_that_needs_no_undo_stays_unless_it_ends_what_it_began():
    push = replace(STOP, title="reload nginx", requires_undo=None)
    assert failed(push).stays == ("reload nginx",)
    assert failed(replace(push, clears_undo="other")).stays == ()
    assert failed(replace(STOP, clears_undo="start-it"), undone=(UndoReport(UNDO, Stage.DONE),)).stays == (
        STOP.title,
    )


def test_a_run_that_succeeded_has_left_nothing_to_be_undone():
    assert replace(failed(STOP), outcome=Outcome.SUCCEEDED).not_undone == ()


def test_a_run_is_taken_back_only_if_somebody_did_and_nothing_stays():
    assert failed(STOP, START).taken_back
    assert not failed(STOP).taken_back
    assert not replace(failed(STOP, START), restored_by=RestoredBy.NOBODY).taken_back
    assert not failed(moved_vips=("the VIP of VI_1 is on iam-b, not on iam-a",)).taken_back
    assert replace(RUN, outcome=Outcome.REFUSED).taken_back


def test_a_run_that_was_interrupted_and_put_back_is_undone():
    assert failed(STOP, START, interrupted=True).ending == "undone"
    assert failed(STOP, interrupted=True).ending == "failed"
    assert RUN.ending == ""


@pytest.mark.parametrize(
    ("record", "word"),
    [
        ({}, ""),
        ({"outcome": "succeeded"}, "succeeded"),
        ({"outcome": "failed", "interrupted": True, "restored_by": "console"}, "undone"),
        ({"outcome": "failed", "interrupted": True, "restored_by": "nobody"}, "failed"),
        ({"outcome": "failed", "interrupted": True, "not_undone": ["x"]}, "failed"),
        ({"outcome": "failed", "interrupted": "yes"}, "failed"),
    ],
)
def test_a_ledgers_record_says_the_same(record: dict, word: str):
    assert ending_of(record) == word


def test_a_drills_report_says_how_it_ended():
    assert drill_ending_of({"verdict": "pass"}) == "passed"
    assert drill_ending_of({"verdict": "fail", "exit_code": 1}) == "failed"
    assert (
        drill_ending_of({"verdict": "unknown", "interrupted": True, "exit_code": ExitCode.INTERRUPTED}) == "undone"
    )
    assert [stage_word(each) for each in ("waiting", "running", "done")] == ["not done", "stopped", "done"]


def test_what_was_lost_beyond_the_forecast_is_one_sentence():
    said = beyond(GAP, Forecast(0.1, 5.0))
    assert said == ("a client got no good answer for 900 ms (6 refused, 4 unanswered); the forecast was 100 ms")


def test_a_forecast_holds_within_its_allowance_and_what_was_not_forecast_is_not_beyond():
    assert beyond(replace(GAP, total_ms=ALLOWANCE_S * 1000 + 50.0), Forecast(0.0, 5.0)) is None
    assert beyond(GAP, Forecast(None, 5.0)) is None


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
def test_0_is_only_ever_a_success_and_130_promises_that_all_is_as_before(changes: dict[str, Any], code: ExitCode):
    assert replace(RUN, **changes).exit_code is code


def test_a_node_that_cannot_be_reached_is_another_refusal():
    assert (
        refusal_code([Denial("locked", "x"), Denial("node-unreachable", "y", node="iam-b")])
        is ExitCode.UNREACHABLE
    )
    assert refusal_code([]) is ExitCode.REFUSED
