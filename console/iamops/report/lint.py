"""Lint reports for pipelines: JSON, SARIF 2.1.0, JUnit."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree as Xml

from iamops.judge.lint.catalogue import CATALOGUE
from iamops.judge.lint.finding import LintFinding, LintReport
from iamops.model.facts import Severity
from iamops.report.markup import xml_document

LEVELS = {Severity.CRITICAL: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
NEXT = "iamops config diff"
_NOT_IN_URI = re.compile(r"[^A-Za-z0-9/._~-]")


def lint_document(report: LintReport) -> dict[str, Any]:
    """`iamops.lint/1`. Silenced findings are listed apart, with their reasons."""
    return {
        "schema": "iamops.lint/1",
        "nodes": list(report.nodes),
        "findings": [_finding(each) for each in report.unsilenced],
        "silenced": [{**_finding(each), "reason": each.silenced} for each in report.findings if each.silenced],
    }


def sarif(report: LintReport, version: str) -> dict[str, Any]:
    """SARIF 2.1.0: one run, one result for each finding; a silenced one carries its suppression."""
    codes = list(dict.fromkeys(each.rule.code for each in report.findings))
    rules = [
        {
            "id": code,
            "shortDescription": {"text": CATALOGUE[code].title},
            "fullDescription": {"text": CATALOGUE[code].why},
            "help": {"text": CATALOGUE[code].fix},
        }
        for code in codes
    ]
    driver = {"name": "iamops", "version": version, "rules": rules}
    results = [_result(each, codes) for each in report.findings]
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "results": results}],
    }


def junit(report: LintReport) -> str:
    """One test case for each rule. A finding at warning or above fails it; it is skipped where all findings are
    silenced, and where it was not asked.
    """
    suite = Xml.Element("testsuite", name="iamops config lint", tests=str(len(CATALOGUE)))
    failed = 0
    for code, rule in CATALOGUE.items():
        case = Xml.SubElement(suite, "testcase", classname="lint", name=f"{code} {rule.title}")
        found = [each for each in report.findings if each.rule.code == code]
        heard = [each for each in found if each.silenced is None and rule.severity is not Severity.INFO]
        told = "\n".join(f"{each.where}: {each.hit.evidence}" for each in found)
        if heard:
            failed += 1
            Xml.SubElement(case, "failure", message=f"{rule.title}: {rule.fix}").text = told
        elif found:
            Xml.SubElement(case, "skipped", message=found[0].silenced or "info only")
        elif code in report.unasked:
            Xml.SubElement(case, "skipped", message=f"not asked: {report.unasked[code]}")
    suite.set("failures", str(failed))
    suite.set("skipped", str(sum(1 for _ in suite.iter("skipped"))))
    return xml_document(suite, indented=False)


def _finding(each: LintFinding) -> dict[str, Any]:
    return {
        "code": each.rule.code,
        "severity": str(each.rule.severity),
        "title": each.rule.title,
        "evidence": [each.hit.evidence, each.rule.why],
        "node": each.hit.node,
        "file": each.hit.file,
        "line": each.hit.line,
        "fix": each.rule.fix,
        "next": NEXT,
    }


def _result(each: LintFinding, codes: list[str]) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": each.rule.code,
        "ruleIndex": codes.index(each.rule.code),
        "level": LEVELS[each.rule.severity],
        "message": {"text": f"{each.rule.title}: {each.hit.evidence}. Fix: {each.rule.fix}"},
    }
    if each.hit.file:
        where: dict[str, Any] = {"artifactLocation": {"uri": _uri(f"{each.hit.node or ''}{each.hit.file}")}}
        if each.hit.line:
            where["region"] = {"startLine": each.hit.line}
        result["locations"] = [{"physicalLocation": where}]
    if each.silenced:
        result["suppressions"] = [{"kind": "external", "justification": each.silenced}]
    return result


def _uri(path: str) -> str:
    """A relative reference (RFC 3986): what it cannot hold is escaped."""
    return _NOT_IN_URI.sub(lambda match: "".join(f"%{byte:02X}" for byte in match[0].encode()), path)
