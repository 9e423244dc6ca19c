"""What every form of a triage says: an all-clear only when nothing is blind, and each reason once."""

from __future__ import annotations

from dataclasses import replace

from iamops.judge.findings import Diagnosis
from iamops.judge.triage.summary import closing, not_evaluated_groups, unreachable
from tests.support.triage_samples import BLINDS, SILENT, Look, half_blind, healthy, troubled


def test_an_all_clear_is_only_said_when_nothing_is_blind() -> None:
    assert closing(healthy()) == "no findings: 5 rules asked; looked for 1.2 s"
    said = closing(half_blind())
    assert said.startswith("no findings among 5 rules; 2 could not be asked")
    assert "not looked into: iam-b" in said


def test_a_look_that_asked_nothing_is_no_all_clear() -> None:
    said = closing(Look(Diagnosis(())))
    assert "no findings" not in said
    assert "nothing is known to be well" in said


def test_findings_are_counted_with_what_they_explain() -> None:
    assert closing(troubled()).startswith("2 critical, 2 warning; 5 rules asked; 2 could not be asked")


def test_one_dead_node_is_one_reason_however_many_rules_it_blinds() -> None:
    (dark,) = not_evaluated_groups(BLINDS, {"iam-b": SILENT})
    assert dark.codes == ("nginx-hung", "disk-full")
    assert [each.node for each in not_evaluated_groups((), {"iam-b": SILENT})] == ["iam-b"]


def test_many_questions_that_one_node_leaves_open_are_told_by_their_numbers() -> None:
    other = replace(BLINDS[0], because="iam-b's addresses are not known")
    many = tuple(replace(BLINDS[0], code=f"code-{n}") for n in range(9))
    (dark,) = not_evaluated_groups((*many, other), {"iam-b": SILENT})
    assert dark.because == SILENT
    assert dark.questions.startswith("10 rules: code-0, code-1")


def test_unreachable_means_every_node() -> None:
    assert not unreachable(half_blind())
    assert unreachable(Look(Diagnosis(()), not_inspected={"iam-a": SILENT, "iam-b": SILENT}))
