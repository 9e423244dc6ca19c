"""A run as lines: where it is, each step with its time, what was undone, what clients lost."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from iamops.judge.run import Outcome, RunReport, Stage, StepReport
from iamops.model.outage import GapReport, not_measured
from iamops.tui.toolkit.text import EMPTY, Line, TextSpan, Tone, wrapped

STAGES = {
    Stage.WAITING: ("·", "waiting  ", Tone.MUTED),
    Stage.RUNNING: ("▶", "running  ", Tone.ACCENT),
    Stage.OBSERVING: ("◌", "observing", Tone.ACCENT),
    Stage.DONE: ("●", "done     ", Tone.OK),
    Stage.FAILED: ("✗", "failed   ", Tone.DOWN),
    Stage.UNKNOWN: ("?", "unknown  ", Tone.UNKNOWN),
}
OUTCOMES = {
    Outcome.SUCCEEDED: ("● SUCCEEDED", Tone.OK),
    Outcome.FAILED: ("✗ FAILED", Tone.DOWN),
    Outcome.UNKNOWN: ("? UNKNOWN", Tone.UNKNOWN),
    Outcome.REFUSED: ("▲ REFUSED", Tone.WARN),
}
UNDONE = ("↶ UNDONE", Tone.WARN)
# A run that has ended leaves no step waiting or running.
LEFT = {
    Stage.WAITING: ("·", "not done ", Tone.MUTED),
    Stage.RUNNING: ("■", "stopped  ", Tone.WARN),
    Stage.OBSERVING: ("■", "stopped  ", Tone.WARN),
}
HEAD = 22
# What keeps a number and its unit on one line.
NO_BREAK = "\u00a0"


def run_lines(report: RunReport, now: float, width: int) -> tuple[Line, ...]:
    """The account of a run up to now, or to its end."""
    ended = report.ended if report.ended is not None else now
    spent = TextSpan(f"  {ended - report.began:.1f} s", Tone.MUTED)
    if report.outcome is None:
        lines: list[Line] = [(TextSpan(f"▶ {report.phase}", Tone.ACCENT), spent)]
    else:
        word, tone = UNDONE if report.put_back else OUTCOMES[report.outcome]
        lines = [(TextSpan(word, tone), spent), *wrapped(report.sentence, Tone.PLAIN, width)]
        if report.restored_by is not None:
            lines.append((TextSpan("restored by: ", Tone.MUTED), TextSpan(report.restored_by, Tone.WARN)))
        for denial in report.denials:
            lines += wrapped(f"✗ {denial.sentence}", Tone.DOWN, width, hanging=" " * 2)
        for note in report.notes:
            lines += wrapped(f"note: {note}", Tone.MUTED, width, hanging=" " * 6)

    lines.append(EMPTY)
    for step in report.steps:
        lines += step_lines(step, now, width, ended=report.ended)
    return (*lines, *undone_lines(report, width), EMPTY, *client_lines(report.gap, width))


def step_lines(report: StepReport, now: float, width: int, *, ended: float | None) -> Iterator[Line]:
    """`ended`: when its run was over, None while it goes on."""
    glyph, word, tone = (STAGES if ended is None else {**STAGES, **LEFT})[report.stage]
    took = ""
    if report.began is not None and (report.over or ended is None):
        took = f"{(report.ended if report.ended is not None else now) - report.began:5.1f} s"
    yield from _entry(f"{glyph} {word} {took:>7}", report.step.title, tone, width)
    if report.stage in (Stage.FAILED, Stage.UNKNOWN):
        yield from wrapped(report.text, Tone.MUTED, width, " " * HEAD)


def undone_lines(report: RunReport, width: int) -> Iterator[Line]:
    """What was undone, and what was observed of it."""
    for undo_report in report.undone:
        glyph, word, tone = STAGES[undo_report.stage]
        yield EMPTY
        title = f"{undo_report.undo.title} on {undo_report.undo.node}"
        yield from _entry(f"{glyph} {word} undo", title, tone, width)
        yield from wrapped(undo_report.text, Tone.MUTED, width, " " * HEAD)


def run_summary(report: RunReport) -> str:
    """One line for a toast or the header."""
    if report.outcome is not None:
        return f"{report.action.sentence}: {report.ending}: {report.sentence}"
    done = sum(step.over for step in report.steps)
    return f"{report.action.sentence}: {report.phase} {done}/{len(report.steps)}"


def _entry(head: str, text: str, tone: Tone, width: int) -> Iterator[Line]:
    first, *rest = textwrap.wrap(text, max(20, width - HEAD)) or [""]
    yield (TextSpan(head.ljust(HEAD), tone), TextSpan(first))
    yield from ((TextSpan(" " * HEAD + more),) for more in rest)


def unseen_lines(not_measured_ms: float) -> Iterator[Line]:
    """Time in which nothing was asked is no client's gap, and no proof that there was none."""
    if not_measured_ms:
        yield (TextSpan(f"        {not_measured(not_measured_ms)}", Tone.UNKNOWN),)


def client_lines(gap: GapReport | None, width: int) -> Iterator[Line]:
    if gap is None:
        yield (TextSpan("client: not measured", Tone.MUTED),)
        return
    if not gap.attempts:
        yield (TextSpan(f"client: {gap.seen}", Tone.UNKNOWN),)
        return
    if gap.longest_ms is None:
        yield (TextSpan("client: ", Tone.MUTED), TextSpan("● no request failed", Tone.OK))
        yield (TextSpan(f"        {gap.asking_text}", Tone.MUTED),)
        yield from unseen_lines(gap.not_measured_ms)
        return
    kinds = ((gap.refused, "refused"), (gap.no_answer, "dark"), (gap.wrong, "wrong"))
    what = ", ".join(f"{count} {word}" for count, word in kinds if count)
    tone = Tone.OK if gap.longest_ms < 100 else Tone.WARN
    longest = TextSpan(f"longest gap {gap.longest_ms:.0f} ms", tone)
    yield (TextSpan("client: ", Tone.MUTED), longest, TextSpan(f"; requests: {what}"))
    answered = f"{gap.asking_text}; answered by {gap.last_node or 'nobody'}".replace(" ms", f"{NO_BREAK}ms")
    for line in textwrap.wrap(answered, max(20, width - 8)):
        yield (TextSpan(f"        {line.replace(NO_BREAK, ' ')}", Tone.MUTED),)
    yield from unseen_lines(gap.not_measured_ms)
