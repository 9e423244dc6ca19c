"""What must hold throughout a drill, and what is not known of it."""

from __future__ import annotations

from dataclasses import replace

from iamops.judge.drill.evidence import SAME_CONFIG, invariants
from iamops.judge.drill.report import FailureKind
from iamops.session.drills.files import load_drill
from tests.support.drill_samples import LIVE, T, address, course, keepalived_stop
from tests.support.judged_drills import judged

STOP = load_drill("keepalived-stop")


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
