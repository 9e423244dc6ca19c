"""A triage as JSON (`iamops.triage/1`), JUnit and Markdown. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree as Xml

from iamops.judge.findings import Evidence, Finding, NotEvaluated
from iamops.judge.runbook.catalogue import CATALOGUE
from iamops.judge.triage.summary import Darkness, TriageResult, closing, darkness, name_of, number_of
from iamops.model.facts import RANK, Severity
from iamops.model.journal import TimelineEvent
from iamops.model.timestamps import rfc3339
from iamops.redact.clean import words
from iamops.report.markup import code, inline, markdown_document, xml_document

SCHEMA = "iamops.triage/1"
NOT_ASKED = "not asked for: --since 1h"
Json = dict[str, Any]


def triage_document(looked: TriageResult, since_s: float | None = None) -> Json:
    """The whole look, findings ranked. `since_s`: how far back the timeline goes; without it there is none."""
    document: Json = {
        "schema": SCHEMA,
        "at": rfc3339(looked.at),
        "profile": looked.profile.name,
        "took_s": round(looked.took_s, 3),
        "findings": [_finding(each) for each in looked.diagnosis.findings],
        "blind": [_blind(each) for each in looked.diagnosis.blind],
        "checked": list(looked.diagnosis.checked),
        "unlooked": {node: words(reason) for node, reason in looked.not_inspected.items()},
        "since": None if since_s is None else rfc3339(looked.at - since_s),
    }
    if since_s is None:
        return document | {"timeline": None, "timeline_unknown": NOT_ASKED}
    timeline = [_happening(each) for each in looked.timeline]
    return document | {"timeline": timeline, "untold": [words(each) for each in looked.unavailable]}


def _finding(finding: Finding) -> Json:
    return {
        "code": finding.code,
        "number": number_of(finding.code),
        "severity": str(finding.severity),
        "title": words(finding.title),
        "node": finding.node,
        "evidence": [words(str(each)) for each in finding.evidence],
        "observed": [_observed(each) for each in finding.evidence],
        "cause": words(finding.cause) or None,
        "means": words(finding.means) or None,
        "next": words(finding.next),
        "explains": [_finding(each) for each in finding.explains],
    }


def _observed(evidence: Evidence) -> Json:
    return {
        "value": words(evidence.value),
        "source": words(evidence.source) or None,
        "node": evidence.node,
        "age_s": None if evidence.age_s is None else round(evidence.age_s, 1),
    }


def _blind(blind: NotEvaluated) -> Json:
    return {"code": blind.code, "what": words(blind.what), "because": words(blind.because), "node": blind.node}


def _happening(each: TimelineEvent) -> Json:
    return {
        "at": rfc3339(each.at),
        "kind": str(each.kind),
        "node": each.node,
        "source": each.source,
        "text": words(each.text),
    }


# A triage as JUnit XML, for pipelines: one test case for each rule. Pure.


@dataclass(frozen=True, slots=True)
class _Said:
    """A finding, and the one that explains it."""

    finding: Finding
    by: str = ""


def junit(looked: TriageResult, floor: Severity | None) -> str:
    """Findings at `floor` or above fail their rule's case (None: none do). A rule that was not asked, or not of
    every node, is skipped: it has not passed.
    """
    suite = Xml.Element("testsuite", name=f"iamops triage {looked.profile.name}")
    said = list(_all(looked.diagnosis.findings))
    codes = dict.fromkeys(
        (
            *(each.finding.code for each in said),
            *looked.diagnosis.checked,
            *(blind.code for blind in looked.diagnosis.blind),
        )
    )
    for each in codes:
        own = [entry for entry in said if entry.finding.code == each]
        _case(suite, each, own, [blind for blind in looked.diagnosis.blind if blind.code == each], floor)
    for name, tag in (("tests", "testcase"), ("failures", "failure"), ("skipped", "skipped")):
        suite.set(name, str(sum(1 for _ in suite.iter(tag))))
    suite.set("errors", "0")
    suite.set("time", f"{looked.took_s:.3f}")
    suite.set("timestamp", rfc3339(looked.at).partition(".")[0])
    Xml.SubElement(suite, "system-out").text = closing(looked)
    return xml_document(suite)


def _all(findings: Iterable[Finding], by: str = "") -> Iterator[_Said]:
    for finding in findings:
        yield _Said(finding, by)
        yield from _all(finding.explains, finding.code)


def _case(
    suite: Xml.Element, code: str, said: list[_Said], blinds: list[NotEvaluated], floor: Severity | None
) -> None:
    title = f" {CATALOGUE[code].title}" if code in CATALOGUE else ""
    case = Xml.SubElement(suite, "testcase", classname="triage", name=f"{name_of(code)}{title}")
    told = "\n".join((*(line for each in said for line in _lines(each)), *map(_unknown, blinds)))
    failing = [each for each in said if floor is not None and RANK[each.finding.severity] <= RANK[floor]]
    if failing:
        worst = min(failing, key=lambda each: RANK[each.finding.severity]).finding
        kind, message = str(worst.severity), worst.title
        Xml.SubElement(case, "failure", type=kind, message=message).text = told
    elif blinds:
        Xml.SubElement(case, "skipped", message=_unknown(blinds[0])).text = told
    elif told:
        Xml.SubElement(case, "system-out").text = told


def _lines(said: _Said) -> Iterator[str]:
    finding = said.finding
    yield f"{finding.severity}: {finding.title}" + (f" (explained by {said.by})" if said.by else "")
    yield from (f"  because: {each}" for each in finding.evidence)
    if finding.cause:
        yield f"  cause: {finding.cause}"
    if finding.means:
        yield f"  means: {finding.means}"
    yield f"  next: {finding.next}"


def _unknown(blind: NotEvaluated) -> str:
    return f"cannot tell {blind.what}{f' of {blind.node}' if blind.node else ''}, because {blind.because}"


# A triage as Markdown, short enough for an incident channel. Pure.

SIGNS = {Severity.CRITICAL: "🔴", Severity.WARNING: "🟡", Severity.INFO: "🔵"}


def markdown(looked: TriageResult) -> str:
    """The whole look as one text, worst first."""
    return markdown_document(_item(looked))


def _item(looked: TriageResult) -> Iterator[str]:
    yield f"**Triage of {inline(looked.profile.name)}**, {rfc3339(looked.at)}"
    yield ""
    yield f"{inline(closing(looked))}."
    for finding in looked.diagnosis.findings:
        yield from _finding_item(finding)
    dark = darkness(looked.diagnosis.blind, looked.not_inspected)
    if dark:
        yield from ("", "**Cannot tell**", "")
        yield from (_dark(each) for each in dark)
    if looked.timeline:
        yield from ("", "**What happened** (UTC)", "")
    for each in looked.timeline:
        where = f"{inline(each.node)}: " if each.node else ""
        yield f"- {rfc3339(each.at)[11:19]} {where}{inline(each.text)} *({inline(each.source)})*"
    yield from (f"- not told: {inline(each)}" for each in looked.unavailable)


def _finding_item(finding: Finding) -> Iterator[str]:
    yield ""
    sign, word = SIGNS[finding.severity], str(finding.severity).upper()
    yield f"{sign} **{word}** {code(name_of(finding.code))} {inline(finding.title)}"
    yield ""
    yield from (f"- {inline(str(each))}" for each in finding.evidence)
    if finding.cause:
        yield f"- cause: {inline(finding.cause)}"
    if finding.means:
        yield f"- means: {inline(finding.means)}"
    yield from _explained(finding, "explains ")
    yield f"- **next:** {code(finding.next)}"


def _explained(finding: Finding, word: str = "", indent: str = "") -> Iterator[str]:
    for each in finding.explains:
        yield f"{indent}- {word}{each.severity} {code(name_of(each.code))} {inline(each.title)}"
        yield from _explained(each, indent=f"{indent}  ")


def _dark(dark: Darkness) -> str:
    where = f"{inline(dark.node)}: " if dark.node else ""
    told = f" (so unknown: {inline(dark.questions)})" if dark.blinds else ""
    return f"- {where}{inline(dark.because)}{told}"
