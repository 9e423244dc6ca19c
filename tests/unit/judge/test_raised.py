"""Findings raised and resolved, as events."""

from __future__ import annotations

from dataclasses import replace

from iamops.judge.findings import About
from iamops.judge.triage.events import OVER_AFTER_S, ReportedFindings
from iamops.model.facts import Severity
from tests.unit.judge.triage_samples import AT, DARK, NO_GRANT, SPLIT

STALE = replace(SPLIT, code="stale-arp", title="the switch sends the VIP's packets elsewhere", explains=())


def texts(notices):
    return [each.text for each in notices]


def test_a_finding_is_told_when_it_comes_and_when_it_has_gone_for_a_while() -> None:
    told, said = ReportedFindings().step((NO_GRANT,), (), AT)
    assert texts(said) == [f"found: {NO_GRANT.title}"]
    told, said = told.step((NO_GRANT,), (), AT + 1)
    assert said == ()
    told, said = told.step((), (), AT + 60)
    assert said == (), "it may be back in a moment"
    told, (over,) = told.step((), (), AT + 60 + OVER_AFTER_S)
    assert (over.text, over.severity, over.at) == (f"over after 60 s: {NO_GRANT.title}", Severity.INFO, AT + 60)
    assert told.step((), (), AT + 90) == (ReportedFindings(), ())


def test_what_comes_and_goes_within_a_moment_is_one_finding() -> None:
    told, _ = ReportedFindings().step((NO_GRANT,), (), AT)
    for second in range(1, 20):
        told, said = told.step((NO_GRANT,) if second % 2 else (), (), AT + second)
        assert said == ()


def test_symptoms_are_told_with_their_cause_and_one_that_gets_a_cause_is_not_over() -> None:
    told, said = ReportedFindings().step((DARK,), (), AT)
    assert texts(said) == [f"found: {DARK.title}"]
    told, said = told.step((replace(STALE, explains=(DARK,)),), (), AT + 5)
    assert texts(said) == [f"found: {STALE.title} (explains 1 more)"]
    _, said = told.step((replace(STALE, explains=(DARK,)),), (), AT + 20)
    assert said == ()


def test_what_nobody_sees_any_more_is_not_over() -> None:
    told, _ = ReportedFindings().step((NO_GRANT, STALE), (), AT)
    told, said = told.step((), ("iam-b",), AT + 100)
    told, said = told.step((), ("iam-b",), AT + 200)
    assert said == ()
    told, said = told.step((), (), AT + 201)
    _, said = told.step((), (), AT + 201 + OVER_AFTER_S)
    assert len(said) == 2


def test_a_number_that_moves_makes_no_new_finding_and_two_units_of_a_node_are_two() -> None:
    full = replace(NO_GRANT, code="disk-full", title="disk of iam-b is 91 % full")
    told, _ = ReportedFindings().step((full,), (), AT)
    assert told.step((replace(full, title="disk of iam-b is 92 % full"),), (), AT + 1)[1] == ()
    nginx, keepalived = (replace(NO_GRANT, about=About(unit=unit)) for unit in ("nginx", "keepalived"))
    assert len(ReportedFindings().step((nginx, keepalived), (), AT)[1]) == 2


def test_a_split_brain_is_an_event_already_and_the_worst_stands_first() -> None:
    told, said = ReportedFindings().step((replace(SPLIT, explains=()), STALE, NO_GRANT), (), AT)
    assert texts(said) == [f"found: {NO_GRANT.title}", f"found: {STALE.title}"], "the newest event stands first"
    assert told.step((STALE, NO_GRANT), (), AT + 60)[1] == ()


def test_information_is_no_event() -> None:
    assert ReportedFindings().step((replace(NO_GRANT, severity=Severity.INFO),), (), AT)[1] == ()
