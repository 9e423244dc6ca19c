"""A plan as lines: what it will do, what speaks against it, and every command."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator

from console.judge.denial import Denial
from console.judge.insisting import overridden
from console.plan.steps import Kind, Plan, Step, command_line
from console.tui.view.tone import EMPTY, Line, Span, Tone

MARKS = {
    Kind.LOOK: ("look  ", Tone.MUTED),
    Kind.ARM: ("arm   ", Tone.ACCENT),
    Kind.DO: ("DO    ", Tone.WARN),
    Kind.DISARM: ("disarm", Tone.ACCENT),
    Kind.WATCH: ("watch ", Tone.OK),
    Kind.ASK: ("ask   ", Tone.OK),
    Kind.STAGE: ("stage ", Tone.MUTED),
    Kind.CONFIRM: ("keep? ", Tone.WARN),
}
ARMING = (Kind.ARM, Kind.DISARM)
INDENT = 10


def plan_lines(
    plan: Plan, denied: Iterable[Denial], overrides: Iterable[str], width: int, found: Iterable[Denial] = ()
) -> tuple[Line, ...]:
    """Everything a person should have read before saying yes, wrapped to `width`. `found`: by a step, before."""
    denied = tuple(denied)
    away = overridden(denied, overrides)
    lines: list[Line] = [*_wrapped("", plan.prediction, width, Tone.PLAIN)]
    if plan.forecast is not None:
        lines += _wrapped("forecast: ", plan.forecast.sentence, width, Tone.MUTED)
    for note in plan.notes:
        lines += _wrapped("note: ", note, width, Tone.MUTED)
    for denial in denied:
        lines += _denial(denial, denial in away, width)
    for denial in found:
        lines += _wrapped("▲ refused the last time: ", f"{denial.code}: {denial.reason}", width, Tone.WARN)
    for sentence in plan.first:
        lines += _wrapped("first: ", sentence, width, Tone.MUTED)
    for number, step in enumerate(plan.steps, start=1):
        lines += [EMPTY, *_step(number, step, width)]
    if plan.steps:
        lines.append(EMPTY)
        for sentence in plan.ending:
            lines += _wrapped("in the end: ", sentence, width, Tone.MUTED)
    return tuple(lines)


def _denial(denial: Denial, insisted: bool, width: int) -> Iterator[Line]:
    if insisted:
        yield from _wrapped(f"▲ OVERRIDDEN {denial.code}: ", denial.reason, width, Tone.WARN)
    else:
        word = "may be overridden" if denial.overridable else "cannot be overridden"
        yield from _wrapped(f"✗ REFUSED {denial.code}: ", f"{denial.reason} ({word})", width, Tone.DOWN)


def _step(number: int, step: Step, width: int) -> Iterator[Line]:
    word, tone = MARKS[step.kind]
    # The mark says it already: `disarm on iam-b`, not `disarm disarm on iam-b`.
    title = step.title.removeprefix("arm ").removeprefix("disarm ") if step.kind in ARMING else step.title
    first, *rest = textwrap.wrap(title, max(10, width - INDENT)) or [""]
    yield (Span(f"{number:2} ", Tone.MUTED), Span(f"{word} ", tone), Span(first))
    for more in rest:
        yield (Span(" " * INDENT + more),)
    given = f" <<< {step.given.strip()}" if step.stdin else ""
    if step.argv:
        yield from _wrapped(" " * 3 + f"{step.node}$ ", command_line(step.argv) + given, width, Tone.MUTED)
    for expected in step.expect:
        when = f"all the time, for {step.lasts_s:.1f} s" if step.lasts_s else f"within {step.within_s:.0f} s"
        yield from _wrapped(" " * 3 + "then ", f"{expected.sentence} ({when})", width, Tone.OK)


def _wrapped(head: str, text: str, width: int, tone: Tone) -> Iterator[Line]:
    """Continuation lines are indented as far as the text of the first."""
    indent = min(len(head), INDENT + 2)
    wrapped = textwrap.wrap(
        head + text,
        max(20, width),
        subsequent_indent=" " * indent,
        break_on_hyphens=False,
        drop_whitespace=True,
        replace_whitespace=False,
    )
    for line in wrapped:
        yield (Span(line, tone),)
