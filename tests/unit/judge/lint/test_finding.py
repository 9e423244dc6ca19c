"""What lint says: where, how loud, and what the profile does not want to hear of."""

from __future__ import annotations

from iamops.judge.lint.finding import Hit, LintFinding, LintReport, LintRule
from iamops.model.facts import Severity


def found(severity: Severity, hit: Hit, silenced: str | None = None) -> LintFinding:
    return LintFinding(LintRule("N001", severity, "t", "w", "f"), hit, silenced)


def test_a_place_is_as_exact_as_it_is_known():
    assert found(Severity.INFO, Hit("N001", "e", "iam-a", "/etc/x", 3)).where == "iam-a:/etc/x:3"
    assert found(Severity.INFO, Hit("N001", "e", "iam-a")).where == "iam-a"
    assert found(Severity.INFO, Hit("N001", "e")).where == "profile"


def test_a_silenced_finding_is_there_and_fails_nothing():
    report = LintReport(
        (found(Severity.CRITICAL, Hit("N001", "e"), "known"), found(Severity.INFO, Hit("N001", "e")))
    )
    assert len(report.unsilenced) == 1
    assert not report.worse_than(Severity.WARNING)
    assert report.worse_than(Severity.INFO)
