"""A cluster's configuration at one moment: how each file stands, and which needs a look first."""

from __future__ import annotations

from iamops.judge.config import ConfigComparison, FileState, compared_files, sorted_files
from iamops.judge.lint.finding import Hit, LintFinding, LintReport, LintRule
from iamops.model.facts import Severity
from iamops.plan.config.change import FileChange, NodeFilesChange

CHANGE = NodeFilesChange(
    "iam-a",
    (FileChange("/drifted", "x", "y"), FileChange("/missing", None, "y"), FileChange("/surplus", "x", None)),
    seen=dict.fromkeys(("/drifted", "/surplus", "/strange"), "1"),
)
WANTED = ("/drifted", "/missing", "/same")


def found(code_severity: Severity, path: str, node: str = "iam-a", silenced: str | None = None) -> LintFinding:
    return LintFinding(LintRule("N001", code_severity, "t", "w", "f"), Hit("N001", "e", node, path, 3), silenced)


def states(*findings: LintFinding) -> dict[str, FileState]:
    return {file.path: file.state for file in compared_files(CHANGE, WANTED, LintReport(findings))}


def test_each_file_stands_by_what_a_push_would_do_to_it():
    assert states() == {
        "/drifted": FileState.DRIFT,
        "/missing": FileState.MISSING,
        "/same": FileState.IN_SYNC,
        "/surplus": FileState.SURPLUS,
        "/strange": FileState.FOREIGN,
    }


def test_a_file_that_a_daemon_refuses_is_invalid_before_anything_else():
    assert states(found(Severity.CRITICAL, "/drifted"))["/drifted"] is FileState.INVALID
    assert states(found(Severity.WARNING, "/drifted"))["/drifted"] is FileState.DRIFT


def test_what_is_silenced_or_of_another_node_makes_no_file_invalid():
    assert states(found(Severity.CRITICAL, "/drifted", silenced="known"))["/drifted"] is FileState.DRIFT
    assert states(found(Severity.CRITICAL, "/drifted", node="iam-b"))["/drifted"] is FileState.DRIFT


def test_what_needs_a_look_first_stands_first_whatever_node_it_is_on():
    files = compared_files(CHANGE, WANTED, LintReport((found(Severity.CRITICAL, "/strange"),)))
    order = [file.path for file in sorted_files(files)]
    assert order == ["/strange", "/missing", "/drifted", "/surplus", "/same"]
    assert ConfigComparison(files).differing == 3
