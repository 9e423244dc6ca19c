"""A triage as JUnit XML, for pipelines: one test case for each rule. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from xml.etree import ElementTree as Xml

from console.judge.catalogue import CATALOGUE
from console.judge.findings import Blind, Finding
from console.judge.triage_report import Looked, closing, name_of
from console.judge.xml_text import xml_document
from console.model.facts import RANK, Severity
from console.model.timestamps import rfc3339


@dataclass(frozen=True, slots=True)
class _Said:
    """A finding, and the one that explains it."""

    finding: Finding
    by: str = ""


def junit(looked: Looked, floor: Severity | None) -> str:
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
    for code in codes:
        own = [each for each in said if each.finding.code == code]
        _case(suite, code, own, [blind for blind in looked.diagnosis.blind if blind.code == code], floor)
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


def _case(suite: Xml.Element, code: str, said: list[_Said], blinds: list[Blind], floor: Severity | None) -> None:
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


def _unknown(blind: Blind) -> str:
    return f"cannot tell {blind.what}{f' of {blind.node}' if blind.node else ''}, because {blind.because}"
