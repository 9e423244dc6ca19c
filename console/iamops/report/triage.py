"""A triage as JSON (`iamops.triage/1`), JUnit XML and Markdown, and as an exit code. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from iamops.judge.findings import Finding, NotEvaluated
from iamops.judge.runbook.catalogue import CATALOGUE
from iamops.judge.triage.summary import (
    TriageResult,
    closing,
    name_of,
    not_evaluated_groups,
    number_of,
    unreachable,
)
from iamops.model.exit_code import ExitCode
from iamops.model.facts import RANK, Severity
from iamops.model.timestamps import rfc3339
from iamops.redact.clean import clean_text
from iamops.report.junit import JUnitCase, junit_suite, xml_document
from iamops.report.markup import code, inline, markdown_document
from iamops.report.text import Json


def exit_code(result: TriageResult, floor: Severity | None) -> ExitCode:
    """That no node could be reached goes before what was found without them. `floor` None: nothing fails."""
    if unreachable(result):
        return ExitCode.UNREACHABLE
    return ExitCode.CHECK_FAILED if floor is not None and result.diagnosis.at_least(floor) else ExitCode.OK


def triage_document(result: TriageResult, since_s: float | None = None) -> Json:
    """The whole result, findings ranked. `since_s`: how far back the timeline goes; without it there is none."""
    document: Json = {
        "schema": "iamops.triage/1",
        "at": rfc3339(result.at),
        "profile": result.profile.name,
        "took_s": round(result.took_s, 3),
        "findings": [_finding(finding) for finding in result.diagnosis.findings],
        "blind": [
            {
                "code": blind.code,
                "what": clean_text(blind.what),
                "because": clean_text(blind.because),
                "node": blind.node,
            }
            for blind in result.diagnosis.not_evaluated
        ],
        "checked": list(result.diagnosis.checked),
        "unlooked": {node: clean_text(reason) for node, reason in result.not_inspected.items()},
        "since": None if since_s is None else rfc3339(result.at - since_s),
    }
    if since_s is None:
        return document | {"timeline": None, "timeline_unknown": "not asked for: --since 1h"}
    timeline = [
        {
            "at": rfc3339(event.at),
            "kind": str(event.kind),
            "node": event.node,
            "source": event.source,
            "text": clean_text(event.text),
        }
        for event in result.timeline
    ]
    return document | {"timeline": timeline, "untold": [clean_text(reason) for reason in result.unavailable]}


def _finding(finding: Finding) -> Json:
    return {
        "code": finding.code,
        "number": number_of(finding.code),
        "severity": str(finding.severity),
        "title": clean_text(finding.title),
        "node": finding.node,
        "evidence": [clean_text(str(evidence)) for evidence in finding.evidence],
        "observed": [
            {
                "value": clean_text(evidence.value),
                "source": clean_text(evidence.source) or None,
                "node": evidence.node,
                "age_s": None if evidence.age_s is None else round(evidence.age_s, 1),
            }
            for evidence in finding.evidence
        ],
        "cause": clean_text(finding.cause) or None,
        "means": clean_text(finding.means) or None,
        "next": clean_text(finding.next),
        "explains": [_finding(symptom) for symptom in finding.explains],
    }


# As JUnit XML, for pipelines: one test case for each rule.


def junit(result: TriageResult, floor: Severity | None) -> str:
    """Findings at `floor` or above fail their rule's case (None: none do). A rule that was not asked, or not of
    every node, is skipped: it has not passed.
    """
    diagnosis = result.diagnosis
    causes: dict[str, list[tuple[Finding, str]]] = {}
    for finding, cause in _with_causes(diagnosis.findings):
        causes.setdefault(finding.code, []).append((finding, cause))
    codes = dict.fromkeys((*causes, *diagnosis.checked, *(blind.code for blind in diagnosis.not_evaluated)))
    cases = [
        _case(
            rule, causes.get(rule, []), [blind for blind in diagnosis.not_evaluated if blind.code == rule], floor
        )
        for rule in codes
    ]
    name = f"iamops triage {result.profile.name}"
    return xml_document(junit_suite(name, cases, seconds=result.took_s, at=result.at, output=closing(result)))


def _with_causes(findings: Iterable[Finding], cause: str = "") -> Iterator[tuple[Finding, str]]:
    for finding in findings:
        yield finding, cause
        yield from _with_causes(finding.explains, finding.code)


def _case(
    rule: str, found: list[tuple[Finding, str]], blinds: list[NotEvaluated], floor: Severity | None
) -> JUnitCase:
    name = f"{name_of(rule)} {CATALOGUE[rule].title}" if rule in CATALOGUE else name_of(rule)
    unknown = [
        f"cannot tell {blind.what}{f' of {blind.node}' if blind.node else ''}, because {blind.because}"
        for blind in blinds
    ]
    text = "\n".join((*(line for finding, cause in found for line in _text(finding, cause)), *unknown))
    failing = [finding for finding, _ in found if floor is not None and RANK[finding.severity] <= RANK[floor]]
    if failing:
        worst = min(failing, key=lambda finding: RANK[finding.severity])
        return JUnitCase("triage", name, "failure", str(worst.severity), worst.title, text)
    if unknown:
        return JUnitCase("triage", name, "skipped", message=unknown[0], text=text)
    return JUnitCase("triage", name, text=text)


def _text(finding: Finding, cause: str) -> Iterator[str]:
    yield f"{finding.severity}: {finding.title}" + (f" (explained by {cause})" if cause else "")
    yield from (f"  because: {evidence}" for evidence in finding.evidence)
    if finding.cause:
        yield f"  cause: {finding.cause}"
    if finding.means:
        yield f"  means: {finding.means}"
    yield f"  next: {finding.next}"


# As Markdown, short enough for an incident channel, worst first.

SIGNS = {Severity.CRITICAL: "🔴", Severity.WARNING: "🟡", Severity.INFO: "🔵"}


def markdown(result: TriageResult) -> str:
    return markdown_document(_lines(result))


def _lines(result: TriageResult) -> Iterator[str]:
    yield f"**Triage of {inline(result.profile.name)}**, {rfc3339(result.at)}"
    yield ""
    yield f"{inline(closing(result))}."
    for finding in result.diagnosis.findings:
        sign, word = SIGNS[finding.severity], str(finding.severity).upper()
        yield from ("", f"{sign} **{word}** {code(name_of(finding.code))} {inline(finding.title)}", "")
        yield from (f"- {inline(str(evidence))}" for evidence in finding.evidence)
        if finding.cause:
            yield f"- cause: {inline(finding.cause)}"
        if finding.means:
            yield f"- means: {inline(finding.means)}"
        yield from _explained(finding, "explains ")
        yield f"- **next:** {code(finding.next)}"
    groups = not_evaluated_groups(result.diagnosis.not_evaluated, result.not_inspected)
    if groups:
        yield from ("", "**Cannot tell**", "")
    for group in groups:
        where = f"{inline(group.node)}: " if group.node else ""
        unknown = f" (so unknown: {inline(group.questions)})" if group.members else ""
        yield f"- {where}{inline(group.because)}{unknown}"
    if result.timeline:
        yield from ("", "**What happened** (UTC)", "")
    for event in result.timeline:
        where = f"{inline(event.node)}: " if event.node else ""
        yield f"- {rfc3339(event.at)[11:19]} {where}{inline(event.text)} *({inline(event.source)})*"
    yield from (f"- not told: {inline(reason)}" for reason in result.unavailable)


def _explained(finding: Finding, word: str = "", indent: str = "") -> Iterator[str]:
    for symptom in finding.explains:
        yield f"{indent}- {word}{symptom.severity} {code(name_of(symptom.code))} {inline(symptom.title)}"
        yield from _explained(symptom, indent=f"{indent}  ")
