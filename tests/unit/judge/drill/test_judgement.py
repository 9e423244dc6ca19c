"""A drill that is over, judged: what was too slow or wrong, the verdict, and the report made of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from iamops.cli.drill.run import result_lines
from iamops.judge.drill.judgement import (
    FinishedDrill,
    drill_report,
    measures,
    notify_notes,
    sentence_of,
    verdict_of,
)
from iamops.judge.drill.report import DrillReport, DrillVerdict, FailureKind, Invariant, TimelineEntry
from iamops.judge.run import Outcome, RestoredBy, RunReport, Stage, StepReport
from iamops.model.outage import Hole, ProbeResult, ProbeRow, Segment, gap_report
from iamops.plan.action import DrillAction, Switchover
from iamops.plan.build import plan_for
from iamops.plan.steps import Step, StepKind
from iamops.report.drill import drill_document, junit, markdown
from iamops.session.drills.files import load_drill
from tests.support.cluster_states import NOW, healthy
from tests.support.drill_samples import BEGAN, LIVE, address, course, done, gap, keepalived_stop, report, state
from tests.support.judged_drills import judged

STOP = load_drill("keepalived-stop")
ROW = (Segment(ProbeResult.GOOD, "iam-a", 0.0, 1.0, 101), Segment(ProbeResult.GOOD, "iam-b", 31.0, 32.0, 101))
STEPS = (done("stop keepalived on iam-a", 0.1, 1.3, "it is"), done("start keepalived on iam-a", 1.4, 1.6, "it is"))
RUN = RunReport("r1", DrillAction(STOP), BEGAN, steps=STEPS, outcome=Outcome.SUCCEEDED, ended=BEGAN + 6.5)


def reported(run: RunReport = RUN, **changes: Any) -> DrillReport:
    finished = FinishedDrill(
        drill=STOP,
        who="ada@desk",
        run=run,
        began=BEGAN,
        now=BEGAN + 7,
        state=healthy(NOW),
        course=course(STOP),
        evidence=replace(keepalived_stop(), live_after=LIVE),
        timeline=(),
        nodes=(),
    )
    return drill_report(replace(finished, **changes))


def failed(*steps: StepReport, **changes: Any) -> RunReport:
    return replace(RUN, outcome=Outcome.FAILED, steps=steps, restored_by=RestoredBy.CONSOLE, **changes)


def test_a_drill_that_did_what_theory_allows_passes():
    report = reported()
    assert (report.verdict, report.failures) == (DrillVerdict.PASS, ())
    assert (report.run, report.who, report.duration_s) == ("r1", "ada@desk", 6.5)
    assert report.measures
    assert report.invariants


def test_what_nobody_looked_at_is_no_pass():
    report = reported(unread=("the notify log of iam-b",))
    assert report.verdict is DrillVerdict.UNKNOWN
    assert "interrupted before this was read: the notify log of iam-b" in report.notes[-1]


def test_a_step_without_its_effect_is_told_by_its_title():
    broken = StepReport(
        Step(StepKind.DO, "stop keepalived on iam-a", "iam-a", ("x",), 5.0), Stage.FAILED, text="no"
    )
    report = reported(failed(broken))
    assert report.verdict is DrillVerdict.FAIL
    assert FailureKind.STEP in [failure.kind for failure in report.failures]
    assert "stop keepalived on iam-a: no" in [failure.text for failure in report.failures]


def test_a_steady_state_that_does_not_return_is_a_kind_of_its_own():
    report = reported(failed(*STEPS, sentence="iam-b is in FAULT"))
    assert ("steady", "afterwards: iam-b is in FAULT") in [
        (failure.kind.value[:6], failure.text) for failure in report.failures
    ]


def test_a_drill_that_took_too_long_says_its_limit():
    report = reported(failed(*STEPS), timed_out=True)
    assert [failure.text for failure in report.failures if failure.kind is FailureKind.TIMEOUT] == [
        f"it took longer than {STOP.max_duration_s:.0f} s and was undone"
    ]


def test_an_interruption_comes_before_everything_else():
    report = reported(failed(*STEPS, interrupted=True))
    assert report.failures[0].kind is FailureKind.INTERRUPTED
    assert report.failures[0].text == "when 2 of 2 steps were done, and not undone"
    assert report.stays


def test_an_interruption_says_in_which_step_and_whether_all_is_as_before():
    running = replace(STEPS[0], stage=Stage.RUNNING, ended=None)
    assert (
        reported(failed(running, interrupted=True))
        .failures[0]
        .text.startswith("in 'stop keepalived on iam-a', and")
    )
    nothing = reported(failed(interrupted=True))
    assert nothing.failures[0].text == "when 0 of 0 steps were done, and undone"
    assert not nothing.stays


def test_a_drill_that_was_cut_by_its_own_limit_was_not_interrupted():
    report = reported(failed(*STEPS, interrupted=True), timed_out=True)
    assert not report.interrupted
    assert FailureKind.INTERRUPTED not in [failure.kind for failure in report.failures]


def test_the_steady_state_is_told_as_it_is_after_a_success_and_as_it_was_before_otherwise():
    plan = plan_for(DrillAction(STOP), healthy(NOW), NOW)
    after = reported(replace(RUN, plan=plan)).steady_state
    assert [each.name for each in after] == [each.sentence for each in plan.steady_state]
    assert after
    before = reported(failed(*STEPS, plan=plan)).steady_state
    assert [each.name for each in before] == [each.sentence for each in plan.before]
    assert reported().steady_state == ()


def test_the_notes_of_the_run_and_of_its_plan_are_kept():
    plan = replace(plan_for(DrillAction(STOP), healthy(NOW), NOW), notes=("of the plan",))
    assert reported(replace(RUN, notes=("of the run",), plan=plan)).notes[:2] == ("of the run", "of the plan")
    refused = replace(RUN, outcome=Outcome.REFUSED, steps=(), notes=("of the run",))
    assert reported(refused).notes == ("of the run",)


def test_a_refused_drill_measures_nothing():
    report = reported(RunReport("r1", DrillAction(STOP), BEGAN, outcome=Outcome.REFUSED, sentence="no"))
    assert (report.verdict, report.measures, report.invariants) == (DrillVerdict.REFUSED, (), ())


def test_the_timeline_has_the_clients_gaps_in_the_order_of_time():
    late = TimelineEntry(5.0, "iam-b", "kernel", "x")
    report = reported(timeline=(late, TimelineEntry(-1e6, "iam-a", "kernel", "first")))
    times = [entry.at_s for entry in report.timeline]
    assert times == sorted(times)
    assert "client" in [entry.witness for entry in report.timeline]


@pytest.mark.parametrize(("hole_s", "verdict"), [(0.2, DrillVerdict.PASS), (30.0, DrillVerdict.UNKNOWN)])
def test_a_drill_that_nobody_measured_for_half_a_minute_has_not_passed(hole_s: float, verdict: DrillVerdict):
    gap = gap_report([ProbeRow(tuple(ROW), 0.01)], holes=(Hole(1.0, 1.0 + hole_s, hole_s),))
    run = RunReport("4972991a", Switchover(), 0.0, outcome=Outcome.SUCCEEDED, sentence="as asked", gap=gap)
    assert verdict_of(run, ()) is verdict
    assert ("not measured for 30.0 s" in sentence_of(verdict, run, (), 0.0)) is (verdict is DrillVerdict.UNKNOWN)


def test_what_theory_allows_passes():
    assert judged(keepalived_stop()) == ()


def test_each_measure_stands_beside_its_budget_with_its_slack_and_path():
    found = {m.what: m for m in measures(course(STOP), keepalived_stop())}
    moved = found["VIP on iam-b"]
    assert (moved.measured_ms, moved.upper_ms, moved.path) == (830.0, 804.7, "farewell")
    assert moved.slack_ms == pytest.approx(224.7)
    assert found["client outage"].measured_ms == 810.0
    assert found["iam-a BACKUP"].holds


def test_a_move_without_farewell_is_told_by_its_time():
    late = keepalived_stop(addresses=(address(0.12, "iam-a", False), address(3.6, "iam-b", True)))
    found = {m.what: m for m in measures(course(STOP), replace(late, step_runs=late.step_runs[:1]))}
    assert found["VIP on iam-b"].path == "timeout"


def test_a_slow_move_is_over_budget_and_not_wrong():
    slow = keepalived_stop(gaps=(gap(0.125, 1.25),))
    (failure,) = judged(slow)
    assert failure.kind is FailureKind.OVER_BUDGET
    assert "1250 ms; 805 ms allowed by vrrp.skew, and 250 ms for the way" in failure.text


def test_a_vip_that_never_comes_is_wrong_and_not_slow():
    never = keepalived_stop(addresses=(address(0.12, "iam-a", False),), states=(state(1.5, "iam-a", "BACKUP"),))
    kinds = {failure.kind for failure in judged(never)}
    assert FailureKind.WRONG_TRANSITION in kinds
    assert FailureKind.OVER_BUDGET not in kinds


def test_preemption_is_a_wrong_transition():
    seen = keepalived_stop()
    back = replace(
        seen,
        addresses=(*seen.addresses, address(2.4, "iam-b", False), address(2.41, "iam-a", True)),
        states=(*seen.states, state(2.4, "iam-b", "BACKUP"), state(2.41, "iam-a", "MASTER")),
    )
    texts = [f.text for f in judged(back) if f.kind is FailureKind.WRONG_TRANSITION]
    assert "the VIP went iam-a -> iam-b -> iam-a, instead of iam-a -> iam-b" in texts
    assert any("iam-a should have entered BACKUP and entered BACKUP, MASTER" in text for text in texts)


def test_a_missing_line_in_the_notify_log_is_its_own_kind():
    silent = keepalived_stop(notify={"iam-a": ("STOP", "BACKUP"), "iam-b": ()})
    (failure,) = judged(silent)
    assert failure.kind is FailureKind.NOTIFY
    assert failure.text == "the notify log of iam-b should say MASTER and says nothing"


def test_a_missing_notify_stop_is_only_noted():
    """Seen on the lab now and then: systemd ends the unit's last script before it has written."""
    silent = keepalived_stop(notify={"iam-a": ("BACKUP",), "iam-b": ("MASTER",)})
    assert judged(silent) == ()
    assert notify_notes(course(STOP), silent) == (
        "notify_stop was not written on iam-a: systemd may end keepalived's last script with it",
    )


