"""A drill that is over, and the report made of what is known of it: passed, failed, timed out or interrupted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from iamops.judge.drill.judgement import FinishedDrill, drill_report
from iamops.judge.drill.report import DrillReport, DrillVerdict, FailureKind, TimelineEntry
from iamops.judge.run import Outcome, RestoredBy, RunReport, Stage, StepReport
from iamops.plan.action import DrillAction
from iamops.plan.build import plan_for
from iamops.plan.steps import Step, StepKind
from iamops.session.drills.files import load_drill
from tests.support.cluster_states import NOW, healthy
from tests.support.drill_samples import BEGAN, LIVE, course, done, keepalived_stop

DRILL = load_drill("keepalived-stop")
STEPS = (done("stop keepalived on iam-a", 0.1, 1.3, "it is"), done("start keepalived on iam-a", 1.4, 1.6, "it is"))
RUN = RunReport("r1", DrillAction(DRILL), BEGAN, steps=STEPS, outcome=Outcome.SUCCEEDED, ended=BEGAN + 6.5)


def judged(run: RunReport = RUN, **changes: Any) -> DrillReport:
    finished = FinishedDrill(
        drill=DRILL,
        who="ada@desk",
        run=run,
        began=BEGAN,
        now=BEGAN + 7,
        state=healthy(NOW),
        course=course(DRILL),
        evidence=replace(keepalived_stop(), live_after=LIVE),
        timeline=(),
        nodes=(),
    )
    return drill_report(replace(finished, **changes))


def failed(*steps: StepReport, **changes: Any) -> RunReport:
    return replace(RUN, outcome=Outcome.FAILED, steps=steps, restored_by=RestoredBy.CONSOLE, **changes)


def test_a_drill_that_did_what_theory_allows_passes():
    report = judged()
    assert (report.verdict, report.failures) == (DrillVerdict.PASS, ())
    assert (report.run, report.who, report.duration_s) == ("r1", "ada@desk", 6.5)
    assert report.measures
    assert report.invariants


def test_what_nobody_looked_at_is_no_pass():
    report = judged(unread=("the notify log of iam-b",))
    assert report.verdict is DrillVerdict.UNKNOWN
    assert "interrupted before this was read: the notify log of iam-b" in report.notes[-1]


def test_a_step_without_its_effect_is_told_by_its_title():
    broken = StepReport(
        Step(StepKind.DO, "stop keepalived on iam-a", "iam-a", ("x",), 5.0), Stage.FAILED, text="no"
    )
    report = judged(failed(broken))
    assert report.verdict is DrillVerdict.FAIL
    assert FailureKind.STEP in [failure.kind for failure in report.failures]
    assert "stop keepalived on iam-a: no" in [failure.text for failure in report.failures]


def test_a_steady_state_that_does_not_return_is_a_kind_of_its_own():
    report = judged(failed(*STEPS, sentence="iam-b is in FAULT"))
    assert ("steady", "afterwards: iam-b is in FAULT") in [
        (failure.kind.value[:6], failure.text) for failure in report.failures
    ]


def test_a_drill_that_took_too_long_says_its_limit():
    report = judged(failed(*STEPS), timed_out=True)
    assert [failure.text for failure in report.failures if failure.kind is FailureKind.TIMEOUT] == [
        f"it took longer than {DRILL.max_duration_s:.0f} s and was undone"
    ]


def test_an_interruption_comes_before_everything_else():
    report = judged(failed(*STEPS, interrupted=True))
    assert report.failures[0].kind is FailureKind.INTERRUPTED
    assert report.failures[0].text == "when 2 of 2 steps were done, and not undone"
    assert report.stays


def test_an_interruption_says_in_which_step_and_whether_all_is_as_before():
    running = replace(STEPS[0], stage=Stage.RUNNING, ended=None)
    assert (
        judged(failed(running, interrupted=True)).failures[0].text.startswith("in 'stop keepalived on iam-a', and")
    )
    nothing = judged(failed(interrupted=True))
    assert nothing.failures[0].text == "when 0 of 0 steps were done, and undone"
    assert not nothing.stays


def test_a_drill_that_was_cut_by_its_own_limit_was_not_interrupted():
    report = judged(failed(*STEPS, interrupted=True), timed_out=True)
    assert not report.interrupted
    assert FailureKind.INTERRUPTED not in [failure.kind for failure in report.failures]


def test_the_steady_state_is_told_as_it_is_after_a_success_and_as_it_was_before_otherwise():
    plan = plan_for(DrillAction(DRILL), healthy(NOW), NOW)
    after = judged(replace(RUN, plan=plan)).steady_state
    assert [each.name for each in after] == [each.sentence for each in plan.steady_state]
    assert after
    before = judged(failed(*STEPS, plan=plan)).steady_state
    assert [each.name for each in before] == [each.sentence for each in plan.before]
    assert judged().steady_state == ()


def test_the_notes_of_the_run_and_of_its_plan_are_kept():
    plan = replace(plan_for(DrillAction(DRILL), healthy(NOW), NOW), notes=("of the plan",))
    assert judged(replace(RUN, notes=("of the run",), plan=plan)).notes[:2] == ("of the run", "of the plan")
    refused = replace(RUN, outcome=Outcome.REFUSED, steps=(), notes=("of the run",))
    assert judged(refused).notes == ("of the run",)


def test_a_refused_drill_measures_nothing():
    report = judged(RunReport("r1", DrillAction(DRILL), BEGAN, outcome=Outcome.REFUSED, sentence="no"))
    assert (report.verdict, report.measures, report.invariants) == (DrillVerdict.REFUSED, (), ())


def test_the_timeline_has_the_clients_gaps_in_the_order_of_time():
    late = TimelineEntry(5.0, "iam-b", "kernel", "x")
    report = judged(timeline=(late, TimelineEntry(-1e6, "iam-a", "kernel", "first")))
    times = [entry.at_s for entry in report.timeline]
    assert times == sorted(times)
    assert "client" in [entry.witness for entry in report.timeline]
