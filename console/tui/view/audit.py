"""The ledger as rows: one run a line, newest first, and the whole story of the one under the cursor."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from console.judge.ending import stage_word
from console.ledger.odd import fields, listed, number, text
from console.ledger.record import Record
from console.ledger.runs import LedgerRun, runs_of
from console.ledger.verify import Verdict
from console.model.words import counted
from console.parse.safe_text import safe
from console.tui.view.rows import Row
from console.tui.view.tone import EMPTY, Line, Span, Tone

MARKS = {
    "succeeded": ("● succeeded", Tone.OK),
    "passed": ("● passed", Tone.OK),
    "undone": ("↶ undone", Tone.WARN),
    "failed": ("✗ failed", Tone.DOWN),
    "unknown": ("? unknown", Tone.UNKNOWN),
    "refused": ("▲ refused", Tone.WARN),
}
CHAIN_BREAK = ("✗ broken", Tone.DOWN)
NO_OUTCOME = ("? no outcome", Tone.UNKNOWN)
MARK, WHEN = 13, 20
FIELD, STEP = 13, 18


def newest_first(records: Sequence[Record]) -> tuple[LedgerRun, ...]:
    return tuple(reversed(runs_of(records)))


def told(run: LedgerRun) -> tuple[str, ...]:
    """What a filter looks for."""
    keys = ("action", "who", "from", "reason", "command")
    return (run.run, run.last.at, run.outcome, *(_of(run, key) for key in keys))


def verdict_span(verdict: Verdict) -> Span:
    """Whether the ledger can be believed."""
    broken = verdict.broken
    if broken is None:
        return Span(f" {counted(verdict.records, 'record')}, chain intact ", Tone.OK)
    return Span(f" ✗ BROKEN at record {broken.record} (line {broken.line}): {broken.reason} ", Tone.DOWN)


def run_row(run: LedgerRun, width: int) -> Row:
    """One line: when, outcome, what, who, why."""
    word, tone = CHAIN_BREAK if run.breaks else MARKS.get(run.outcome, NO_OUTCOME)
    when = safe(run.last.at.replace("T", " ")[:19])
    who, why = _of(run, "who"), _of(run, "reason")
    line: Line = (
        Span(" " + when.ljust(WHEN), Tone.MUTED),
        Span(word.ljust(MARK), tone),
        Span(f"{_of(run, 'action')}  "),
        Span(f"{who}  ", Tone.MUTED),
        Span(why, Tone.MUTED),
    )
    return Row.whole(run.run, line, _of(run, "command") or f"run {run.run}", width)


def run_story(run: LedgerRun, width: int) -> tuple[Line, ...]:
    """Everything about one run, wrapped."""
    lines: list[Line] = []
    ended = {"outcome": run.outcome, "sentence": safe(run.sentence)}
    for key in ("action", "command", "who", "from", "reason", "overrides", "outcome", "sentence", "restored_by"):
        value = run.value(key)
        told = ", ".join(map(str, value)) if isinstance(value, list) else ended.get(key, _of(run, key))
        if told:
            lines += _field(key.replace("_", " "), told, width)
    if run.breaks:
        said = f"the chain is broken before record {run.last.n}; `iamops audit verify` says more"
        lines += [(Span(line, Tone.DOWN),) for line in textwrap.wrap(said, max(20, width))]
    elif not run.outcome:
        lines.append((Span("no outcome was recorded: the console was ended; look at the cluster", Tone.WARN),))
    lines += list(_steps(run, width))
    lines += list(_owners(run, width))
    lines += _field("records", ", ".join(f"{r.n} {r.kind} {r.hash[:12]}" for r in run.records), width)
    return tuple(lines)


def _steps(run: LedgerRun, width: int) -> Iterator[Line]:
    """Each as it was left: a run that is over leaves none waiting."""
    steps = listed(run.value("steps"))
    if steps:
        yield EMPTY
    for step in steps:
        found = fields(step)
        spent = number(found.get("took_s"))
        took = "       " if spent is None else f"{spent:5.1f} s"
        head = f"{safe(stage_word(text(found.get('stage'))))[:9]:<10}{took} "
        yield from _labelled(head, text(found.get("title")) if found else text(step), Tone.MUTED, width)
    for step in listed(run.value("undone")):
        found = fields(step)
        undone = f"{text(found.get('title'))}: {text(found.get('stage'))}" if found else text(step)
        yield from _labelled("undo".ljust(STEP), undone, Tone.WARN, width)


def _owners(run: LedgerRun, width: int) -> Iterator[Line]:
    before, after = run.owners
    if before or after:
        yield from _field("VIP owners", f"{_named(before)} before, {_named(after)} after", width)


def _named(owners: Any) -> str:
    """`iam-a`; with several VIPs each with its instance."""
    if not isinstance(owners, Mapping) or not owners:
        return "not known"
    who = {name: " and ".join(map(str, listed(nodes))) or "nobody" for name, nodes in owners.items()}
    return next(iter(who.values())) if len(who) == 1 else ", ".join(f"{name} {node}" for name, node in who.items())


def _field(name: str, text: str, width: int) -> list[Line]:
    return _labelled(f"{name:<{FIELD}}", text, Tone.MUTED, width)


def _labelled(head: str, text: str, tone: Tone, width: int) -> list[Line]:
    """A label and its text, wrapped beside it."""
    first, *rest = textwrap.wrap(safe(text), max(20, width - len(head))) or [""]
    return [(Span(head, tone), Span(first)), *((Span(" " * len(head) + more),) for more in rest)]


def _of(run: LedgerRun, key: str) -> str:
    value = run.value(key)
    return "" if value is None else safe(str(value))