def test_a_notify_log_that_cannot_be_read_is_no_pass():
    blind = keepalived_stop(notify={"iam-a": None, "iam-b": ("MASTER",)}, notify_reason={"iam-a": "no such file"})
    assert "cannot be read: no such file" in judged(blind)[0].text


@pytest.mark.parametrize(
    ("held", "line", "cell", "outcome"),
    [(True, "held", "yes", None), (False, "BROKEN", "NO", "failure"), (None, "not known", "not known", "skipped")],
)
def test_every_report_tells_not_known_from_held_and_from_broken(held, line, cell, outcome):
    told = report(invariants=(Invariant("the name", held, "the text"),))
    assert f"  {line}: the name: the text" in result_lines(told)
    assert f"| {cell} | the name | the text |" in markdown(told)
    assert (f'<{outcome} type="invariant" message="the text"' in junit(told)) is (outcome is not None)
    (kept,) = drill_document(told)["invariants"]
    assert kept["holds"] is held


def test_a_request_that_fails_where_none_may_is_the_clients():
    seen = keepalived_stop(gaps=(gap(0.125, 0.81), gap(3.0, 0.02, dark=2)))
    (failure,) = judged(seen)
    assert (failure.kind, failure.text) == (
        FailureKind.CLIENT,
        "2 requests failed after 'start keepalived on iam-a'; 0 may",
    )


