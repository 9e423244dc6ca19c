"""A triage as Markdown, short enough for an incident channel. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from console.judge.findings import Finding
from console.judge.markdown_text import code, inline, markdown_document
from console.judge.triage_report import Darkness, Looked, closing, darkness, name_of
from console.model.facts import Severity
from console.model.timestamps import rfc3339

SIGNS = {Severity.CRITICAL: "🔴", Severity.WARNING: "🟡", Severity.INFO: "🔵"}


def markdown(looked: Looked) -> str:
    """The whole look as one text, worst first."""
    return markdown_document(_lines(looked))


def _lines(looked: Looked) -> Iterator[str]:
    yield f"**Triage of {inline(looked.profile.name)}**, {rfc3339(looked.at)}"
    yield ""
    yield f"{inline(closing(looked))}."
    for finding in looked.diagnosis.findings:
        yield from _finding(finding)
    dark = darkness(looked.diagnosis.blind, looked.unlooked)
    if dark:
        yield from ("", "**Cannot tell**", "")
        yield from (_dark(each) for each in dark)
    if looked.timeline:
        yield from ("", "**What happened** (UTC)", "")
    for each in looked.timeline:
        where = f"{inline(each.node)}: " if each.node else ""
        yield f"- {rfc3339(each.at)[11:19]} {where}{inline(each.text)} *({inline(each.source)})*"
    yield from (f"- not told: {inline(each)}" for each in looked.untold)


def _finding(finding: Finding) -> Iterator[str]:
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
