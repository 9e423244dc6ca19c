"""Lint findings as text for a terminal. Pure."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from console.cli.coloured import CYAN, RED, YELLOW, Coloured
from console.judge.lint.finding import LintFinding, LintReport
from console.model.facts import Severity
from console.parse.safe_text import safe

COLOURS = {Severity.CRITICAL: RED, Severity.WARNING: YELLOW, Severity.INFO: CYAN}
WIDTH = 100


def lint_text(report: LintReport) -> Iterator[str]:
    """Worst first: what and where, what was seen and why it matters, what to do."""
    for finding in report.heard:
        yield from _finding(finding)
    for finding in report.findings:
        if finding.silenced:
            yield f"silenced {finding.rule.code} {finding.where}: {finding.silenced}"
    counted = {
        severity: sum(finding.rule.severity is severity for finding in report.heard)
        for severity in (Severity.CRITICAL, Severity.WARNING, Severity.INFO)
    }
    told = ", ".join(f"{count} {severity}" for severity, count in counted.items() if count)
    yield f"{', '.join(report.nodes) or 'nothing'}: {told or 'no findings'}"


def _finding(finding: LintFinding) -> Iterator[str]:
    rule = finding.rule
    head = f"{str(rule.severity).upper():8} {rule.code}"
    yield Coloured(f"{head} {finding.where}", COLOURS[rule.severity], len(head))
    yield from textwrap.wrap(
        f"{rule.title}: {safe(finding.hit.evidence, 200)}", WIDTH, initial_indent="    ", subsequent_indent="    "
    )
    yield from textwrap.wrap(f"why: {rule.why}", WIDTH, initial_indent="    ", subsequent_indent="      ")
    yield f"    fix: {rule.fix}"
