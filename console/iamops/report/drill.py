"""A drill's report as JSON (`iamops.drill/1`), JUnit and Markdown, and as an exit code. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any
from xml.etree import ElementTree

from iamops.judge.drill.report import (
    ClientView,
    DrillReport,
    DrillVerdict,
    Invariant,
    Measure,
    NodeFacts,
    StepLine,
)
from iamops.judge.run import stage_word
from iamops.model.exit_code import ExitCode
from iamops.model.timestamps import rfc3339
from iamops.plan.denial import refusal_code
from iamops.report.markup import inline as _cell
from iamops.report.markup import markdown_document, xml_document


def exit_code(report: DrillReport) -> ExitCode:
    """What a script is told. Never 0 on anything but a pass."""
    if report.put_back:
        return ExitCode.INTERRUPTED
    match report.verdict:
        case DrillVerdict.PASS:
            return ExitCode.OK
        case DrillVerdict.FAIL:
            return ExitCode.CHECK_FAILED
        case DrillVerdict.REFUSED:
            return refusal_code(report.denials)
    return ExitCode.UNKNOWN


def drill_document(report: DrillReport, code: int) -> dict[str, Any]:
    """The whole report; what is not known is null."""
    return {
        "schema": "iamops.drill/1",
        "drill": report.drill,
        "title": report.title,
        "profile": report.profile,
        "environment": report.environment,
        "run": report.run,
        "who": report.who,
        "at": rfc3339(report.began_at),
        "duration_s": report.duration_s,
        "verdict": str(report.verdict),
        "sentence": report.sentence,
        "exit_code": code,
        "failures": [{"kind": str(f.kind), "text": f.text, "step": f.step} for f in report.failures],
        "denials": [
            {
                "code": d.code,
                "reason": d.reason,
                "overridable": d.overridable,
                "node": d.node,
                "subjects": list(d.subjects),
            }
            for d in report.denials
        ],
        "restored_by": None if report.restored_by is None else str(report.restored_by),
        "interrupted": report.interrupted,
        "steady": [asdict(each) for each in report.steady_state],
        "budgets": [_budget(each) for each in report.measures],
        "invariants": [asdict(each) for each in report.invariants],
        "client": None if report.client is None else _client(report.client),
        "splits": {domain: dict(counts) for domain, counts in report.splits.items()},
        "nodes": {node.name: _node(node) for node in report.nodes},
        "steps": [_step(each) for each in report.steps],
        "timeline": [asdict(each) for each in report.timeline],
        "notes": list(report.notes),
        "plan": None if report.plan is None else dict(report.plan),
    }


def _budget(measure: Measure) -> dict[str, Any]:
    return {
        "step": measure.step,
        "what": measure.what,
        "rule": measure.rule,
        "measured_ms": measure.measured_ms,
        "budget_ms": [measure.lower_ms, measure.upper_ms],
        "allowance_ms": measure.allowance_ms,
        "slack_ms": measure.slack_ms,
        "path": measure.path or None,
        "holds": measure.holds,
    }


def _client(client: ClientView) -> dict[str, Any]:
    return {
        "attempts": client.attempts,
        "failed": client.failed,
        "longest_gap_ms": client.longest_ms,
        "total_gap_ms": client.total_ms,
        "split": {
            "refused_ms": client.refused_ms,
            "dark_ms": client.no_answer_ms,
            "wrong_ms": client.wrong_ms,
            "stale_ms": client.stale_ms,
        },
        "resolution_ms": client.resolution_ms,
        "not_measured_ms": client.not_measured_ms,
        "gaps": [
            {"began_s": began_s, "duration_ms": duration_ms, "refused": refused, "dark": dark, "wrong": wrong}
            for began_s, duration_ms, refused, dark, wrong in client.gaps
        ],
    }


def _node(node: NodeFacts) -> dict[str, Any]:
    return {
        "keepalived": node.keepalived,
        "nginx": node.nginx,
        "clock_offset_ms": node.clock_offset_ms,
        "clock_uncertainty_ms": node.clock_uncertainty_ms,
        "live": dict(node.live),
    }


def _step(step: StepLine) -> dict[str, Any]:
    return {
        "title": step.title,
        "node": step.node,
        "kind": step.kind,
        "stage": step.stage,
        "began_s": step.began_s,
        "took_s": step.took_s,
        "observed": step.text,
    }


# A drill's report as JUnit XML, for pipelines. Pure.
#
# One test case for the verdict, one for each step, budget, invariant and part of the steady state.

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
    for held in report.steady_state:
        yield _Case("steady-state", held.name, outcome=HELD[held.holds], text=held.text)
    for step in report.steps:
        yield _step_case(step)
    for measure in report.measures:
        yield _budget_case(measure)
    for held in report.invariants:
        yield _Case("invariant", held.name, outcome=HELD[held.holds], text=held.text)


def _verdict(report: DrillReport) -> _Case:
    lines = [report.sentence, *(f"{f.kind}: {f.text}" for f in report.failures)]
    lines += [denial.sentence for denial in report.denials]
    text = "\n".join(lines)
    match report.verdict:
        case DrillVerdict.PASS:
            return _Case("verdict", report.title, report.duration_s)
        case DrillVerdict.FAIL:
            kind = str(report.failures[0].kind) if report.failures else "fail"
            return _Case("verdict", report.title, report.duration_s, "failure", kind, text)
    code = report.denials[0].code if report.denials else str(report.verdict)
    text = f"{report.verdict.word}: {text}"
    return _Case("verdict", report.title, report.duration_s, "error", code, text)


def _step_case(step: StepLine) -> _Case:
    outcome = {"done": "", "failed": "failure", "unknown": "error"}.get(step.stage, "skipped")
    return _Case(
        "step",
        f"{step.title} ({step.kind})",
        step.took_s or 0.0,
        outcome,
        step.stage,
        step.text or stage_word(step.stage),
    )


def _budget_case(measure: Measure) -> _Case:
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


# A drill's report as Markdown, for a ticket or a hand-over. Pure.

WORDS = {
    DrillVerdict.PASS: "✅ PASSED",
    DrillVerdict.FAIL: "❌ FAILED",
    DrillVerdict.REFUSED: "⛔ REFUSED",
    DrillVerdict.UNKNOWN: "❓ UNKNOWN",
}
UNDONE = "↶ UNDONE"


def markdown(report: DrillReport) -> str:
    """The whole report as one text."""
    return markdown_document(_lines(report))


def _lines(report: DrillReport) -> Iterator[str]:
    word = UNDONE if report.put_back else WORDS[report.verdict]
    yield f"# {word}: drill {_cell(report.drill)} on {_cell(report.profile)}"
    yield ""
    yield f"{_cell(report.title)}. {_cell(report.sentence)}"
    yield ""
    when = f"{rfc3339(report.began_at)}, {report.duration_s:.1f} s"
    yield f"Run {_cell(report.run)} by {_cell(report.who)}, {when}, {_cell(report.environment)}."
    if report.restored_by:
        yield f"Restored by: **{_cell(str(report.restored_by))}**."
    yield from _section("Failures", ("kind", "what"), ((str(f.kind), f.text) for f in report.failures))
    yield from _section("Refused", ("code", "reason"), ((d.code, d.reason) for d in report.denials))
    head = ("step", "what", "measured", "budget", "allowance", "slack", "path")
    yield from _section("Budgets", head, (_budget_row(each) for each in report.measures))
    yield from _client_row(report)
    yield from _section("Invariants", ("held", "what", "seen"), (_held(each) for each in report.invariants))
    yield from _section("Steady state", ("holds", "what", "seen"), (_held(each) for each in report.steady_state))
    splits = ((d, ", ".join(f"{n}: {c}" for n, c in counts.items())) for d, counts in report.splits.items())
    yield from _section("Requests per backend", ("domain", "backends"), splits)
    steps = ((stage_word(s.stage), _seconds(s.took_s), s.node, s.title, s.text) for s in report.steps)
    yield from _section("Steps", ("stage", "took", "node", "step", "observed"), steps)
    entries = (
        (f"{e.at_s:.3f} s ± {e.uncertainty_ms:.0f} ms", e.node or "", e.witness, e.text) for e in report.timeline
    )
    yield from _section("Timeline", ("at", "node", "witness", "what"), entries)
    yield from _nodes(report)
    yield from _section("Notes", ("note",), ((note,) for note in report.notes))


def _section(title: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    found = list(rows)
    if not found:
        return
    yield from ("", f"## {title}", "", f"| {' | '.join(head)} |", f"|{'---|' * len(head)}")
    for row in found:
        yield f"| {' | '.join(_cell(text) for text in row)} |"


def _budget_row(measure: Measure) -> tuple[str, ...]:
    measured = "never" if measure.measured_ms is None else f"{measure.measured_ms:.0f} ms"
    slack = "" if measure.slack_ms is None else f"{measure.slack_ms:.0f} ms"
    budget = f"{measure.lower_ms:.0f} to {measure.upper_ms:.0f} ms ({measure.rule})"
    return (measure.step, measure.what, measured, budget, f"{measure.allowance_ms:.0f} ms", slack, measure.path)


def _held(each: Invariant) -> tuple[str, ...]:
    return ({True: "yes", False: "NO", None: "not known"}[each.holds], each.name, each.text)


def _client_row(report: DrillReport) -> Iterator[str]:
    client = report.client
    if client is None:
        return
    rows = [
        ("requests", f"{client.attempts}, none further apart than {client.resolution_ms:.0f} ms"),
        ("failed", str(client.failed)),
        ("longest gap", f"{client.longest_ms:.0f} ms"),
        (
            "refused / dark / wrong",
            f"{client.refused_ms:.0f} / {client.no_answer_ms:.0f} / {client.wrong_ms:.0f} ms",
        ),
        ("stale", f"{client.stale_ms:.0f} ms"),
    ]
    if client.not_measured_ms:
        rows.append(("not measured", f"{client.not_measured_ms / 1000:.1f} s"))
    yield from _section("What a client saw", ("", ""), rows)


def _nodes(report: DrillReport) -> Iterator[str]:
    rows = (
        (
            node.name,
            node.keepalived or "unknown",
            node.nginx or "unknown",
            _clock(node),
            ", ".join(f"{key}: {value}" for key, value in node.live.items()),
        )
        for node in report.nodes
    )
    yield from _section("Nodes", ("node", "keepalived", "nginx", "clock", "running with"), rows)


def _clock(node: NodeFacts) -> str:
    if node.clock_offset_ms is None:
        return "unknown"
    unsure = "?" if node.clock_uncertainty_ms is None else f"{node.clock_uncertainty_ms:.1f}"
    return f"{node.clock_offset_ms:+.1f} ± {unsure} ms"


def _seconds(took_s: float | None) -> str:
    return "" if took_s is None else f"{took_s:.2f} s"
