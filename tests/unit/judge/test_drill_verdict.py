"""What was seen during a drill, judged: passed, too slow, or wrong."""

from __future__ import annotations

from dataclasses import replace

import pytest

from iamops.cli.drill.run import result_lines
from iamops.judge.drill.evidence import SAME_CONFIG, invariants
from iamops.judge.drill.report import FailureKind, Invariant
from iamops.judge.drill.verdict import failures, measures, notify_notes
from iamops.model.drill import Drill
from iamops.report.drill import drill_document, junit, markdown
from iamops.session.drills.files import load_drill
from tests.unit.judge.drill_samples import LIVE, T, address, course, gap, keepalived_stop, report, state

STOP = load_drill("keepalived-stop")


def judged(evidence, drill: Drill = STOP, **live):
    way = course(drill, **live)
    return failures(way, evidence, measures(way, evidence))


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


def test_news_that_arrives_after_the_next_step_began_belongs_to_the_step_it_happened_in():
    seen = keepalived_stop()
    early = replace(seen, step_runs=(seen.step_runs[0], replace(seen.step_runs[1], began=T + 0.935)))
    assert judged(early) == ()


def test_two_owners_are_an_invariant_broken():
    seen = keepalived_stop()
    both = replace(seen, addresses=(*seen.addresses, address(4.0, "iam-a", True), address(5.5, "iam-a", False)))
    broken = {i.name: i for i in invariants(course(STOP), both) if not i.holds}
    assert "longest time with two owners: 1500 ms" in broken["never two owners"].text
    assert FailureKind.INVARIANT in {failure.kind for failure in judged(both)}


def test_nobody_for_longer_than_theory_is_an_invariant_broken():
    none = keepalived_stop(addresses=(address(0.12, "iam-a", False), address(1.25, "iam-b", True)))
    (broken,) = [i for i in invariants(course(STOP), none) if not i.holds]
    assert broken.text == "longest time without an owner: 1130 ms of 1055 ms"


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


def config_kept(evidence, **live):
    (kept,) = (i for i in invariants(course(STOP, **live), evidence) if i.name == SAME_CONFIG)
    return kept.holds, kept.text


def test_a_keepalived_that_does_not_tell_any_more_is_not_the_same_and_no_pass():
    silent = keepalived_stop(live_after={"iam-b": LIVE["iam-b"]})
    text = "what keepalived on iam-a runs with now is not known: it does not tell"
    assert config_kept(silent) == (None, text)
    assert [(failure.kind, failure.text) for failure in judged(silent)] == [(FailureKind.CONFIG, text)]


def test_what_was_not_told_before_is_not_compared_and_said_so():
    assumed = replace(LIVE["iam-a"], assumed=True)
    seen = keepalived_stop(live_after=LIVE | {"iam-a": replace(LIVE["iam-a"], priority=90)})
    text = "keepalived on iam-a did not tell before what it ran with: not compared"
    assert config_kept(seen, iam_a=assumed) == (None, text)
    assert judged(seen, iam_a=assumed) == ()


def test_a_changed_node_breaks_it_whatever_the_other_one_tells():
    changed = keepalived_stop(live_after={"iam-b": replace(LIVE["iam-b"], priority=90)})
    held, text = config_kept(changed)
    assert held is False
    assert text.startswith(
        "iam-b came back with priority 90 instead of 50; what keepalived on iam-a runs with now"
    )
    assert config_kept(keepalived_stop()) == (True, "every node runs with what it ran with before")


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
