"""`iamops config diff` and `history` as JSON; lint for pipelines as JSON, SARIF 2.1.0 and JUnit. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from iamops.judge.lint.catalogue import CATALOGUE
from iamops.judge.lint.finding import LintFinding, LintReport
from iamops.model.facts import Severity
from iamops.model.text import safe
from iamops.model.timestamps import rfc3339
from iamops.parse.config_files import PushRecord
from iamops.plan.config.change import NodeFilesChange
from iamops.plan.config.diff import diff_lines
from iamops.plan.config.meaning import change_summary, incompatible
from iamops.report.junit import JUnitCase, junit_suite, xml_document
from iamops.report.text import Json


def config_diff_document(changes: Mapping[str, NodeFilesChange]) -> Json:
    """`iamops.config-diff/1`."""
    return {
        "schema": "iamops.config-diff/1",
        "in_sync": not any(change.files for change in changes.values()),
        "meaning": [*change_summary(changes), *incompatible(changes)],
        "nodes": {
            node: {
                "in_sync": not change.files,
                "files": [
                    {
                        "path": file.path,
                        "change": "new" if file.old is None else "gone" if file.new is None else "changed",
                        "diff": diff_lines(file, node),
                    }
                    for file in change.files
                ],
            }
            for node, change in changes.items()
        },
    }


def by_push(pushes: Mapping[str, tuple[PushRecord, ...]]) -> dict[str, dict[str, PushRecord]]:
    """Newest push first: what each node remembers of it."""
    merged: dict[str, dict[str, PushRecord]] = {}
    for node, records in pushes.items():
        for record in records:
            merged.setdefault(record.push, {})[node] = record
    return dict(sorted(merged.items(), reverse=True))


def remembered(record: PushRecord, key: str) -> str:
    return safe(str(record.meta.get(key, "")), 120)


def config_history_document(pushes: Mapping[str, tuple[PushRecord, ...]]) -> Json:
    """`iamops.config-history/1`, newest first."""
    rows = []
    for push, by_node in by_push(pushes).items():
        first = next(iter(by_node.values()))
        rows.append(
            {
                "push": push,
                **{key: remembered(first, key) for key in ("who", "reason", "command")},
                "what": first.meta.get("what", []),
                "nodes": {
                    node: {
                        "outcome": record.outcome,
                        "at": None if record.at is None else rfc3339(record.at, "seconds"),
                    }
                    for node, record in by_node.items()
                },
            }
        )
    return {"schema": "iamops.config-history/1", "pushes": rows}


LEVELS = {Severity.CRITICAL: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
_NOT_IN_URI = re.compile(r"[^A-Za-z0-9/._~-]")


def lint_document(report: LintReport) -> Json:
    """`iamops.lint/1`. Silenced findings are listed separately, with their reasons."""
    return {
        "schema": "iamops.lint/1",
        "nodes": list(report.nodes),
        "findings": [_finding(found) for found in report.unsilenced],
        "silenced": [{**_finding(found), "reason": found.silenced} for found in report.findings if found.silenced],
    }


def _finding(found: LintFinding) -> Json:
    return {
        "code": found.rule.code,
        "severity": str(found.rule.severity),
        "title": found.rule.title,
        "evidence": [found.hit.evidence, found.rule.why],
        "node": found.hit.node,
        "file": found.hit.file,
        "line": found.hit.line,
        "fix": found.rule.fix,
        "next": "iamops config diff",
    }


def sarif(report: LintReport, version: str) -> Json:
    """One run, one result for each finding; a silenced one carries its suppression."""
    codes = list(dict.fromkeys(found.rule.code for found in report.findings))
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
    results = [_result(found, codes) for found in report.findings]
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "results": results}],
    }


def _result(found: LintFinding, codes: list[str]) -> Json:
    result: Json = {
        "ruleId": found.rule.code,
        "ruleIndex": codes.index(found.rule.code),
        "level": LEVELS[found.rule.severity],
        "message": {"text": f"{found.rule.title}: {found.hit.evidence}. Fix: {found.rule.fix}"},
    }
    if found.hit.file:
        # A relative reference (RFC 3986): what it cannot hold is escaped.
        path = f"{found.hit.node or ''}{found.hit.file}"
        uri = _NOT_IN_URI.sub(lambda match: "".join(f"%{byte:02X}" for byte in match[0].encode()), path)
        where: Json = {"artifactLocation": {"uri": uri}}
        if found.hit.line:
            where["region"] = {"startLine": found.hit.line}
        result["locations"] = [{"physicalLocation": where}]
    if found.silenced:
        result["suppressions"] = [{"kind": "external", "justification": found.silenced}]
    return result


def junit(report: LintReport) -> str:
    """One test case for each rule. A finding at warning or above fails it; it is skipped where all findings are
    silenced, and where it was not asked.
    """
    cases = list[JUnitCase]()
    for code, rule in CATALOGUE.items():
        name = f"{code} {rule.title}"
        hits = [found for found in report.findings if found.rule.code == code]
        if rule.severity is not Severity.INFO and any(found.silenced is None for found in hits):
            text = "\n".join(f"{found.where}: {found.hit.evidence}" for found in hits)
            cases.append(JUnitCase("lint", name, "failure", message=f"{rule.title}: {rule.fix}", text=text))
        elif hits:
            cases.append(JUnitCase("lint", name, "skipped", message=hits[0].silenced or "info only"))
        elif code in report.not_asked:
            cases.append(JUnitCase("lint", name, "skipped", message=f"not asked: {report.not_asked[code]}"))
        else:
            cases.append(JUnitCase("lint", name))
    return xml_document(junit_suite("iamops config lint", cases), indented=False)
