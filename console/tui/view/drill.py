"""Drills as lines: what one does in words, how one is going, what came of it, and the list of them all."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from console.engine.drill_progress import DrillProgress
from console.judge.drill_report import DrillReport, Entry, Measure, Verdict
from console.model.drill import (
    Drill,
    EvenSplit,
    Expected,
    FailedRequests,
    Move,
    Outage,
    StateOf,
    Verb,
    VipOn,
)
from console.model.gap import Fate, Sample
from console.parse.safe_text import safe
from console.tui.view.rows import Row
from console.tui.view.run import client_lines, status_lines, step_lines
from console.tui.view.tone import EMPTY, Line, Span, Tone

VERDICTS = {
    Verdict.PASS: ("● pass", Tone.OK),
    Verdict.FAIL: ("✗ fail", Tone.DOWN),
    Verdict.REFUSED: ("▲ refused", Tone.WARN),
    Verdict.UNKNOWN: ("? unknown", Tone.UNKNOWN),
}
NEVER = ("– never run", Tone.MUTED)
BARS = "▁▂▃▄▅▆▇█"
FULL_BAR_MS = 20.0
NAME, VERDICT, PASSED, WHEN = 16, 12, 8, 18
TIMELINE_SHOWN = 40


def drill_summary(report: DrillReport) -> str:
    """One line for a toast or the event list."""
    return f"drill {report.drill}: {report.verdict}: {safe(report.sentence)}"


def drill_lines(progress: DrillProgress, now: float, width: int) -> tuple[Line, ...]:
    """The whole account at this moment: what is new stands first."""
    report = progress.report
    lines: list[Line] = [*(_verdict(report, width) if report else status_lines(progress.run, now, width))]
    samples = progress.samples()
    began = progress.run.began - samples.ahead_s
    lines += _latency(samples.row, began, now - samples.ahead_s if report is None else None, width)
    if report is not None:
        lines += [EMPTY, *(_measure(each, width) for each in report.measures)]
        held = (
            ("●" if each.holds else "✗", each.text, Tone.OK if each.holds else Tone.DOWN)
            for each in report.invariants
        )
        lines += [(Span(f"{glyph} ", tone), Span(safe(text)[: width - 2])) for glyph, text, tone in held]
    else:
        lines += client_lines(progress.run.gap, width)
    lines.append(EMPTY)
    for step in progress.run.steps:
        lines += step_lines(step, now, width)
    lines += [EMPTY, (Span("timeline, newest first", Tone.MUTED),)]
    lines += [_entry(entry, width) for entry in reversed(progress.timeline[-TIMELINE_SHOWN:])]
    return tuple(lines)


def drill_row(drill: Drill, reports: Sequence[Mapping[str, Any]], width: int) -> Row:
    """One line: name, last verdict, how often it passed, when, what it proves."""
    own = [report for report in reports if report.get("drill") == drill.name]
    carried_out = [report for report in own if report.get("verdict") in ("pass", "fail", "unknown")]
    good = sum(report.get("verdict") == "pass" for report in carried_out)
    word, tone = _last(own)
    when = safe(str(own[-1].get("at", "")))[:16].replace("T", " ") if own else ""
    line: Line = (
        Span(" " + drill.name.ljust(NAME), Tone.TITLE),
        Span(word.ljust(VERDICT), tone),
        Span((f"{good}/{len(carried_out)}" if carried_out else "").ljust(PASSED), Tone.MUTED),
        Span(when.ljust(WHEN), Tone.MUTED),
        Span(drill.title),
    )
    return Row.whole(drill.name, line, f"{drill.name}: {drill.title}", width, drill.name)


def drill_story(drill: Drill, reports: Sequence[Mapping[str, Any]], width: int) -> tuple[Line, ...]:
    """What it is for, how it went last, and what it does; wrapped."""
    lines: list[Line] = [(Span(line),) for line in textwrap.wrap(drill.about or drill.title, width)]
    if drill.disruptive:
        lines.append((Span("▲ takes a whole machine away: in a lab, or with --allow-disruptive", Tone.WARN),))
    last = next((report for report in reversed(reports) if report.get("drill") == drill.name), None)
    if last is not None:
        text = f"last: {last.get('verdict')}: {last.get('sentence')}"
        lines += [(Span(line, Tone.MUTED),) for line in textwrap.wrap(safe(text), width)]
    lines.append(EMPTY)
    for number, move in enumerate(drill.moves, start=1):
        lines += _move(number, move, width)
    return tuple(lines)


def expected_words(expected: Expected) -> str:
    """What must follow, in words."""
    match expected:
        case VipOn():
            return f"the VIP is on the {expected.who} within {expected.within.text}"
        case StateOf():
            return f"the {expected.who} is {expected.state} within {expected.within.text}"
        case Outage():
            return f"a client's longest gap is at most {expected.at_most.text}"
        case FailedRequests():
            return f"at most {expected.at_most} requests fail" if expected.at_most else "no request fails"
        case EvenSplit():
            return "every backend has the same share"
    return f"the VIP stays for {expected.lasting.text}"


def _move(number: int, move: Move, width: int) -> Iterator[Line]:
    what = f"{move.verb} {move.unit}" if move.unit else str(move.verb)
    if move.verb is Verb.REQUESTS:
        what = f"{move.count} requests per domain"
    where = "" if move.verb in (Verb.REQUESTS, Verb.WATCH, Verb.SWITCHOVER) else f" on the {move.on}"
    yield (Span(f"{number:2} ", Tone.MUTED), Span(f"{what}{where}", Tone.TITLE))
    for each in move.expect:
        for line in textwrap.wrap(expected_words(each), max(20, width - 5)):
            yield (Span(f"     {line}", Tone.MUTED),)


def _last(own: Sequence[Mapping[str, Any]]) -> tuple[str, Tone]:
    verdict = own[-1].get("verdict") if own else None
    known = {str(each): told for each, told in VERDICTS.items()}
    return known.get(str(verdict), NEVER)


def _verdict(report: DrillReport, width: int) -> Iterator[Line]:
    word, tone = VERDICTS[report.verdict]
    yield (Span(word.upper(), tone), Span(f"  {report.duration_s:.1f} s", Tone.MUTED))
    for line in textwrap.wrap(safe(report.sentence), width):
        yield (Span(line),)
    if report.restored_by is not None:
        yield (Span("restored by: ", Tone.MUTED), Span(str(report.restored_by), Tone.WARN))
    told = [*((str(f.kind), f.text) for f in report.failures), *((d.code, d.reason) for d in report.denials)]
    for kind, text in told:
        for line in textwrap.wrap(f"✗ {kind}: {safe(text)}", width, subsequent_indent="  "):
            yield (Span(line, Tone.DOWN),)
    for note in report.notes:
        for line in textwrap.wrap(f"note: {safe(note)}", width):
            yield (Span(line, Tone.MUTED),)


def _measure(measure: Measure, width: int) -> Line:
    glyph, tone = ("●", Tone.OK) if measure.holds else ("✗", Tone.DOWN)
    measured = "never" if measure.measured_ms is None else f"{measure.measured_ms:.0f} ms"
    slack = "" if measure.slack_ms is None else f", slack {measure.slack_ms:.0f} ms"
    head = f"{glyph} {measure.what:<16.16} {measured:>9} "
    budget = f"of {measure.upper_ms:.0f} ms + {measure.allowance_ms:.0f}{slack} {measure.path}"
    return (Span(head, tone), Span(budget[: max(0, width - len(head))], Tone.MUTED))


def _latency(samples: Sequence[Sample], began: float, now: float | None, width: int) -> Iterator[Line]:
    """A bar for each span of time: the slowest answer in it, or a cross where a request failed."""
    if not samples:
        return
    ended = samples[-1].at if now is None else now
    columns = max(20, width - 2)
    span_s = max(ended - began, 1.0)
    worst: dict[int, Sample] = {}
    for sample in samples:
        at = min(columns - 1, int((sample.at - began) / span_s * columns))
        if at >= 0 and (at not in worst or _badness(sample) > _badness(worst[at])):
            worst[at] = sample
    yield EMPTY
    yield tuple(_bar(worst.get(column)) for column in range(columns))
    scale = f"one column is {span_s / columns * 1000:.0f} ms; a full bar {FULL_BAR_MS:.0f} ms; ✗ a request failed"
    yield (Span(scale[:width], Tone.MUTED),)


def _bar(sample: Sample | None) -> Span:
    if sample is None:
        return Span(" ")
    if sample.fate is not Fate.GOOD:
        return Span("✗", Tone.DOWN)
    level = min(len(BARS) - 1, int((sample.latency_ms or 0.0) / FULL_BAR_MS * len(BARS)))
    return Span(BARS[level], Tone.OK)


def _badness(sample: Sample) -> float:
    return float("inf") if sample.fate is not Fate.GOOD else sample.latency_ms or 0.0


def _entry(entry: Entry, width: int) -> Line:
    head = f"{entry.at_s:8.3f} s  {entry.node or 'client':<10.10} {entry.witness:<10.10} "
    return (Span(head, Tone.MUTED), Span(safe(entry.text)[: max(10, width - len(head))]))
