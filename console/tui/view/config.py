"""Configuration files as lines: how each stands, and what a push would change in it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from console.judge.config_sight import ConfigSight, FileSight, FileState
from console.model.facts import Severity
from console.model.words import counted
from console.parse.safe_text import safe
from console.plan.config_change import FileChange
from console.plan.config_diff import diff_lines, side_by_side
from console.tui.view.fit import column
from console.tui.view.rows import Row
from console.tui.view.tone import EMPTY, Line, Span, Tone

STATES = {
    FileState.IN_SYNC: ("● in sync", Tone.OK),
    FileState.DRIFT: ("≠ drift", Tone.WARN),
    FileState.MISSING: ("✗ missing", Tone.DOWN),
    FileState.SURPLUS: ("▲ surplus", Tone.WARN),
    FileState.INVALID: ("✗ invalid", Tone.DOWN),
    FileState.FOREIGN: ("· not ours", Tone.MUTED),
}
SEVERITIES = {Severity.CRITICAL: Tone.DOWN, Severity.WARNING: Tone.WARN, Severity.INFO: Tone.MUTED}
NODE, STATE, LINT = 18, 12, 7
HEADINGS: tuple[tuple[int, Span], ...] = (
    (NODE + 1, Span("STATE", Tone.MUTED)),
    (NODE + STATE + 1, Span("LINT", Tone.MUTED)),
    (NODE + STATE + LINT + 1, Span("FILE", Tone.MUTED)),
)
# Two columns of less are no help to anyone.
SIDE_BY_SIDE_FROM = 100
CONTEXT = 3
MARKS = {"-": Tone.DOWN, "+": Tone.OK, "~": Tone.WARN, " ": Tone.PLAIN}


def verdict(sight: ConfigSight) -> Line:
    """The pane's title, at its right end."""
    if sight.problem or sight.unread:
        return (Span(" ? not all could be read ", Tone.UNKNOWN),)
    if not sight.files:
        return EMPTY
    if sight.differing:
        return (
            Span(
                f" ≠ {counted(sight.differing, 'file')} {'differs' if sight.differing == 1 else 'differ'} ",
                Tone.WARN,
            ),
        )
    return (Span(" ● in sync ", Tone.OK),)


def told(file: FileSight) -> tuple[str, ...]:
    """What a filter looks for."""
    return (file.node, file.path, file.state, *(each.rule.code for each in file.findings))


def file_row(file: FileSight, width: int) -> Row:
    """One line: node, state, how much lint has to say, path."""
    word, tone = STATES[file.state]
    count = f"{len(file.findings)}" if file.findings else ""
    line: Line = (
        Span(" " + column(file.node, NODE - 1) + " ", Tone.TITLE),
        Span(column(word, STATE), tone),
        Span(column(count, LINT), Tone.WARN),
        Span(file.path),
    )
    return Row.whole(file.key, line, f"{file.node}: {file.path}: {file.state}", width)


def summary(sight: ConfigSight, width: int) -> tuple[Line, ...]:
    """What concerns the whole: what could not be read, and what a push would mean."""
    lines: list[Line] = []
    if sight.problem:
        lines += _wrapped("✗ ", sight.problem, Tone.DOWN, width)
    for node, why in sight.unread.items():
        lines += _wrapped(f"? {node}: ", why.removeprefix(f"{node}: "), Tone.UNKNOWN, width)
    for sentence in sight.meaning:
        lines += _wrapped("a push: ", sentence, Tone.ACCENT, width)
    return (*lines, EMPTY) if lines else ()


def file_story(file: FileSight, width: int) -> tuple[Line, ...]:
    """Lint's findings on one file, then what would change in it."""
    lines: list[Line] = []
    for finding in file.findings:
        at = f"line {finding.hit.line}: " if finding.hit.line else ""
        head = f"{finding.rule.code} {at}"
        lines += _wrapped(
            head, f"{finding.rule.title}: {finding.hit.evidence}", SEVERITIES[finding.rule.severity], width
        )
        lines += _wrapped(" " * len(head), f"fix: {finding.rule.fix}", Tone.MUTED, width)
    if file.change is None:
        words = "the file is what the profile asks for" if file.state is FileState.IN_SYNC else ""
        words = "not written by the profile; a push leaves it alone" if file.state is FileState.FOREIGN else words
        return (*lines, (Span(words, Tone.MUTED),))
    if lines:
        lines.append(EMPTY)
    both = width >= SIDE_BY_SIDE_FROM and file.change.old is not None and file.change.new is not None
    return (*lines, *(_beside(file, file.change, width) if both else _unified(file, file.change)))


def _unified(file: FileSight, change: FileChange) -> Iterator[Line]:
    for line in diff_lines(change, file.node):
        tone = MARKS.get(line[:1], Tone.MUTED)
        yield (Span(line, Tone.ACCENT if line.startswith(("---", "+++", "@@")) else tone),)


def _beside(file: FileSight, change: FileChange, width: int) -> Iterator[Line]:
    """Node on the left, profile on the right; long stretches of equal lines are left out."""
    half = (width - 3) // 2
    yield (Span(column(f"on {file.node}", half), Tone.TITLE), Span(" │ "), Span("in the profile", Tone.TITLE))
    rows = list(side_by_side(change))
    near = {m for n, (mark, _, _) in enumerate(rows) if mark != " " for m in range(n - CONTEXT, n + CONTEXT + 1)}
    skipped = False
    for n, (mark, left, right) in enumerate(rows):
        if n not in near:
            if not skipped:
                yield (Span("⋯", Tone.MUTED),)
            skipped = True
            continue
        skipped = False
        old = MARKS["-"] if mark in "-~" else Tone.PLAIN
        new = MARKS["+"] if mark in "+~" else Tone.PLAIN
        middle = Span(f" {mark if mark != ' ' else '│'} ", MARKS[mark])
        yield (Span(column(left, half), old), middle, Span(column(right, half), new))


def _wrapped(head: str, text: str, tone: Tone, width: int) -> list[Line]:
    first, *rest = textwrap.wrap(safe(text), max(20, width - len(head))) or [""]
    return [(Span(head, tone), Span(first)), *((Span(" " * len(head) + more),) for more in rest)]
