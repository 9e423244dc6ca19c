"""The findings: what is wrong, on what evidence, and the next safe step. The worst stands first."""

from __future__ import annotations

from console.judge.findings import Finding
from console.model.observed import Freshness
from console.tui.view.fit import apart, clip
from console.tui.view.health import SEVERITY_GLYPHS
from console.tui.view.moment import Moment
from console.tui.view.rows import Picture, Row, Rows
from console.tui.view.tone import Line, Span, Tone


def findings(moment: Moment, width: int, lines: int) -> Picture:
    """One line each, or three (title, evidence, next step) where there is room for them."""
    title = (Span(f"FINDINGS {len(moment.findings)}", Tone.TITLE),)
    if not moment.findings:
        row = Row.whole("", (_nothing(moment),), _nothing(moment).text.strip(), width)
        return Picture(title, rows=Rows.of((row,)))
    numbers = range(len(moment.findings))
    return Picture(title, rows=Rows.of(row for n in numbers for row in _rows(moment, n, width, lines)))


def _rows(moment: Moment, number: int, width: int, lines: int) -> list[Row]:
    finding = moment.findings[number]
    head = _head(moment, number)
    key, said = f"{key_of(finding)} {number}", spoken_finding(finding)
    if lines < 3:
        # The title gives way first: the step must be readable.
        step: Line = (Span(" → ", Tone.MUTED), Span(f"{clip(finding.next, width // 2)} ", Tone.ACCENT))
        return [Row.whole(key, apart(head, step, width), said, width)]
    evidence = " · ".join(map(str, finding.evidence)) or "no evidence given"
    because = (Span("   because  ", Tone.MUTED), Span(evidence))
    step = (Span("   next     ", Tone.MUTED), Span(finding.next, Tone.ACCENT))
    return [Row.whole(key, line, said, width) for line in (head, because, step)]


def key_of(finding: Finding) -> str:
    """What tells a finding from others, from one look to the next."""
    return f"{finding.code} {finding.node or '-'}"


def spoken_finding(finding: Finding) -> str:
    """The whole finding in words."""
    evidence = f" · {'; '.join(map(str, finding.evidence))}" if finding.evidence else ""
    return f"{finding.severity.upper()} {finding.code}: {finding.title}{evidence} → {finding.next}"


def _head(moment: Moment, number: int) -> Line:
    finding, several = moment.findings[number], len(moment.findings)
    glyph, tone = SEVERITY_GLYPHS[finding.severity]
    place = f" {number + 1}/{several}" if several > 1 else ""
    return (Span(f" {glyph} {finding.severity.upper()}{place} ", tone), Span(finding.title))


def _nothing(moment: Moment) -> Span:
    """No finding is only good news about nodes that are seen."""
    dark = [n.name for n in moment.state.nodes.values() if n.freshness(moment.now) is Freshness.UNKNOWN]
    if len(dark) == len(moment.state.nodes):
        return Span(" ? nothing is known yet", Tone.UNKNOWN)
    if dark:
        named = ", ".join(dark[:3]) + (f" and {len(dark) - 3} more" if len(dark) > 3 else "")
        return Span(f" ? no findings, but unknown: {named}", Tone.UNKNOWN)
    return Span(" ● no findings", Tone.OK)
