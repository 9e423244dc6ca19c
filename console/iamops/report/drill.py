"""A drill's report as JSON (`iamops.drill/1`), JUnit XML and Markdown; the drills and their history. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from xml.etree import ElementTree as Xml

from iamops.judge.drill.report import (
    ClientView,
    DrillReport,
    DrillRun,
    DrillVerdict,
    Invariant,
    Measure,
    NodeFacts,
    passed,
    trends,
)
from iamops.judge.run import stage_word
from iamops.model.drill import Drill
from iamops.model.timestamps import rfc3339
from iamops.report.junit import JUnitCase, junit_suite, xml_document
from iamops.report.markup import inline, markdown_document
from iamops.report.run import denial_document, plan_document
from iamops.report.text import Json


def drill_document(report: DrillReport) -> Json:
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
        "exit_code": report.exit_code,
        "failures": [{"kind": str(f.kind), "text": f.text, "step": f.step} for f in report.failures],
        "denials": [denial_document(denial) for denial in report.denials],
        "restored_by": None if report.restored_by is None else str(report.restored_by),
        "interrupted": report.interrupted,
        "steady": [asdict(invariant) for invariant in report.steady_state],
        "budgets": [_budget(measure) for measure in report.measures],
        "invariants": [asdict(invariant) for invariant in report.invariants],
        "client": None if report.client is None else _client(report.client),
        "splits": {domain: dict(counts) for domain, counts in report.splits.items()},
        "nodes": {
            node.name: {
                "keepalived": node.keepalived,
                "nginx": node.nginx,
                "clock_offset_ms": node.clock_offset_ms,
                "clock_uncertainty_ms": node.clock_uncertainty_ms,
                "live": dict(node.live),
            }
            for node in report.nodes
        },
        "steps": [
            {
                "title": step.step.title,
                "node": step.step.node,
                "kind": str(step.step.kind),
                "stage": str(step.stage),
                "began_s": step.began_s(report.began_at),
                "took_s": step.took_s,
                "observed": step.text,
            }
            for step in report.steps
        ],
        "timeline": [asdict(entry) for entry in report.timeline],
        "notes": list(report.notes),
        "plan": None if report.plan is None else plan_document(report.plan),
    }


def _budget(measure: Measure) -> Json:
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


def _client(client: ClientView) -> Json:
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


def drills_document(drills: Mapping[str, Drill]) -> Json:
    """The drills there are (`iamops.drills/1`), by the file of each."""
    rows = [
        {"name": drill.name, "title": drill.title, "disruptive": drill.disruptive, "file": path}
        for path, drill in drills.items()
    ]
    return {"schema": "iamops.drills/1", "drills": rows}


def drill_history_document(runs: Sequence[DrillRun]) -> Json:
    """Earlier runs, and how their measurements develop (`iamops.drill-history/1`)."""
    drills = dict.fromkeys(run.drill for run in runs)
    return {
        "schema": "iamops.drill-history/1",
        "drills": {name: dict(zip(("passed", "runs"), passed(runs, name), strict=True)) for name in drills},
        "runs": [
            {"run": r.run, "at": r.at, "drill": r.drill, "verdict": r.verdict, "duration_s": r.duration_s}
            for r in runs
        ],
        "measures": [asdict(trend) for trend in trends(runs)],
    }


# As JUnit XML: one test case for the verdict, one for each step, budget, invariant and part of the steady state.

# What nobody can tell is neither; where that makes the drill no pass, its verdict is a case of its own.
HELD = {True: "", False: "failure", None: "skipped"}


def junit(report: DrillReport) -> str:
    properties = {
        "profile": report.profile,
        "environment": report.environment,
        "run": report.run,
        "who": report.who,
    }
    for node in report.nodes:
        properties[f"{node.name}.keepalived"] = node.keepalived or "unknown"
        properties[f"{node.name}.nginx"] = node.nginx or "unknown"
    if report.restored_by:
        properties["restored_by"] = str(report.restored_by)
    suite = junit_suite(
        f"iamops drill {report.drill}",
        list(_unique(_cases(report))),
        seconds=report.duration_s,
        at=report.began_at,
        properties=properties,
        output="\n".join(
            f"{entry.at_s:9.3f} s  {entry.node or '-':<12} {entry.witness:<10} {entry.text}"
            for entry in report.timeline
        ),
    )
    root = Xml.Element("testsuites", {key: text for key, text in suite.items() if key != "timestamp"})
    root.append(suite)
    return xml_document(root)


def _unique(cases: Iterable[JUnitCase]) -> Iterator[JUnitCase]:
    """A step may come twice, but GitLab keeps only the first case of a name."""
    seen: Counter[tuple[str, str]] = Counter()
    for case in cases:
        seen[case.group, case.name] += 1
        count = seen[case.group, case.name]
        yield case if count == 1 else replace(case, name=f"{case.name} #{count}")


def _cases(report: DrillReport) -> Iterator[JUnitCase]:
    def case(
        group: str, name: str, seconds: float = 0.0, outcome: str = "", kind: str = "", text: str = ""
    ) -> JUnitCase:
        """A case that passed has no output: `text` is for the others."""
        place = f"drill.{report.drill}.{group}"
        if not outcome:
            return JUnitCase(place, name, seconds=seconds)
        first = text.partition("\n")[0] or kind
        return JUnitCase(place, name, outcome, kind or group, first, text, seconds)

    yield case("verdict", report.title, report.duration_s, *_verdict(report))
    for invariant in report.steady_state:
        yield case("steady-state", invariant.name, outcome=HELD[invariant.holds], text=invariant.text)
    for step in report.steps:
        outcome = {"done": "", "failed": "failure", "unknown": "error"}.get(step.stage, "skipped")
        text = step.text or stage_word(step.stage)
        yield case(
            "step", f"{step.step.title} ({step.step.kind})", step.took_s or 0.0, outcome, str(step.stage), text
        )
    for measure in report.measures:
        name = f"{measure.what} after '{measure.step}' within {measure.rule}"
        kind = "over-budget" if measure.measured_ms is not None else "wrong-transition"
        measured = "never" if measure.measured_ms is None else f"{measure.measured_ms:.1f} ms"
        text = f"{measured}; {measure.upper_ms:.1f} ms allowed"
        yield case("budget", name, (measure.measured_ms or 0.0) / 1000, HELD[measure.holds], kind, text)
    for invariant in report.invariants:
        yield case("invariant", invariant.name, outcome=HELD[invariant.holds], text=invariant.text)


def _verdict(report: DrillReport) -> tuple[str, str, str]:
    lines = [report.sentence, *(f"{f.kind}: {f.text}" for f in report.failures)]
    text = "\n".join((*lines, *(denial.sentence for denial in report.denials)))
    match report.verdict:
        case DrillVerdict.PASS:
            return "", "", ""
        case DrillVerdict.FAIL:
            return "failure", str(report.failures[0].kind) if report.failures else "fail", text
    code = report.denials[0].code if report.denials else str(report.verdict)
    return "error", code, f"{report.verdict.word}: {text}"


# As Markdown, for a ticket or a hand-over.

WORDS = {
    DrillVerdict.PASS: "✅ PASSED",
    DrillVerdict.FAIL: "❌ FAILED",
    DrillVerdict.REFUSED: "⛔ REFUSED",
    DrillVerdict.UNKNOWN: "❓ UNKNOWN",
}
UNDONE = "↶ UNDONE"


def markdown(report: DrillReport) -> str:
    return markdown_document(_lines(report))


def _lines(report: DrillReport) -> Iterator[str]:
    word = UNDONE if report.put_back else WORDS[report.verdict]
    yield f"# {word}: drill {inline(report.drill)} on {inline(report.profile)}"
    yield ""
    yield f"{inline(report.title)}. {inline(report.sentence)}"
    yield ""
    when = f"{rfc3339(report.began_at)}, {report.duration_s:.1f} s"
    yield f"Run {inline(report.run)} by {inline(report.who)}, {when}, {inline(report.environment)}."
    if report.restored_by:
        yield f"Restored by: **{inline(str(report.restored_by))}**."
    yield from _section("Failures", ("kind", "what"), ((str(f.kind), f.text) for f in report.failures))
    yield from _section("Refused", ("code", "reason"), ((d.code, d.reason) for d in report.denials))
    head = ("step", "what", "measured", "budget", "allowance", "slack", "path")
    yield from _section("Budgets", head, map(_budget_row, report.measures))
    yield from _section("What a client saw", ("", ""), _client_rows(report.client))
    yield from _section("Invariants", ("held", "what", "seen"), map(_invariant_row, report.invariants))
    yield from _section("Steady state", ("holds", "what", "seen"), map(_invariant_row, report.steady_state))
    splits = ((d, ", ".join(f"{n}: {c}" for n, c in counts.items())) for d, counts in report.splits.items())
    yield from _section("Requests per backend", ("domain", "backends"), splits)
    steps = (
        (stage_word(s.stage), "" if s.took_s is None else f"{s.took_s:.2f} s", s.step.node, s.step.title, s.text)
        for s in report.steps
    )
    yield from _section("Steps", ("stage", "took", "node", "step", "observed"), steps)
    entries = (
        (f"{e.at_s:.3f} s ± {e.uncertainty_ms:.0f} ms", e.node or "", e.witness, e.text) for e in report.timeline
    )
    yield from _section("Timeline", ("at", "node", "witness", "what"), entries)
    node_head = ("node", "keepalived", "nginx", "clock", "running with")
    yield from _section("Nodes", node_head, map(_node_row, report.nodes))
    yield from _section("Notes", ("note",), ((note,) for note in report.notes))


def _section(title: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """A table; nothing where it has no rows."""
    lines = [f"| {' | '.join(map(inline, row))} |" for row in rows]
    if lines:
        yield from ("", f"## {title}", "", f"| {' | '.join(head)} |", f"|{'---|' * len(head)}", *lines)


def _budget_row(measure: Measure) -> tuple[str, ...]:
    measured = "never" if measure.measured_ms is None else f"{measure.measured_ms:.0f} ms"
    slack = "" if measure.slack_ms is None else f"{measure.slack_ms:.0f} ms"
    budget = f"{measure.lower_ms:.0f} to {measure.upper_ms:.0f} ms ({measure.rule})"
    return (measure.step, measure.what, measured, budget, f"{measure.allowance_ms:.0f} ms", slack, measure.path)


def _invariant_row(invariant: Invariant) -> tuple[str, ...]:
    return ({True: "yes", False: "NO", None: "not known"}[invariant.holds], invariant.name, invariant.text)


def _client_rows(client: ClientView | None) -> Iterator[tuple[str, str]]:
    if client is None:
        return
    yield "requests", f"{client.attempts}, none further apart than {client.resolution_ms:.0f} ms"
    yield "failed", str(client.failed)
    yield "longest gap", f"{client.longest_ms:.0f} ms"
    split = f"{client.refused_ms:.0f} / {client.no_answer_ms:.0f} / {client.wrong_ms:.0f} ms"
    yield "refused / dark / wrong", split
    yield "stale", f"{client.stale_ms:.0f} ms"
    if client.not_measured_ms:
        yield "not measured", f"{client.not_measured_ms / 1000:.1f} s"


def _node_row(node: NodeFacts) -> tuple[str, ...]:
    clock = "unknown"
    if node.clock_offset_ms is not None:
        error = "?" if node.clock_uncertainty_ms is None else f"{node.clock_uncertainty_ms:.1f}"
        clock = f"{node.clock_offset_ms:+.1f} ± {error} ms"
    live = ", ".join(f"{key}: {value}" for key, value in node.live.items())
    return (node.name, node.keepalived or "unknown", node.nginx or "unknown", clock, live)
