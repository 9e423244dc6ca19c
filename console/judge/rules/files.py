"""What lint says of the live files, as findings beside those of the runtime rules."""

from __future__ import annotations

from collections.abc import Iterator

from console.judge.findings import Blind, Evidence, Finding
from console.judge.lint.finding import LintFinding
from console.judge.rules.view import Answer, Rule, View, reason_of
from console.model.observed import Unknown

SHOWN = 4
WHAT = "whether the configuration is sound"


def linted(view: View, now: float) -> Iterator[Answer]:
    """One finding for each code and node, however many lines it is about."""
    yield from (Blind("lint", WHAT, why, node) for node, why in view.unread.items())
    if isinstance(view.lint, Unknown):
        yield Blind("lint", WHAT, reason_of(view.lint))
        return
    together: dict[tuple[str, str | None], list[LintFinding]] = {}
    for finding in view.lint.value.heard:
        together.setdefault((finding.rule.code, finding.hit.node), []).append(finding)
    for (code, node), found in together.items():
        rule, age_s = found[0].rule, view.lint.age_s(now)
        evidence = tuple(Evidence(_said(each), _place(each), node, age_s) for each in found[:SHOWN])
        title = f"{rule.title}: {node}" if node else rule.title
        yield Finding(code, rule.severity, title, evidence, "iamops config lint", node, cause=rule.why)


RULES = (Rule(("lint",), linted),)


def _said(finding: LintFinding) -> str:
    return finding.hit.evidence or finding.rule.title


def _place(finding: LintFinding) -> str:
    """file:line, as far as it is known."""
    hit = finding.hit
    return ":".join(str(part) for part in (hit.file, hit.line) if part) or "lint"
