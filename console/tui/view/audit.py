"""The ledger as rows: one run a line, newest first, and the whole story of the one under the cursor."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from console.ledger.record import Record
from console.ledger.verify import Verdict
from console.parse.safe_text import safe
from console.tui.view.rows import Row
from console.tui.view.tone import EMPTY, Line, Span, Tone

MARKS = {
    "succeeded": ("● succeeded", Tone.OK),
    "failed": ("✗ failed", Tone.DOWN),
    "unknown": ("? unknown", Tone.UNKNOWN),
    "refused": ("▲ refused", Tone.WARN),
}
NO_OUTCOME = ("? no outcome", Tone.UNKNOWN)
MARK, WHEN = 13, 20
FIELD, STEP = 13, 18


@dataclass(frozen=True, slots=True)
class AuditRun:
    """Everything the ledger has about one run; `last` is its newest record."""

    run: str
    records: tuple[Record, ...]

    @property
    def last(self) -> Record:
        return self.records[-1]


def runs_of(records: Sequence[Record]) -> tuple[AuditRun, ...]:
    """Newest first."""
    found: dict[str, list[Record]] = {}
    for record in records:
        found.setdefault(record.run or str(record.n), []).append(record)
    return tuple(AuditRun(run, tuple(of_run)) for run, of_run in reversed(found.items()))


def told(run: AuditRun) -> tuple[str, ...]:
    """What a filter looks for."""
    keys = ("outcome", "action", "who", "from", "reason", "command")
    return (run.run, run.last.at, *(_text(run.last.raw, key) for key in keys))


def verdict_span(verdict: Verdict) -> Span:
    """Whether the ledger can be believed."""
    broken = verdict.broken
    if broken is None:
        return Span(f" {verdict.records} records, chain intact ", Tone.OK)
    return Span(f" ✗ BROKEN at record {broken.record} (line {broken.line}): {broken.reason} ", Tone.DOWN)


def run_row(run: AuditRun, width: int) -> Row:
    """One line: when, outcome, what, who, why."""
    last = run.last
    word, tone = MARKS.get(_text(last.raw, "outcome"), NO_OUTCOME)
    when = last.at.replace("T", " ")[:19]
    who, why = _text(last.raw, "who"), _text(last.raw, "reason")
    line: Line = (
        Span(" " + when.ljust(WHEN), Tone.MUTED),
        Span(word.ljust(MARK), tone),
        Span(f"{_text(last.raw, 'action')}  "),
        Span(f"{who}  ", Tone.MUTED),
        Span(why, Tone.MUTED),
    )
    return Row.whole(run.run, line, _text(last.raw, "command") or f"run {run.run}", width)


def run_story(run: AuditRun, width: int) -> tuple[Line, ...]:
    """Everything about one run, wrapped."""
    raw = run.last.raw
    lines: list[Line] = []
    for key in ("action", "command", "who", "from", "reason", "overrides", "outcome", "sentence", "restored_by"):
        value = raw.get(key)
        text = ", ".join(map(str, value)) if isinstance(value, list) else _text(raw, key)
        if text:
            lines += _field(key.replace("_", " "), text, width)
    if run.last.kind == "intent":
        lines.append((Span("no outcome was recorded: the console was ended; look at the cluster", Tone.WARN),))
    lines += list(_steps(raw, width))
    lines += list(_owners(run, width))
    lines += _field("records", ", ".join(f"{r.n} {r.kind} {r.hash[:12]}" for r in run.records), width)
    return tuple(lines)


def _steps(raw: Mapping[str, Any], width: int) -> Iterator[Line]:
    steps = raw.get("steps") or []
    if steps:
        yield EMPTY
    for step in steps:
        took = step.get("took_s")
        spent = f"{took:5.1f} s" if isinstance(took, (int, float)) else "       "
        yield from _labelled(f"{_text(step, 'stage')[:9]:<10}{spent} ", _text(step, "title"), Tone.MUTED, width)
    for step in raw.get("undone") or []:
        text = f"{_text(step, 'title')}: {_text(step, 'stage')}"
        yield from _labelled("undo".ljust(STEP), text, Tone.WARN, width)


def _owners(run: AuditRun, width: int) -> Iterator[Line]:
    first, last = run.records[0].raw, run.last.raw
    before, after = (picture.get("owners") for picture in (first.get("before") or {}, last.get("after") or {}))
    if before or after:
        yield from _field("VIP owners", f"{before} before, {after} after", width)


def _field(name: str, text: str, width: int) -> list[Line]:
    return _labelled(f"{name:<{FIELD}}", text, Tone.MUTED, width)


def _labelled(head: str, text: str, tone: Tone, width: int) -> list[Line]:
    """A label and its text, wrapped beside it."""
    first, *rest = textwrap.wrap(safe(text), max(20, width - len(head))) or [""]
    return [(Span(head, tone), Span(first)), *((Span(" " * len(head) + more),) for more in rest)]


def _text(raw: Mapping[str, Any], key: str) -> str:
    value = raw.get(key)
    return "" if value is None else safe(str(value))
