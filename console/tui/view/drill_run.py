"""A drill that runs, and what came of it, as lines: latency, steps, measures beside budgets, timeline."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence

from console.engine.drill_progress import DrillProgress
from console.engine.report import Stage, StepReport
from console.judge.drill_report import ClientView, DrillReport, Entry, Invariant, Measure, Verdict
from console.parse.safe_text import safe
from console.plan.steps import Kind
from console.tui.view.fit import clip_line, column
from console.tui.view.latency import latency_lines
from console.tui.view.run import UNDONE, client_lines, step_lines, undone_lines, unseen_lines
from console.tui.view.tone import EMPTY, Line, Span, Tone

VERDICTS = {
    Verdict.PASS: ("● passed", Tone.OK),
    Verdict.FAIL: ("✗ failed", Tone.DOWN),
    Verdict.REFUSED: ("▲ refused", Tone.WARN),
    Verdict.UNKNOWN: ("? unknown", Tone.UNKNOWN),
}
HELD = {True: ("● held  ", Tone.OK), False: ("✗ BROKEN", Tone.DOWN), None: ("? unsure", Tone.UNKNOWN)}
# The dead-man's timers matter while they are being set, and when that goes wrong.
QUIET = (Kind.ARM, Kind.DISARM)
TALL_ROOM, TALL_BARS = 30, 5
TIMELINE_MIN = 3
MARK, WHAT, MEASURED = 7, 16, 8


def drill_summary(report: DrillReport) -> str:
    """One line for a toast or the event list."""
    return f"drill {report.drill}: {report.ending}: {safe(report.sentence)}"


def drill_lines(progress: DrillProgress, began: float, now: float, width: int, room: int) -> tuple[Line, ...]:
    """The whole account at this moment. While it runs, it is what fits into `room` lines, if it can be.

    `began` is the zero of the timeline, in session time.
    """
    report, run = progress.report, progress.run
    until = now if report is None else began + report.duration_s
    bars = latency_lines(progress.samples(), began, until, width, TALL_BARS if room >= TALL_ROOM else 1)
    steps = [line for step in run.steps if _shown(step) for line in step_lines(step, now, width, ended=run.ended)]
    acts = (*steps, *undone_lines(run, width))
    if report is not None:
        lines = [*_verdict(report, width), *bars, EMPTY, *_findings(report, width), EMPTY, *acts, EMPTY]
        return (*lines, *_timeline(progress.timeline, width, len(progress.timeline)))
    lines = [_phase(progress, now - began), *bars, *client_lines(run.gap, width), EMPTY, *acts, EMPTY]
    left = room - len(lines) - 1
    return (*lines, *_timeline(progress.timeline, width, max(TIMELINE_MIN, left)))


def _phase(progress: DrillProgress, spent_s: float) -> Line:
    """What the engine calls success is no verdict yet."""
    phase = progress.run.phase if progress.run.outcome is None else "judging"
    limit = f"  {spent_s:.1f} s, undone after {progress.drill.max_duration_s:.0f} s"
    return (Span(f"▶ {phase}", Tone.ACCENT), Span(limit, Tone.MUTED))


def _shown(step: StepReport) -> bool:
    return step.step.kind not in QUIET or step.stage not in (Stage.WAITING, Stage.DONE)


def _verdict(report: DrillReport, width: int) -> Iterator[Line]:
    word, tone = UNDONE if report.put_back else VERDICTS[report.verdict]
    yield (Span(word.upper(), tone), Span(f"  {report.duration_s:.1f} s", Tone.MUTED))
    yield from _wrapped(report.sentence, width, Tone.PLAIN)
    if report.restored_by is not None:
        yield (Span("restored by: ", Tone.MUTED), Span(str(report.restored_by), Tone.WARN))
    told = [*((str(f.kind), f.text) for f in report.failures), *((d.code, d.reason) for d in report.denials)]
    for kind, text in told:
        yield from _wrapped(f"✗ {kind}: {text}", width, Tone.DOWN)
    for note in report.notes:
        yield from _wrapped(f"note: {note}", width, Tone.MUTED)


def _findings(report: DrillReport, width: int) -> Iterator[Line]:
    """Everything that was measured or watched."""
    step = ""
    for measure in report.measures:
        if measure.step != step:
            step = measure.step
            yield clip_line((Span(step, Tone.MUTED),), width)
        yield clip_line(_measure(measure), width)
    if report.client is not None:
        yield from _client(report.client, width)
    for domain, counts in report.splits.items():
        shares = ", ".join(f"{count} on {node}" for node, count in counts.items())
        yield from _wrapped(f"{domain}: {shares}", width, Tone.PLAIN)
    for each in report.invariants:
        yield from _invariant(each, width)


def _measure(measure: Measure) -> Line:
    word = "ok" if measure.holds else "OVER" if measure.measured_ms is not None else "never"
    mark, tone = (f"● {word}", Tone.OK) if measure.holds else (f"✗ {word}", Tone.DOWN)
    measured = "" if measure.measured_ms is None else f"{measure.measured_ms:.0f} ms"
    slack = "" if measure.slack_ms is None else f", slack {measure.slack_ms:.0f} ms"
    budget = f" of {measure.upper_ms:.0f} ms + {measure.allowance_ms:.0f}{slack} {measure.path}"
    what = f" {column(measure.what, WHAT)} {measured:>{MEASURED}}"
    return (Span(mark.ljust(MARK), tone), Span(what), Span(budget, Tone.MUTED))


def _client(client: ClientView, width: int) -> Iterator[Line]:
    if not client.attempts:
        yield (Span("client: not measured", Tone.UNKNOWN),)
        return
    if not client.failed:
        yield (Span("client: ", Tone.MUTED), Span(f"● none of {client.attempts} requests failed", Tone.OK))
        yield from unseen_lines(client.not_measured_ms)
        return
    kinds = (("refused", client.refused_ms), ("dark", client.dark_ms), ("wrong", client.wrong_ms))
    spent = ", ".join(f"{word} {ms:.0f} ms" for word, ms in (*kinds, ("stale", client.stale_ms)) if ms)
    gap = f"longest gap {client.longest_ms:.0f} ms" + (f"; in all {spent}" if spent else "")
    yield from _wrapped(f"client: {client.failed} of {client.attempts} requests failed, {gap}", width, Tone.PLAIN)
    yield from unseen_lines(client.not_measured_ms)


def _invariant(invariant: Invariant, width: int) -> Iterator[Line]:
    mark, tone = HELD[invariant.holds]
    first, *rest = textwrap.wrap(safe(invariant.text), max(20, width - 10)) or [""]
    yield (Span(f"{mark}  ", tone), Span(first))
    for more in rest:
        yield (Span(" " * 10 + more),)


def _timeline(entries: Sequence[Entry], width: int, most: int) -> Iterator[Line]:
    newest = sorted(entries, key=lambda entry: entry.at_s, reverse=True)
    more = f", {most} of {len(newest)}" if most < len(newest) else ""
    yield (Span(f"timeline, newest first{more}", Tone.MUTED),)
    yield from (clip_line(line, width) for line in map(_entry, newest[:most]))


def _entry(entry: Entry) -> Line:
    head = f"{entry.at_s:8.3f} s  {column(entry.node or '–', 10)} {column(entry.witness, 10)} "
    return (Span(head, Tone.MUTED), Span(safe(entry.text)))


def _wrapped(text: str, width: int, tone: Tone) -> Iterable[Line]:
    return ((Span(line, tone),) for line in textwrap.wrap(safe(text), width, subsequent_indent="  "))
