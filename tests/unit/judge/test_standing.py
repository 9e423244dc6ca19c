"""The live findings joined with those of a deep look."""

from __future__ import annotations

from dataclasses import replace

from iamops.judge.findings import Diagnosis
from iamops.judge.triage.events import earlier_inspection, inspection_only, standing, tally
from iamops.model.facts import Severity
from tests.unit.judge.triage_samples import AT, DARK, FLAPPING, NO_GRANT, SPLIT

LIVE_SPLIT = replace(SPLIT, explains=(), cause="")
LIVE = (LIVE_SPLIT, NO_GRANT)


def look(live=LIVE):
    return earlier_inspection(Diagnosis((SPLIT, NO_GRANT)), AT, live)


def test_without_a_look_the_live_findings_stand() -> None:
    assert standing(LIVE, None, AT) == LIVE


def test_the_looks_cause_and_symptoms_stay_with_a_finding_that_is_live() -> None:
    first, second = standing(LIVE, look(), AT)
    assert (first.code, first.cause) == ("split-brain", SPLIT.cause)
    assert [each.code for each in first.explains] == ["client-dark", "vip-flapping"]
    assert second == NO_GRANT


def test_evidence_of_the_live_state_is_the_newer_one() -> None:
    newer = replace(LIVE_SPLIT, evidence=(replace(SPLIT.evidence[0], age_s=0.1),))
    assert standing((newer,), look(), AT + 60)[0].evidence == newer.evidence


def test_what_only_the_look_could_tell_gets_older() -> None:
    first = standing(LIVE, look(), AT + 60)[0]
    flapping = first.explains[1]
    assert flapping.evidence[0].age_s == FLAPPING.evidence[0].age_s + 60


def test_what_the_live_state_no_longer_says_is_over() -> None:
    codes = [each.code for each in standing((NO_GRANT,), look(), AT + 5)]
    assert "split-brain" not in codes
    assert codes == ["client-dark", "datastore-host-not-allowed", "vip-flapping"]


def test_what_is_new_since_the_look_is_added_in_its_rank() -> None:
    new = replace(DARK, code="vip-nowhere")
    codes = [each.code for each in standing((*LIVE, new), look(), AT + 5)]
    assert codes == ["split-brain", "vip-nowhere", "datastore-host-not-allowed"]


def test_a_symptom_that_the_look_explained_is_not_told_twice() -> None:
    codes = [each.code for each in standing((*LIVE, DARK), look(), AT + 5)]
    assert codes == ["split-brain", "datastore-host-not-allowed"]


def test_a_cause_that_only_the_look_found_explains_what_is_live_since() -> None:
    deep = earlier_inspection(Diagnosis((replace(SPLIT, explains=()),)), AT, ())
    (root,) = standing((DARK,), deep, AT + 30)
    assert (root.code, [each.code for each in root.explains]) == ("split-brain", ["client-dark"])
    assert inspection_only((DARK,), deep) == {SPLIT.key}


def test_two_findings_of_one_code_and_node_stay_two() -> None:
    one, other = replace(NO_GRANT, title="keepalived is down"), replace(NO_GRANT, title="nginx is down")
    deep = earlier_inspection(Diagnosis((one, other)), AT, (one, other))
    assert {each.title for each in standing((one, other), deep, AT + 1)} == {one.title, other.title}


def test_what_is_counted_is_everything_that_is_told_and_information_for_itself() -> None:
    info = replace(NO_GRANT, severity=Severity.INFO)
    assert str(tally((SPLIT, NO_GRANT))) == "4"
    assert str(tally((SPLIT, info))) == "3 + 1 info"


def test_a_cause_is_only_as_loud_as_what_it_explains_now() -> None:
    cause = replace(SPLIT, severity=Severity.WARNING, explains=())
    (loud,) = standing((cause, DARK), None, AT)
    (calm,) = standing((cause,), earlier_inspection(Diagnosis(()), AT, (cause, DARK)), AT + 5)
    assert (loud.severity, calm.severity) == (Severity.CRITICAL, Severity.WARNING)
