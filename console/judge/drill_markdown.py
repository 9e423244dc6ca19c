"""A drill's report as Markdown, for a ticket or a hand-over. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from console.judge.drill_report import DrillReport, Invariant, Measure, NodeFacts, Verdict
from console.judge.ending import stage_word
from console.judge.markdown_text import inline as _cell
from console.judge.markdown_text import markdown_document
from console.model.timestamps import rfc3339

WORDS = {
    Verdict.PASS: "✅ PASSED",
    Verdict.FAIL: "❌ FAILED",
    Verdict.REFUSED: "⛔ REFUSED",
    Verdict.UNKNOWN: "❓ UNKNOWN",
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
    yield from _section("Budgets", head, (_budget(each) for each in report.measures))
    yield from _client(report)
    yield from _section("Invariants", ("held", "what", "seen"), (_held(each) for each in report.invariants))
    yield from _section("Steady state", ("holds", "what", "seen"), (_held(each) for each in report.steady))
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


def _budget(measure: Measure) -> tuple[str, ...]:
    measured = "never" if measure.measured_ms is None else f"{measure.measured_ms:.0f} ms"
    slack = "" if measure.slack_ms is None else f"{measure.slack_ms:.0f} ms"
    budget = f"{measure.lower_ms:.0f} to {measure.upper_ms:.0f} ms ({measure.rule})"
    return (measure.step, measure.what, measured, budget, f"{measure.allowance_ms:.0f} ms", slack, measure.path)


def _held(each: Invariant) -> tuple[str, ...]:
    return ({True: "yes", False: "NO", None: "not known"}[each.holds], each.name, each.text)


def _client(report: DrillReport) -> Iterator[str]:
    client = report.client
    if client is None:
        return
    rows = [
        ("requests", f"{client.attempts}, none further apart than {client.resolution_ms:.0f} ms"),
        ("failed", str(client.failed)),
        ("longest gap", f"{client.longest_ms:.0f} ms"),
        ("refused / dark / wrong", f"{client.refused_ms:.0f} / {client.dark_ms:.0f} / {client.wrong_ms:.0f} ms"),
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
