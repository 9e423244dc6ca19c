"""A drill's report as JUnit XML, for pipelines. Pure.

One test case for the verdict, one for each step, budget, invariant and part of the steady state.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from xml.etree import ElementTree

from console.judge.drill_report import DrillReport, Measure, StepLine, Verdict
from console.judge.ending import stage_word
from console.judge.xml_text import xml_document
from console.model.timestamps import rfc3339

# What nobody can tell is neither; where that makes the drill no pass, its verdict is a case of its own.
HELD = {True: "", False: "failure", None: "skipped"}


@dataclass(frozen=True, slots=True)
class _Case:
    group: str
    name: str
    seconds: float = 0.0
    outcome: str = ""  # failure, error or skipped; empty: passed
    kind: str = ""
    text: str = ""


def junit(report: DrillReport) -> str:
    """The document as text, with its declaration."""
    cases = list(_apart(_cases(report)))
    counts = {word: str(sum(case.outcome == word for case in cases)) for word in ("failure", "error", "skipped")}
    attributes = {
        "name": f"iamops drill {report.drill}",
        "tests": str(len(cases)),
        "failures": counts["failure"],
        "errors": counts["error"],
        "skipped": counts["skipped"],
        "time": f"{report.duration_s:.3f}",
    }
    root = ElementTree.Element("testsuites", attributes)
    stamp = rfc3339(report.began_at).removesuffix("Z").partition(".")[0]
    suite = ElementTree.SubElement(root, "testsuite", attributes | {"timestamp": stamp})
    _properties(suite, report)
    for case in cases:
        _write(suite, case, report.drill)
    out = ElementTree.SubElement(suite, "system-out")
    out.text = "\n".join(_timeline(report))
    return xml_document(root)


def _apart(cases: Iterable[_Case]) -> Iterator[_Case]:
    """A step may come twice, but GitLab keeps only the first case of a name."""
    seen: Counter[tuple[str, str]] = Counter()
    for case in cases:
        seen[case.group, case.name] += 1
        count = seen[case.group, case.name]
        yield case if count == 1 else replace(case, name=f"{case.name} #{count}")


def _cases(report: DrillReport) -> Iterator[_Case]:
    yield _verdict(report)
    for held in report.steady:
        yield _Case("steady-state", held.name, outcome=HELD[held.holds], text=held.text)
    for step in report.steps:
        yield _step(step)
    for measure in report.measures:
        yield _budget(measure)
    for held in report.invariants:
        yield _Case("invariant", held.name, outcome=HELD[held.holds], text=held.text)


def _verdict(report: DrillReport) -> _Case:
    lines = [report.sentence, *(f"{f.kind}: {f.text}" for f in report.failures)]
    lines += [denial.sentence for denial in report.denials]
    text = "\n".join(lines)
    match report.verdict:
        case Verdict.PASS:
            return _Case("verdict", report.title, report.duration_s)
        case Verdict.FAIL:
            kind = str(report.failures[0].kind) if report.failures else "fail"
            return _Case("verdict", report.title, report.duration_s, "failure", kind, text)
    code = report.denials[0].code if report.denials else str(report.verdict)
    text = f"{report.verdict.word}: {text}"
    return _Case("verdict", report.title, report.duration_s, "error", code, text)


def _step(step: StepLine) -> _Case:
    outcome = {"done": "", "failed": "failure", "unknown": "error"}.get(step.stage, "skipped")
    return _Case(
        "step",
        f"{step.title} ({step.kind})",
        step.took_s or 0.0,
        outcome,
        step.stage,
        step.text or stage_word(step.stage),
    )


def _budget(measure: Measure) -> _Case:
    seconds = (measure.measured_ms or 0.0) / 1000
    name = f"{measure.what} after '{measure.step}' within {measure.rule}"
    if measure.holds:
        return _Case("budget", name, seconds)
    kind = "over-budget" if measure.measured_ms is not None else "wrong-transition"
    told = "never" if measure.measured_ms is None else f"{measure.measured_ms:.1f} ms"
    return _Case("budget", name, seconds, "failure", kind, f"{told}; {measure.upper_ms:.1f} ms allowed")


def _write(suite: ElementTree.Element, case: _Case, drill: str) -> None:
    attributes = {"classname": f"drill.{drill}.{case.group}", "name": case.name, "time": f"{case.seconds:.3f}"}
    element = ElementTree.SubElement(suite, "testcase", attributes)
    if case.outcome:
        first = case.text.partition("\n")[0] or case.kind
        told = ElementTree.SubElement(element, case.outcome, {"type": case.kind or case.group, "message": first})
        told.text = case.text


def _properties(suite: ElementTree.Element, report: DrillReport) -> None:
    properties = ElementTree.SubElement(suite, "properties")
    facts = {"profile": report.profile, "environment": report.environment, "run": report.run, "who": report.who}
    for node in report.nodes:
        facts[f"{node.name}.keepalived"] = node.keepalived or "unknown"
        facts[f"{node.name}.nginx"] = node.nginx or "unknown"
    if report.restored_by:
        facts["restored_by"] = str(report.restored_by)
    for name, value in facts.items():
        ElementTree.SubElement(properties, "property", {"name": name, "value": value})


def _timeline(report: DrillReport) -> Iterator[str]:
    for entry in report.timeline:
        yield f"{entry.at_s:9.3f} s  {entry.node or '-':<12} {entry.witness:<10} {entry.text}"