def test_budgets_follow_what_the_nodes_run_with():
    slow = replace(LIVE["iam-b"], priority=1)
    assert judged(keepalived_stop(gaps=(gap(0.125, 1.2),), live_after=LIVE | {"iam-b": slow}), iam_b=slow) == ()


@pytest.mark.parametrize(
    ("counts", "others", "even"),
    [
        ({"iam-a": 5, "iam-b": 5}, 0, True),
        ({"iam-a": 6, "iam-b": 4}, 0, False),
        ({"iam-a": 6, "iam-b": 4}, 2, True),
        ({"iam-a": 10, "iam-b": 0}, 1, False),
    ],
)
def test_a_split_is_even_but_for_the_turns_that_strangers_took(counts, others, even):
    drill = load_drill("load-balance")
    said = {"service": "s", "sent": 10, "failed": 0, "backends": counts, "others": others, "unread": {}}
    seen = keepalived_stop()
    leg = replace(seen.step_runs[0], number=0, output={"iam.api": said})
    asked = replace(seen, step_runs=(leg,), addresses=(), states=(), gaps=(), notify={})
    assert (judged(asked, drill) == ()) is even


def test_a_split_that_cannot_be_proven_is_no_pass():
    said = {
        "sent": 10,
        "failed": 0,
        "backends": {"iam-a": None},
        "others": 0,
        "unread": {"iam-a": "Permission denied"},
    }
    seen = keepalived_stop()
    leg = replace(seen.step_runs[0], number=0, output={"iam.api": said})
    asked = replace(seen, step_runs=(leg,), addresses=(), states=(), gaps=(), notify={})
    assert "cannot be told: iam-a: Permission denied" in judged(asked, load_drill("load-balance"))[0].text
