"""What was seen during a drill, judged: passed, too slow, or wrong."""

from __future__ import annotations

from dataclasses import replace

import pytest

from iamops.cli.drill.run import result_lines
from iamops.judge.drill.report import FailureKind, Invariant
from iamops.judge.drill.verdict import measures, notify_notes
from iamops.report.drill import drill_document, junit, markdown
from iamops.session.drills.files import load_drill
from tests.support.drill_samples import LIVE, address, course, gap, keepalived_stop, report, state
from tests.support.judged_drills import judged

STOP = load_drill("keepalived-stop")


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
    (kept,) = drill_document(told, 0)["invariants"]
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
