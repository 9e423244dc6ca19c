"""A drill that runs, and what came of it, as lines: latency, steps, measures beside budgets, timeline."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from iamops.judge.drill.report import ClientView, DrillProgress, DrillReport, DrillVerdict, Measure, TimelineEntry
from iamops.judge.run import Stage
from iamops.model.outage import ProbeResult, ProbeSample, Samples
from iamops.model.text import safe
from iamops.plan.steps import StepKind
from iamops.tui.dialogs.progress import UNDONE, client_lines, step_lines, undone_lines, unseen_lines
from iamops.tui.toolkit.text import (
    EMPTY,
    Line,
    TextSpan,
    Tone,
    align_ends,
    clip_line,
    column,
    labelled,
    latency,
    line_of_cells,
    wrapped,
)

EIGHTHS = " ▁▂▃▄▅▆▇█"
FAILED = "✗"
COLUMNS_MIN = 20


def latency_lines(samples: Samples, began: float, until: float, width: int, height: int) -> tuple[Line, ...]:
    """`height` rows of bars from `began` to `until`, in session time, and a scale below; nothing without samples.

    A column shows the slowest answer of its span, or that one of its requests failed.
    """
    if not samples.row:
        return ()
    columns = max(COLUMNS_MIN, width)
    span_s = max(until - began, 1.0)
    worst = _worst(samples, began, span_s, columns)
    top_ms = max((s.latency_ms or 0.0 for s in worst.values() if s.result is ProbeResult.GOOD), default=0.0)
    # The top of the scale is 1, 2 or 5 times a power of ten, and at least 1 ms.
    power = 1.0
    while power * 10 < top_ms:
        power *= 10
    top_ms = next(step * power for step in (1, 2, 5, 10) if step * power >= top_ms)
    rows = (
        line_of_cells(_cell(worst.get(n), top_ms, row, height) for n in range(columns)) for row in range(height)
    )
    top = f"top {latency(top_ms)} · {latency(span_s / columns * 1000)} a column · "
    scale = (TextSpan(f"0 s · {top}", Tone.MUTED), TextSpan(f"{FAILED} failed", Tone.DOWN))
    return (*rows, align_ends(scale, (TextSpan(f"{span_s:.1f} s", Tone.MUTED),), columns))


def _worst(samples: Samples, began: float, span_s: float, columns: int) -> Mapping[int, ProbeSample]:
    """The worst sample of each column; a failure is worse than any answer."""
    worst: dict[int, ProbeSample] = {}
    badness: dict[int, float] = {}
    first = began - samples.ahead_s
    for sample in samples.row:
        number = min(int((sample.at - first) / span_s * columns), columns - 1)
        bad = float("inf") if sample.result is not ProbeResult.GOOD else sample.latency_ms or 0.0
        if number >= 0 and bad > badness.get(number, -1.0):
            worst[number], badness[number] = sample, bad
    return worst


def _cell(sample: ProbeSample | None, top_ms: float, row: int, height: int) -> tuple[str, Tone]:
    """One cell of a bar; row 0 is the uppermost."""
    if sample is None:
        return " ", Tone.PLAIN
    if sample.result is not ProbeResult.GOOD:
        return FAILED, Tone.DOWN
    eighths = max(1, round((sample.latency_ms or 0.0) / top_ms * height * 8))
    return EIGHTHS[min(8, max(0, eighths - (height - 1 - row) * 8))], Tone.GRAPH


VERDICTS = {
    DrillVerdict.PASS: ("● passed", Tone.OK),
    DrillVerdict.FAIL: ("✗ failed", Tone.DOWN),
    DrillVerdict.REFUSED: ("▲ refused", Tone.WARN),
    DrillVerdict.UNKNOWN: ("? unknown", Tone.UNKNOWN),
}
HELD = {True: ("● held  ", Tone.OK), False: ("✗ BROKEN", Tone.DOWN), None: ("? unsure", Tone.UNKNOWN)}
# The dead-man's timers matter while they are being set, and when that goes wrong.
QUIET = (StepKind.ARM, StepKind.DISARM)
TALL_ROOM, TALL_BARS = 30, 5
TIMELINE_MIN = 3
MARK, WHAT, MEASURED = 7, 16, 8
HANGING = "  "


def drill_summary(report: DrillReport) -> str:
    """One line for a toast or the event list."""
    return f"drill {report.drill}: {report.ending}: {safe(report.sentence)}"


def drill_lines(progress: DrillProgress, began: float, now: float, width: int, room: int) -> tuple[Line, ...]:
    """The account so far. While the drill runs, its timeline is cut so that all fits into `room` lines.

    `began` is the zero of the timeline, in session time.
    """
    report, run = progress.report, progress.run
    until = now if report is None else began + report.duration_s
    bars = latency_lines(progress.samples(), began, until, width, TALL_BARS if room >= TALL_ROOM else 1)
    steps: list[Line] = []
    for step in run.steps:
        if step.step.kind not in QUIET or step.stage not in (Stage.WAITING, Stage.DONE):
            steps += step_lines(step, now, width, ended=run.ended)
    steps += [*undone_lines(run, width), EMPTY]
    if report is not None:
        lines = [*_verdict(report, width), *bars, EMPTY, *_measured(report, width), EMPTY, *steps]
        return (*lines, *_timeline(progress.timeline, width, len(progress.timeline)))
    # What the engine calls success is no verdict yet.
    phase = run.phase if run.outcome is None else "judging"
    limit = f"  {now - began:.1f} s, undone after {progress.drill.max_duration_s:.0f} s"
    head = (TextSpan(f"▶ {phase}", Tone.ACCENT), TextSpan(limit, Tone.MUTED))
    lines = [head, *bars, *client_lines(run.gap, width), EMPTY, *steps]
    return (*lines, *_timeline(progress.timeline, width, max(TIMELINE_MIN, room - len(lines) - 1)))


def _verdict(report: DrillReport, width: int) -> Iterator[Line]:
    word, tone = UNDONE if report.put_back else VERDICTS[report.verdict]
    yield (TextSpan(word.upper(), tone), TextSpan(f"  {report.duration_s:.1f} s", Tone.MUTED))
    yield from wrapped(report.sentence, Tone.PLAIN, width, hanging=HANGING)
    if report.restored_by is not None:
        yield (TextSpan("restored by: ", Tone.MUTED), TextSpan(str(report.restored_by), Tone.WARN))
    failures = ((str(failure.kind), failure.text) for failure in report.failures)
    for kind, text in (*failures, *((denial.code, denial.reason) for denial in report.denials)):
        yield from wrapped(f"✗ {kind}: {text}", Tone.DOWN, width, hanging=HANGING)
    for note in report.notes:
        yield from wrapped(f"note: {note}", Tone.MUTED, width, hanging=HANGING)


def _measured(report: DrillReport, width: int) -> Iterator[Line]:
    """Everything that was measured or watched."""
    step = ""
    for measure in report.measures:
        if measure.step != step:
            step = measure.step
            yield clip_line((TextSpan(step, Tone.MUTED),), width)
        yield clip_line(_measure(measure), width)
    if report.client is not None:
        yield from _client(report.client, width)
    for domain, counts in report.splits.items():
        shares = ", ".join(f"{count} on {node}" for node, count in counts.items())
        yield from wrapped(f"{domain}: {shares}", Tone.PLAIN, width, hanging=HANGING)
    for invariant in report.invariants:
        mark, tone = HELD[invariant.holds]
        yield from labelled(f"{mark}  ", invariant.text, tone, width)


def _measure(measure: Measure) -> Line:
    word = "ok" if measure.holds else "OVER" if measure.measured_ms is not None else "never"
    mark, tone = (f"● {word}", Tone.OK) if measure.holds else (f"✗ {word}", Tone.DOWN)
    measured = "" if measure.measured_ms is None else f"{measure.measured_ms:.0f} ms"
    slack = "" if measure.slack_ms is None else f", slack {measure.slack_ms:.0f} ms"
    budget = f" of {measure.upper_ms:.0f} ms + {measure.allowance_ms:.0f}{slack} {measure.path}"
    what = f" {column(measure.what, WHAT)} {measured:>{MEASURED}}"
    return (TextSpan(mark.ljust(MARK), tone), TextSpan(what), TextSpan(budget, Tone.MUTED))


def _client(client: ClientView, width: int) -> Iterator[Line]:
    if not client.attempts:
        yield (TextSpan("client: not measured", Tone.UNKNOWN),)
        return
    if client.failed:
        kinds = (
            ("refused", client.refused_ms),
            ("dark", client.no_answer_ms),
            ("wrong", client.wrong_ms),
            ("stale", client.stale_ms),
        )
        spent = ", ".join(f"{word} {ms:.0f} ms" for word, ms in kinds if ms)
        gap = f"longest gap {client.longest_ms:.0f} ms" + (f"; in all {spent}" if spent else "")
        words = f"client: {client.failed} of {client.attempts} requests failed, {gap}"
        yield from wrapped(words, Tone.PLAIN, width, hanging=HANGING)
    else:
        yield (TextSpan("client: ", Tone.MUTED), TextSpan(f"● none of {client.attempts} requests failed", Tone.OK))
    yield from unseen_lines(client.not_measured_ms)


def _timeline(entries: Sequence[TimelineEntry], width: int, most: int) -> Iterator[Line]:
    newest = sorted(entries, key=lambda entry: entry.at_s, reverse=True)
    more = f", {most} of {len(newest)}" if most < len(newest) else ""
    yield (TextSpan(f"timeline, newest first{more}", Tone.MUTED),)
    for entry in newest[:most]:
        head = f"{entry.at_s:8.3f} s  {column(entry.node or '–', 10)} {column(entry.witness, 10)} "
        yield clip_line((TextSpan(head, Tone.MUTED), TextSpan(safe(entry.text))), width)
